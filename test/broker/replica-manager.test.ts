/** What becomes of replicas that this broker is assigned, and is not any more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partition } from '../../src/broker/partition.js'
import { MetadataDelta } from '../../src/metadata/delta.js'
import type { MetadataImage } from '../../src/metadata/image.js'
import type { PartitionChangeRecord } from '../../src/metadata/records.js'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedCluster } from './cluster-rig.js'
import { agree, nameOf, newTopic, produce, replicaOf, valuesAt } from './replicated.js'
import { batchOf, Produce, produceRequest } from './requests.js'
import { SimulatedBroker } from './simulated-broker.js'

const DATA = '/var/lib/lograft'

/** Names of directories of this topic. */
function directoriesOf(machine: { find(path: string): unknown }, topic: string): string[] {
  const found = machine.find(DATA)
  assert.ok(found instanceof SimulatedDirectory)
  return found.names.filter((name) => name.startsWith(`${topic}-`)).sort()
}

/** A node that hosts a topic with two partitions, and a client that has written to both. */
class Assigned {
  readonly on: SimulatedBroker
  readonly topicId: string
  #image: MetadataImage

  constructor(seed: string) {
    this.on = new SimulatedBroker(seed)
    this.topicId = this.on.createTopic('t', 2)
    for (const partition of [0, 1]) {
      const request = produceRequest({ name: 't' }, batchOf(['a', 'b']), { partition })
      assert.equal(this.on.client().request(Produce, 9, request).responses[0]!.partitionResponses[0]!.errorCode, 0)
    }
    this.#image = this.on.world.node!.broker!.image
  }

