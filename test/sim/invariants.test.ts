/** The invariants are not blind: a world that is well passes them, and one in which something was tampered with does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partition } from '../../src/broker/partition.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { SimulatedClient } from '../../src/sim/client.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { Invariants } from '../../src/sim/invariants.js'
import { Machine } from '../../src/sim/machine.js'
import { WorkloadProducer } from '../../src/sim/producer.js'
import { Simulation } from '../../src/sim/simulation.js'
import { BROKER_HOST, BROKER_PORT, World } from '../../src/sim/world.js'

interface Hosted {
  readonly world: World
  readonly invariants: Invariants
  readonly partition: Partition
}

/** A node that has some records of one partition, all of them committed and flushed, and has come to rest. */
function hosted(seed: number): Hosted {
  const simulation = new Simulation(seed)
  const world = new World(simulation, { settings: { 'log.dir.reserved.bytes': '0' }, longestDownMs: 10 })
  const client = (name: string): SimulatedClient => {
    let made: SimulatedClient | undefined
    new Machine(simulation, world.network, name).boot(
      (ports) => {
        made = new SimulatedClient(ports, { host: BROKER_HOST, port: BROKER_PORT }, name)
      },
      () => {},
    )
    return made!
  }
  world.start()
  const admin = client('admin')
  let producer: WorkloadProducer | undefined
  admin.whenReady(() => {
    const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    admin.call(CreateTopics, { topics: [topic], timeoutMs: 5000 }, (_, response) => {
      producer = new WorkloadProducer(client('producer'), {
        ...{ process: 1, topic: 't', topicId: response!.topics[0]!.topicId, partition: 0, acks: -1, idempotent: true },
        ...{ codec: 'none', pauseMs: 5, maxRecordsPerBatch: 5, now: () => simulation.nowMs, record: () => {} },
      })
    })
  })
  const has = (records: number): boolean => (world.partitions[0]?.highWatermark ?? 0) > records
  assert.ok(simulation.runUntil(() => has(100), 60_000))
  producer!.stop()
  assert.ok(simulation.runUntil(() => producer!.idle, 120_000))
  return { world, invariants: new Invariants(world), partition: world.partitions[0]! }
}

function firstSegment({ world, partition }: Hosted): SimulatedFile {
  const directory = world.machine.device.find(partition.log.directory)
  assert.ok(directory instanceof SimulatedDirectory)
  const file = directory.get(directory.names.find((name) => name.endsWith('.log'))!)
  assert.ok(file instanceof SimulatedFile)
  return file
}

test('a world that is well passes, and every invariant was looked at', () => {
  const { invariants } = hosted(1)
  invariants.check()
  invariants.checkAll()
  assert.deepEqual(Object.keys(invariants.counts).sort(), [
    'committed is flushed',
    'digest is that of the bytes',
    "directory is its topic's",
    'flushed is on the device',
    'high watermark rises',
  ])
})

test('a flipped bit in a file is seen: what is flushed is not on the device as it was', () => {
  const all = hosted(2)
  const file = firstSegment(all)
  // A byte of a record, and one of the checksum in a batch's header.
  for (const position of [70, 18]) {
    file.flipBit(position, 3)
    assert.throws(() => all.invariants.checkAll(), /t-0: (flushed up to \d+, on the device up to 0|digest )/)
    file.flipBit(position, 3)
    all.invariants.checkAll()
  }
})

test('a batch that is compressed otherwise than its topic wants is seen', () => {
  const all = hosted(2)
  const wanted = all.partition.settings as { 'compression.type': string }
  wanted['compression.type'] = 'lz4'
  assert.throws(() => all.invariants.checkAll(), /t-0: none at 0, and lz4 is wanted/)
  wanted['compression.type'] = 'uncompressed'
  all.invariants.checkAll()
  assert.ok(all.invariants.counts['batch is compressed with none']! > 10)
})

test('bytes that nobody flushed, and are counted as flushed, are seen', () => {
  const all = hosted(3)
  const file = firstSegment(all)
  const end = all.partition.log.flushedEndOffset
  file.truncate(file.sizeBytes >> 1)
  file.endFlush(file.beginFlush(), true)
  assert.throws(() => all.invariants.checkAll(), new RegExp(`flushed up to ${end}, on the device up to|t-0: digest`))
})

test('a digest that is not that of the bytes is seen', () => {
  const { invariants, partition } = hosted(4)
  const { digest } = partition.log.state
  const { current } = digest
  assert.ok(current !== undefined)
  assert.ok(digest.adopt({ ...current, low: (current.low ^ 1) >>> 0 }))
  assert.throws(() => invariants.checkAll(), /t-0: digest .*, of the bytes/)
})

/** The partition with some of its figures changed. */
function tampered({ world, partition }: Hosted, log: object, figures: object = {}): Invariants {
  const changed = Object.create(partition, {
    ...Object.getOwnPropertyDescriptors({
      id: partition.id,
      settings: partition.settings,
      isLeader: partition.isLeader,
      highWatermark: partition.highWatermark,
      ...figures,
    }),
    log: { value: Object.assign(Object.create(null), figuresOf(partition), log) },
  }) as Partition
  const { machine, starts } = world
  return new Invariants({ machine, starts, partitions: [changed] } as unknown as World)
}

function figuresOf({ log }: Partition): object {
  const { startOffset, flushedEndOffset, logEndOffset, nextOffset, recoveryPoint, front } = log
  return { startOffset, flushedEndOffset, logEndOffset, nextOffset, recoveryPoint, front }
}

test('offsets that contradict each other are seen', () => {
  const all = hosted(5)
  const { nextOffset } = all.partition.log
  assert.doesNotThrow(() => tampered(all, {}).check())
  const contradictions: [object, object][] = [
    [{ logEndOffset: nextOffset + 1 }, {}],
    [{ flushedEndOffset: nextOffset + 1 }, {}],
    [{ startOffset: nextOffset + 1 }, {}],
    [{ recoveryPoint: nextOffset + 1 }, {}],
    [{ flushedEndOffset: nextOffset - 1 }, {}],
    [{}, { highWatermark: nextOffset + 1 }],
  ]
  for (const [log, figures] of contradictions) {
    assert.throws(() => tampered(all, log, figures).check(), /t\(.*\)-0: start/, JSON.stringify({ log, figures }))
  }
})

test('a start that nobody has decided is seen', () => {
  const all = hosted(8)
  assert.throws(() => tampered(all, { startOffset: 1 }).check(), /nobody wanted it to start at 1/)
})

test('a high watermark that goes back is seen, but not when the node was started anew', () => {
  const { world, partition } = hosted(6)
  let highWatermark = partition.highWatermark
  const { id, settings, log } = partition
  const fake = {
    starts: world.starts,
    machine: world.machine,
    partitions: [
      {
        ...{ id, settings, log, isLeader: true },
        get highWatermark() {
          return highWatermark
        },
      },
    ],
  }
  const invariants = new Invariants(fake as unknown as World)
  invariants.check()
  highWatermark--
  fake.starts++
  invariants.check()
  highWatermark--
  assert.throws(() => invariants.check(), /t\(.*\)-0: the high watermark went back from/)
})
