/** Nodes that stop one after the other under a load of acks=all: others lead before they go, and nothing is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedCluster } from './cluster-rig.js'
import { agree, inSync, newTopic, produce, replicaOf } from './replicated.js'

const ALL = [1, 2, 3]
const PARTITIONS = 4
/** A leader change, as a client sees it that looks again every 100 ms. */
const LONGEST_MS = 500

for (const minInsync of ['1', '2']) {
  test(`no write waits for longer than a leader change, and none is lost (min.insync.replicas=${minInsync})`, () => {
    const cluster = new SimulatedCluster(`rolling ${minInsync}`)
    const topic = newTopic(cluster, 'rolling', PARTITIONS, 3, { 'min.insync.replicas': minInsync })
    const written: number[] = Array(PARTITIONS).fill(0)
    let longestMs = 0
    const write = (): void => {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const beganMs = cluster.simulation.nowMs
        // What was appended may be answered with another leader, and is sent again.
        const producer = { producerId: 7, producerEpoch: 0, baseSequence: written[partition]! }
        const offset = produce(cluster, topic, [`${written[partition]}`], partition, producer)
        longestMs = Math.max(longestMs, cluster.simulation.nowMs - beganMs)
        assert.equal(offset, written[partition], 'what was written before is there')
        written[partition]!++
      }
    }
    for (const id of ALL) {
      write()
      const node = cluster.node(id)
      node.stop()
      for (let n = 0; node.node !== undefined; n++) {
        assert.ok(n < 200, `node ${id} comes to an end`)
        write()
      }
      assert.equal(node.exitCode, 0)
      for (let n = 0; n < 10; n++) write()
      cluster.start(id)
      cluster.until(
        () => [...written.keys()].every((index) => inSync(cluster, topic, ALL, index)),
        'all are in sync again',
        20_000,
      )
    }
    assert.ok(longestMs < LONGEST_MS, `${longestMs} ms`)
    for (const index of written.keys()) {
      cluster.until(() => agree(cluster, topic, ALL, index), 'agreement', 5000)
      assert.equal(replicaOf(cluster, topic, 1, index).log.nextOffset, written[index])
    }
  })
}