  /** As if the metadata said so: in a record, or in an image of which only the whole is known. */
  assign(change: Partial<PartitionChangeRecord>, how: 'delta' | 'image'): void {
    const delta = new MetadataDelta(this.#image)
    const cause = { reason: 'test', evidence: {} } as unknown as PartitionChangeRecord['cause']
    const { topicId } = this
    delta.replay({ type: 'partitionChange', topicId, partitionId: 0, cause, ...change }, this.#image.offset + 1)
    this.#image = delta.image()
    let applied = false
    this.on.world.machine.process!.begin(() =>
      this.on.world.node!.broker!.replicas.apply(this.#image, how === 'delta' ? delta : undefined, () => {
        applied = true
      }),
    )
    this.on.until(() => applied, 'applied')
  }

  find(partition: number): Partition | undefined {
    const hosted = this.on.world.node!.broker!.replicas.find(this.topicId, partition)
    return hosted instanceof Partition ? hosted : undefined
  }
}

const ELSEWHERE = { replicas: [2], isr: [2], leader: 2, directories: ['AAAAAAAAAAAAAAAAAAAAAQ'] }
const AGAIN = { replicas: [2, 1], isr: [2], directories: ['AAAAAAAAAAAAAAAAAAAAAQ', 'AAAAAAAAAAAAAAAAAAAAAA'] }

for (const how of ['delta', 'image'] as const) {
  test(`a replica that is assigned to others goes with its data, and its neighbour stays (${how})`, () => {
    const assigned = new Assigned(how)
    const { machine } = assigned.on.world
    assigned.assign(ELSEWHERE, how)
    assert.equal(assigned.find(0), undefined)
    assert.equal(assigned.find(1)!.log.nextOffset, 2)
    const [first, ...others] = directoriesOf(machine, 't')
    assert.match(first!, /^t-0\.[^-]+-delete$/)
    assert.deepEqual(others, ['t-1'])
    const request = produceRequest({ name: 't' }, batchOf(['c']))
    const { responses } = assigned.on.client().request(Produce, 9, request)
    assert.equal(nameOf(responses[0]!.partitionResponses[0]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
    // As long as log.segment.delete.delay.ms, and a little.
    assigned.on.pass(61_000)
    assert.deepEqual(directoriesOf(machine, 't'), ['t-1'])
  })

  test(`a replica that comes back finds nothing of what it had (${how})`, () => {
    const assigned = new Assigned(`again ${how}`)
    assigned.assign(ELSEWHERE, how)
    assigned.assign(AGAIN, how)
    const again = assigned.find(0)!
    assert.deepEqual([again.log.nextOffset, again.isLeader, again.following?.core.leaderId], [0, false, 2])
  })
}

test('who waits for a replica that goes is told that it is not here', () => {
  const assigned = new Assigned('waits')
  assigned.assign(
    { replicas: [1, 2], isr: [1, 2], directories: ['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ'] },
    'delta',
  )
  const sent = assigned.on.client().send(Produce, 9, produceRequest({ name: 't' }, batchOf(['c'])))
  assigned.on.pass(500)
  assert.equal(sent.response, undefined)
  assigned.assign(ELSEWHERE, 'delta')
  assigned.on.until(() => sent.response !== undefined, 'an answer')
  assert.equal(nameOf(sent.response!.responses[0]!.partitionResponses[0]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.ok(sent.tookMs < 1000, `${sent.tookMs} ms`)
})

test('who waits while the same replica begins another epoch as leader is answered when it is committed', () => {
  const assigned = new Assigned('same leader')
  const others = { replicas: [1, 2], directories: ['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ'] }
  assigned.assign({ ...others, isr: [1, 2] }, 'delta')
  const sent = assigned.on.client().send(Produce, 9, produceRequest({ name: 't' }, batchOf(['c'])))
  assigned.on.pass(500)
  const { leaderEpoch } = assigned.find(0)!
  assigned.assign({ leader: 1 }, 'delta')
  assert.equal(assigned.find(0)!.leaderEpoch, leaderEpoch + 1)
  assigned.on.pass(100)
  assert.equal(sent.response, undefined)
  assigned.assign({ isr: [1] }, 'delta')
  assigned.on.until(() => sent.response !== undefined, 'an answer')
  const { errorCode, baseOffset } = sent.response!.responses[0]!.partitionResponses[0]!
  assert.deepEqual([nameOf(errorCode), baseOffset], ['NONE', 2])
})

for (const recreated of [false, true]) {
  test(`a topic that is deleted${recreated ? ' and made anew' : ''} while a broker is away: it puts aside what it has of it`, () => {
    const cluster = new SimulatedCluster(`away ${recreated}`)
    const before = newTopic(cluster, 'gone')
    produce(cluster, before, ['old', 'older'])
    const away = [1, 2, 3].find((id) => cluster.world.leader?.id !== id)!
    cluster.kill(away)
    const client = cluster.client(cluster.brokers[0]!)
    const request = { topics: [{ name: 'gone', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }], topicNames: [], timeoutMs: 5000 }
    assert.equal(client.request(DeleteTopics, 6, request).responses[0]!.errorCode, 0)
    cluster.untilKnown(({ topicsByName }) => !topicsByName.has('gone'))
    const after = recreated ? newTopic(cluster, 'gone', 1, 2) : undefined
    if (after !== undefined) produce(cluster, after, ['new'])
    cluster.start(away)
    cluster.untilKnown(
      ({ topicsByName }) => (topicsByName.get('gone')?.topicId ?? before.topicId) !== before.topicId || !recreated,
    )
    const strays = directoriesOf(cluster.node(away).machine, 'gone').filter((name) => name.endsWith('-stray'))
    assert.equal(strays.length, 1)
    if (after === undefined) return
    const { replicas } = cluster.partition('gone')
    cluster.until(() => agree(cluster, after, replicas), 'agreement', 10_000)
    assert.deepEqual(valuesAt(cluster, after), ['new'])
    for (const id of replicas) assert.equal(replicaOf(cluster, after, id).log.nextOffset, 1)
    assert.equal(cluster.node(away).node!.broker!.replicas.find(before.topicId, 0), undefined)
  })
}
