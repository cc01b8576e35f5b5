/** The shell of shards, with a shard that counts, in a partition of which the test says what becomes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_TICKETS } from '../../../src/broker/coordinators/shard-host.js'
import { MetadataDelta } from '../../../src/metadata/delta.js'
import { EMPTY_IMAGE } from '../../../src/metadata/image.js'
import { buildBatch } from '../../../src/records/builder.js'
import { CODEC_NAMES } from '../../../src/records/compression/codec.js'
import { buildControlBatch, CONTROL_TYPE } from '../../../src/records/control.js'
import { diskError, ModelPartition, RuntimeRig } from './model-partition.js'

const record = (name: string) => ({ key: Buffer.from(name), value: Buffer.from(`value of ${name}`), timestamp: 77 })

const namesOf = ({ shard }: RuntimeRig): string[] => shard.applied.map(({ name }) => name)

test('who does not lead does not coordinate; who has begun to lead loads first', () => {
  const rig = new RuntimeRig()
  rig.ask('too early')
  assert.deepEqual(rig.takeAnswers(), [['too early', 'NOT_COORDINATOR']])
  rig.changed()
  rig.ask('while it loads')
  assert.deepEqual(rig.takeAnswers(), [['while it loads', 'COORDINATOR_LOAD_IN_PROGRESS']])
  assert.deepEqual(rig.runtime.coordinated, { partitions: [0], loading: 1 })
  rig.clock.advance(100)
  assert.deepEqual(rig.runtime.coordinated, { partitions: [0], loading: 0 })
  rig.ask('a')
  rig.commit()
  assert.deepEqual(rig.takeAnswers(), [['a', 1]])
  rig.partition.isLeader = false
  rig.changed()
  rig.ask('too late')
  assert.deepEqual(rig.takeAnswers(), [['too late', 'NOT_COORDINATOR']])
  assert.ok(rig.shard.isUnloaded)
})

test('partitions of other topics are none of its business', () => {
  const rig = new RuntimeRig()
  rig.runtime.partitionChanged(new ModelPartition('another'))
  assert.deepEqual(rig.runtime.coordinated.partitions, [])
})

test('offsets.load.buffer.size: the log is loaded whole, in pieces of it, whatever it is compressed with, with the places of its records', () => {
  const rig = new RuntimeRig()
  const { partition } = rig
  for (const codec of CODEC_NAMES) partition.add(buildBatch([record(`${codec} 1`), record(`${codec} 2`)], { codec }))
  rig.loadBytes = 1
  rig.load()
  assert.deepEqual(
    namesOf(rig),
    CODEC_NAMES.flatMap((codec) => [`${codec} 1`, `${codec} 2`]),
  )
  assert.deepEqual(
    rig.shard.places.map(({ offset, timestampMs, producerId }) => [offset, timestampMs, producerId]),
    Array.from({ length: 2 * CODEC_NAMES.length }, (_, offset) => [offset, 77, -1]),
  )
  assert.deepEqual([partition.reads, partition.released], [CODEC_NAMES.length, CODEC_NAMES.length])
  // The memory that was read from is another's by now.
  assert.deepEqual(
    rig.shard.applied.map(({ name, bytes }) => Buffer.from(bytes).toString() === `value of ${name}`),
    rig.shard.applied.map(() => true),
  )
  const inOne = new RuntimeRig(partition).load()
  assert.equal(partition.reads, CODEC_NAMES.length + 1)
  assert.deepEqual(namesOf(inOne), namesOf(rig))
  assert.equal(inOne.runtime.loads.count, 1)
})

test('a load begins where the log starts, and steps over what says nothing to a shard', () => {
  const rig = new RuntimeRig()
  const { partition } = rig
  partition.add(buildBatch([record('deleted'), record('a')]))
  partition.add(buildControlBatch([{ type: CONTROL_TYPE.leaderChange, value: Buffer.alloc(4), timestamp: 77 }]))
  partition.add(buildBatch([record('open')], { transactional: true, producerId: 5, producerEpoch: 0, baseSequence: 0 }))
  partition.add(buildBatch([record('strange'), record('broken'), record('b')]))
  partition.startOffset = 1
  rig.load()
  assert.deepEqual(namesOf(rig), ['a', 'b'])
  assert.deepEqual(rig.logger.complaints, [
    'a record cannot be read',
    'records were skipped that this version cannot make out',
  ])
})

test('a load goes on when what is on its way to the disk is written', () => {
  const rig = new RuntimeRig()
  rig.partition.add(buildBatch([record('a')]))
  rig.partition.logEndOffset = 0
  rig.load()
  assert.equal(rig.shard.isLoaded, false)
  rig.partition.logEndOffset = 1
  rig.changed()
  rig.clock.advance(100)
  assert.deepEqual([rig.shard.isLoaded, namesOf(rig)], [true, ['a']])
})

test('a load that fails is begun again with another shard', () => {
  const rig = new RuntimeRig()
  rig.partition.add(buildBatch([record('a')]))
  rig.partition.readError = diskError()
  rig.load()
  rig.ask('a question')
  assert.deepEqual(rig.takeAnswers(), [['a question', 'COORDINATOR_LOAD_IN_PROGRESS']])
  assert.ok(rig.shard.isUnloaded)
  rig.partition.readError = undefined
  rig.clock.advance(1000)
  assert.deepEqual([rig.shards.length, rig.shard.isLoaded, namesOf(rig)], [2, true, ['a']])
})

test('what cannot be applied ends the load and not the node; it is tried again, less and less often', () => {
  for (const cannotApply of ['b', 'loaded']) {
    const rig = new RuntimeRig()
    const { partition, clock } = rig
    partition.add(buildBatch([record('a'), record('b'), record('c')]))
    partition.add(buildBatch([record('d')]))
    rig.cannotApply = cannotApply
    rig.load()
    rig.ask('a question')
    assert.deepEqual(rig.takeAnswers(), [['a question', 'COORDINATOR_LOAD_IN_PROGRESS']])
    assert.ok(rig.shard.isUnloaded)
    assert.deepEqual(rig.logger.complaints, ['coordinator cannot be loaded'])
    const { error } = rig.logger.lines.at(-1)!.fields as { error: string }
    assert.match(error, cannotApply === 'b' ? /offset 1\b.*b cannot be/ : /it cannot begin/)
    assert.equal(partition.released, partition.reads, 'the memory is given back')
    clock.advance(600)
    assert.equal(rig.shards.length, 2)
    clock.advance(600_000)
    const tried = rig.shards.length
    assert.ok(tried > 10 && tried < 40, `${tried} times`)
    rig.cannotApply = undefined
    clock.advance(60_000)
    assert.deepEqual([rig.shard.isLoaded, namesOf(rig)], [true, ['a', 'b', 'c', 'd']])
    assert.equal(rig.shards.length, tried + 1)
    rig.ask('e')
    rig.commit()
    assert.deepEqual(rig.takeAnswers(), [['e', 5]])
  }
})

test('a leadership that moves during a load ends it, and what is read afterwards goes nowhere', () => {
  const rig = new RuntimeRig()
  const { partition } = rig
  partition.add(buildBatch([record('a')]))
  partition.heldReads = []
  rig.load()
  assert.equal(partition.heldReads.length, 1)
  partition.isLeader = false
  rig.changed()
  assert.deepEqual(rig.runtime.coordinated.partitions, [])
  const [read] = partition.heldReads
  partition.heldReads = undefined
  read!()
  rig.clock.advance(1000)
  assert.deepEqual([rig.shards.length, rig.shard.isLoaded, rig.shard.applied.length], [1, false, 0])
  assert.equal(partition.released, 1, 'the memory is given back')
  partition.isLeader = true
  partition.leaderEpoch = 3
  rig.load()
  assert.deepEqual([rig.shards.length, namesOf(rig)], [2, ['a']])
})

test('answers wait for the high watermark, also those that only read, and leave in order', () => {
  const rig = new RuntimeRig().load()
  rig.ask('first')
  rig.ask('read', { kind: 'read' })
  rig.ask('second')
  assert.deepEqual(rig.takeAnswers(), [])
  assert.equal(rig.runtime.waiting, 3)
  rig.commit(1)
  assert.deepEqual(rig.takeAnswers(), [
    ['first', 1],
    ['read', 1],
  ])
  rig.commit(2)
  assert.deepEqual(rig.takeAnswers(), [['second', 2]])
  rig.ask('read', { kind: 'read' })
  assert.deepEqual(rig.takeAnswers(), [['read', 2]])
  assert.equal(rig.runtime.waiting, 0)
})

test('what was loaded is told only when it is committed', () => {
  const rig = new RuntimeRig()
  rig.partition.add(buildBatch([record('a')]))
  rig.load()
  rig.ask('read', { kind: 'read' })
  assert.deepEqual(rig.takeAnswers(), [])
  rig.commit()
  assert.deepEqual(rig.takeAnswers(), [['read', 1]])
})

test('an answer may come with a later decision; who has none when the shard goes is sent elsewhere', () => {
  const rig = new RuntimeRig().load()
  rig.ask('waits', { kind: 'wait' })
  rig.ask('a')
  rig.commit()
  assert.deepEqual(rig.takeAnswers(), [
    ['a', 1],
    ['waits', 1],
  ])
  rig.ask('waits', { kind: 'wait' })
  rig.ask('not committed')
  rig.partition.isLeader = false
  rig.changed()
  assert.deepEqual(rig.takeAnswers(), [
    ['waits', 'NOT_COORDINATOR'],
    ['not committed', 'NOT_COORDINATOR'],
  ])
  rig.commit()
  assert.deepEqual(rig.takeAnswers(), [])
})

test('offsets.commit.timeout.ms: what is not committed in time is answered so, and counts all the same', () => {
  const rig = new RuntimeRig().load()
  rig.ask('slow')
  rig.clock.advance(4999)
  assert.deepEqual(rig.takeAnswers(), [])
  rig.clock.advance(2)
  assert.deepEqual(rig.takeAnswers(), [['slow', 'COORDINATOR_NOT_AVAILABLE']])
  rig.commit()
  assert.deepEqual([rig.takeAnswers(), namesOf(rig)], [[], ['slow']])
})

test('the shard says what is answered where the partition refuses, and nothing is applied', () => {
  const rig = new RuntimeRig().load()
  rig.partition.refuses = 'NOT_ENOUGH_REPLICAS'
  rig.ask('a')
  assert.deepEqual(rig.takeAnswers(), [['a', -1]])
  rig.partition.refuses = undefined
  rig.ask('b')
  rig.commit()
  assert.deepEqual(rig.takeAnswers(), [['b', 1]])
  assert.deepEqual([rig.shard.refusals, namesOf(rig)], [['NOT_ENOUGH_REPLICAS'], ['b']])
})

test('a decision that is larger than the topic takes is refused', () => {
  const rig = new RuntimeRig(new ModelPartition(undefined, 0, { 'max.message.bytes': '200' })).load()
  rig.ask('x'.repeat(100))
  assert.deepEqual(rig.shard.refusals, ['MESSAGE_TOO_LARGE'])
  const segments = new RuntimeRig(new ModelPartition(undefined, 0, { 'internal.segment.bytes': '1024' })).load()
  segments.ask('x'.repeat(1000))
  assert.deepEqual(segments.shard.refusals, ['RECORD_LIST_TOO_LARGE'])
})

test('a record that cannot be written is refused like one that is too large', () => {
  const rig = new RuntimeRig().load()
  rig.ask('unwritable')
  assert.deepEqual(rig.takeAnswers(), [['unwritable', -1]])
  assert.deepEqual([rig.shard.refusals, namesOf(rig), rig.partition.nextOffset], [['MESSAGE_TOO_LARGE'], [], 0])
})

test('an append that is lost: who waits is sent elsewhere, and the shard is loaded again when the log is whole', () => {
  const rig = new RuntimeRig().load()
  rig.ask('kept')
  rig.commit()
  rig.ask('lost')
  rig.takeAnswers()
  rig.partition.fail(1)
  rig.changed()
  assert.deepEqual(rig.takeAnswers(), [['lost', 'NOT_COORDINATOR']])
  rig.clock.advance(10_000)
  assert.equal(rig.shards.length, 1)
  rig.partition.repair()
  rig.load()
  assert.deepEqual([rig.shards.length, namesOf(rig)], [2, ['kept']])
  rig.ask('after')
  rig.commit()
  assert.deepEqual(rig.takeAnswers(), [['after', 2]])
})

test('as long as the log is out of service nobody is told to wait: somebody else may lead already', () => {
  const rig = new RuntimeRig().load()
  rig.ask('lost')
  rig.partition.fail(0)
  rig.changed()
  rig.takeAnswers()
  rig.ask('of a log that has failed')
  rig.partition.repair()
  rig.partition.closed = true
  rig.ask('of a log that is closed')
  rig.partition.closed = false
  rig.changed()
  rig.ask('while it loads')
  assert.deepEqual(rig.takeAnswers(), [
    ['of a log that has failed', 'NOT_COORDINATOR'],
    ['of a log that is closed', 'NOT_COORDINATOR'],
    ['while it loads', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ])
})

test('an epoch that follows at once changes nothing; with another one in between it is loaded again', () => {
  const rig = new RuntimeRig().load()
  rig.ask('a')
  rig.partition.leaderEpoch = 2
  rig.commit()
  assert.deepEqual([rig.takeAnswers(), rig.shards.length], [[['a', 1]], 1])
  rig.ask('waits', { kind: 'wait' })
  rig.partition.leaderEpoch = 4
  rig.load()
  assert.deepEqual([rig.takeAnswers(), rig.shards.length], [[['waits', 'NOT_COORDINATOR']], 2])
  assert.deepEqual(namesOf(rig), ['a'])
})

test('a topic that is created again has a shard of its own', () => {
  const rig = new RuntimeRig().load()
  rig.ask('a')
  const next = new ModelPartition()
  rig.runtime.partitionChanged(next)
  assert.deepEqual(rig.takeAnswers(), [['a', 'NOT_COORDINATOR']])
  rig.clock.advance(100)
  assert.deepEqual([rig.shards.length, rig.shard.applied.length], [2, 0])
  // The one before is not hosted any more, of which it is heard later.
  rig.partition.isLeader = false
  rig.changed()
  assert.deepEqual(rig.runtime.coordinated.partitions, [0])
})

test('one timer wakes the shard that is due, again where there is more to do, and not for what has become later', () => {
  const rig = new RuntimeRig().load()
  const { shard, clock } = rig
  shard.dueMs = clock.monotonicMs() + 1000
  shard.expiring = [
    { name: 'x', bytes: Buffer.from('x') },
    { name: 'y', bytes: Buffer.from('y') },
  ]
  rig.ask('read', { kind: 'read' })
  clock.advance(999)
  assert.equal(shard.expired.length, 0)
  clock.advance(1)
  assert.deepEqual([shard.expired.length, namesOf(rig)], [3, ['x', 'y']])
  assert.equal(clock.timers, 0)
})

test('what is decided by itself and refused is tried again half a second later', () => {
  const rig = new RuntimeRig().load()
  const { shard, clock } = rig
  shard.dueMs = clock.monotonicMs()
  shard.expiring = [{ name: 'x', bytes: Buffer.from('x') }]
  rig.partition.refuses = 'NOT_ENOUGH_REPLICAS'
  rig.ask('read', { kind: 'read' })
  clock.advance(499)
  assert.equal(shard.refusals.length, 1)
  clock.advance(1)
  assert.equal(shard.refusals.length, 2)
  rig.partition.refuses = undefined
  clock.advance(500)
  assert.deepEqual(namesOf(rig), ['x'])
})

test('metadata goes to what is loaded, unless nothing in it may concern a shard', () => {
  const rig = new RuntimeRig().load()
  const image = { ...EMPTY_IMAGE, offset: 5 }
  rig.runtime.metadataChanged(image, undefined)
  assert.deepEqual(rig.shard.images, [EMPTY_IMAGE, image])
  const delta = new MetadataDelta(image)
  delta.replay({ type: 'noOp' }, 6)
  rig.runtime.metadataChanged({ ...image, offset: 6 }, delta)
  assert.equal(rig.shard.images.length, 2)
})

test('offsets.topic.compression.codec: what is appended is compressed with it', () => {
  const sizes = CODEC_NAMES.map((codec) => {
    const rig = new RuntimeRig()
    rig.codec = codec
    rig.load().ask('x'.repeat(1000))
    const again = new RuntimeRig(rig.partition).load()
    assert.deepEqual(namesOf(again), ['x'.repeat(1000)])
    return rig.partition.batches[0]!.length
  })
  assert.ok(
    sizes.slice(1).every((size) => size < sizes[0]! / 4),
    sizes.join(' '),
  )
})

test('no more than so many wait for an answer', () => {
  const rig = new RuntimeRig().load()
  for (let n = 0; n < MAX_TICKETS; n++) rig.ask('waits', { kind: 'wait' })
  rig.ask('one too many')
  assert.deepEqual(rig.takeAnswers(), [['one too many', 'COORDINATOR_NOT_AVAILABLE']])
})

test('after a stop nobody waits, and nothing begins', () => {
  const rig = new RuntimeRig().load()
  rig.ask('waits', { kind: 'wait' })
  rig.runtime.stop()
  assert.deepEqual(rig.takeAnswers(), [['waits', 'NOT_COORDINATOR']])
  rig.load()
  assert.deepEqual([rig.shards.length, rig.clock.timers], [1, 0])
})
