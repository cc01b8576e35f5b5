/** Apache Kafka's own tool moves a partition of three processes from broker to broker: throttled, listed, verified, and one move taken back. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryDirectory } from '../node-ports.js'
import { ClusterProcesses } from '../process/cluster-processes.js'
import { ends, java, produce } from './java-command.js'

const TOPIC = 'java.moves'
const RECORDS = 3_000
const RECORD_BYTES = 1000
const LONGEST_MS = 90_000

export async function checkReassignment(): Promise<string> {
  const directory = temporaryDirectory('reassignment')
  const cluster = await ClusterProcesses.create({ nodes: 3, ports: 'two', naming: 'voters' }, 'java reassignment')
  const bootstrap = (id: number): readonly string[] => ['--bootstrap-server', cluster.bootstrap(id)]
  const file = (content: unknown): string => {
    const path = join(directory, 'moves.json')
    writeFileSync(path, JSON.stringify(content))
    return path
  }
  const tool = async (id: number, ...args: readonly string[]): Promise<string> => {
    const { stdout } = await java('reassign.ReassignPartitionsCommand', [...bootstrap(id), ...args])
    return stdout.toString()
  }
  const moveTo = (replicas: readonly number[]): readonly string[] => {
    const partitions = [{ topic: TOPIC, partition: 0, replicas, log_dirs: replicas.map(() => 'any') }]
    return ['--reassignment-json-file', file({ version: 1, partitions })]
  }
  const described = async (id: number): Promise<string> => {
    const { stdout } = await java('TopicCommand', [...bootstrap(id), '--describe', '--topic', TOPIC])
    return stdout.toString()
  }
  try {
    for (const id of cluster.ids) cluster.start(id)
    await cluster.serves()
    await java('TopicCommand', [...bootstrap(1), '--create', '--topic', TOPIC, '--replica-assignment', '1:2'])
    await produce(cluster.bootstrap(1), TOPIC, RECORDS, [
      ...['--record-size', String(RECORD_BYTES), '--producer-props', 'acks=all'],
    ])

    const wanted = file({ version: 1, topics: [{ topic: TOPIC }] })
    const generated = await tool(2, '--generate', '--topics-to-move-json-file', wanted, '--broker-list', '2,3')
    assert.match(generated, /Proposed partition reassignment configuration\n\{.*"replicas":\[(2,3|3,2)\]/)
    // Too slow ever to end.
    await tool(2, '--execute', ...moveTo([3, 2]), '--throttle', '1')
    assert.match(await tool(1, '--list'), /java\.moves-0: replicas: 3,2,1\. adding: 3\. removing: 1\./)
    const cancelled = await tool(3, '--cancel', ...moveTo([3, 2]))
    assert.match(cancelled, /Successfully cancelled partition reassignment for: java\.moves-0/)
    assert.match(await tool(3, '--list'), /No partition reassignments found/)
    assert.match(await described(1), /Replicas: 2,1\s+Isr: (1,2|2,1)/)

    const started = await tool(3, '--execute', ...moveTo([3, 2]), '--throttle', '50000000')
    assert.match(started, /Successfully started partition reassignment for java\.moves-0/)
    const throttles = await java('TopicCommand', [...bootstrap(1), '--describe', '--topic', TOPIC])
    assert.match(throttles.stdout.toString(), /leader\.replication\.throttled\.replicas=0:1,0:2/)
    let verified = ''
    for (const beganMs = Date.now(); !/java\.moves-0 is completed/.test(verified); await sleep(100)) {
      assert.ok(Date.now() < beganMs + LONGEST_MS, `it does not end: ${verified}`)
      verified = await tool(1, '--verify', ...moveTo([3, 2]))
    }
    assert.match(verified, /Clearing broker-level throttles[\s\S]*Clearing topic-level throttles/)
    const moved = await described(2)
    assert.match(moved, /Leader: [23]\s+Replicas: 3,2\s+Isr: (2,3|3,2)/)
    assert.doesNotMatch(moved, /throttled/)
    assert.match(await tool(2, '--list'), /No partition reassignments found/)
    assert.deepEqual(await ends(cluster.bootstrap(2), TOPIC), [RECORDS])
    return `${RECORDS} records moved to another broker, and one move taken back`
  } finally {
    await cluster.end()
    rmSync(directory, { recursive: true, force: true })
  }
}
