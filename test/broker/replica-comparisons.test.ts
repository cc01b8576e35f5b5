/** The leader's side of comparing replicas, at its own slow pace; what comes of it in a cluster is told in test/sim/divergence-stories.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partition } from '../../src/broker/partition.js'
import { ReplicaComparisons } from '../../src/broker/replica-comparisons.js'
import type { ReplicaRebuilds } from '../../src/broker/replica-rebuilds.js'
import type { ReplicaRequest, ReplicaRequests } from '../../src/broker/replica-requests.js'
import type { Logger } from '../../src/io/logger.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { BatchView } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { RangeDigest } from '../../src/replication/replica-digests.js'
import { DamagedBatchError } from '../../src/storage/log-damaged-error.js'
import { FakeClock } from '../fake-clock.js'

const BATCH = Buffer.from(buildBatch([{ key: null, value: Buffer.alloc(900), timestamp: 1 }]))

const QUIET = { error() {}, warn() {} } as unknown as Logger
const SAME = 'same'

function batchAt(offset: number): Buffer {
  const batch = Buffer.from(BATCH)
  batch.writeBigInt64BE(BigInt(offset), 0)
  return batch
}

/** Of a replica that is as it should be. */
function digestOf({ fromOffset, upToOffset }: ReplicaRequest): string {
  const digest = new RangeDigest()
  for (let n = Number(fromOffset); n < Number(upToOffset); n++) digest.add(new BatchView().reset(batchAt(n), 0))
  return digest.toText()
}

interface World {
  readonly clock: FakeClock
  readonly comparisons: ReplicaComparisons
  readonly asked: ReplicaRequest[]
  readonly rotted: number[]
  readonly rebuilt: unknown[]
  readonly partition: { leaderEpoch: number; highWatermark: number; knowsHighWatermark: boolean }
  /** What others say; undefined: nothing. */
  answer: (id: number, request: ReplicaRequest) => string | null | undefined
  pass(seconds: number): void
}

/** A log of batches of one record, ten in a segment, led by broker 1. */
function worldOf(
  options: {
    readonly bytesPerSecond?: number
    readonly intervalMs?: number
    readonly replicas?: readonly number[]
    readonly damaged?: number
    readonly count?: number
  } = {},
): World {
  const { bytesPerSecond = 1_000_000, intervalMs = 10_000, replicas = [1, 2, 3], damaged, count = 35 } = options
  const clock = new FakeClock()
  const asked: ReplicaRequest[] = []
  const rotted: number[] = []
  const rebuilt: unknown[] = []
  const log = {
    startOffset: 0,
    settledEndOffset: count + 5,
    closed: false,
    failed: false,
    segments: [...Array(Math.ceil(count / 10)).keys()].map((n) => ({ baseOffset: 10 * n })),
    read: (
      { offset, upToOffset, maxBytes }: { offset: number; upToOffset: number; maxBytes: number },
      done: (error?: Error, read?: object) => void,
    ) => {
      if (offset === damaged) return done(new DamagedBatchError('there', offset))
      const most = offset + Math.min(7, Math.max(1, Math.floor(maxBytes / BATCH.length)))
      const end = Math.min(most, upToOffset, damaged !== undefined && damaged > offset ? damaged : upToOffset)
      const bytes = Buffer.concat([...Array(end - offset).keys()].map((n) => batchAt(offset + n)))
      done(undefined, { bytes, release() {} })
    },
  }
  const leading = { leaderEpoch: 4, replicas }
  const partition = {
    ...{ id: { topic: 't', topicId: 'id', partition: 0 }, log, leading, following: undefined, isLeader: true },
    ...{ leaderEpoch: 4, highWatermark: count, knowsHighWatermark: true },
    settings: { 'cleanup.policy': new Set(['delete']) },
    rotted: (offset: number) => void rotted.push(offset),
  }
  const requests = {
    ask(id: number, request: ReplicaRequest, done: (response?: object) => void): void {
      asked.push(request)
      const said = world.answer(id, request)
      const digest = said === SAME ? digestOf(request) : said
      clock.timer(1, () => done(digest === undefined ? undefined : { errorCode: ErrorCode.NONE, digest }))
    },
    closeIdle() {},
    stop() {},
  }
  const rebuilds = { tick() {}, rebuild: (...args: readonly unknown[]) => void rebuilt.push(args.slice(1)) }
  const comparisons = new ReplicaComparisons({
    ...{ nodeId: 1, clock, logger: QUIET, intervalMs: () => intervalMs, bytesPerSecond: () => bytesPerSecond },
    partitions: () => [partition as unknown as Partition],
    requests: requests as unknown as ReplicaRequests,
    rebuilds: rebuilds as unknown as ReplicaRebuilds,
  })
  const world: World = {
    ...{ clock, comparisons, asked, rotted, rebuilt, partition },
    answer: () => SAME,
    pass(seconds) {
      for (let n = 0; n < seconds; n++) {
        comparisons.tick()
        clock.advance(1000)
      }
    },
  }
  return world
}

const offsetsOf = (asked: readonly ReplicaRequest[]): readonly string[] => [
  ...new Set(asked.map(({ fromOffset, upToOffset }) => `${fromOffset}-${upToOffset}`)),
]

test('replica.digest.interval.ms says how often all that is committed is compared, and with 0 it is not', () => {
  const world = worldOf()
  world.pass(10)
  assert.equal(world.asked.length, 0, 'who has just started has other things to do')
  world.pass(9)
  assert.deepEqual(offsetsOf(world.asked), ['0-7', '7-14', '14-21', '21-28', '28-35'])
  assert.equal(world.asked.length, 10, 'each of the others')
  assert.equal(world.comparisons.comparedBytes, 35 * BATCH.length)
  world.pass(10)
  assert.equal(world.asked.length, 20)
  const never = worldOf({ intervalMs: 0 })
  never.pass(1000)
  assert.equal(never.asked.length, 0)
})

test('replica.digest.bytes.per.second says how much is read for it', () => {
  const world = worldOf({ bytesPerSecond: 7 * BATCH.length })
  world.pass(11)
  assert.deepEqual(offsetsOf(world.asked), ['0-7'])
  world.pass(1)
  assert.deepEqual(offsetsOf(world.asked), ['0-7', '7-14'])
})

test('a difference that is there once only is none; one that stays is an alarm, and the round is over for this log', () => {
  const world = worldOf()
  let times = 0
  world.answer = (id, { fromOffset }) => {
    if (id === 2 && fromOffset === 7 && times++ === 0) return 'another'
    if (fromOffset === 14) return id === 3 ? 'another' : null
    return SAME
  }
  world.pass(15)
  assert.equal(world.comparisons.alarms, 1)
  assert.equal(world.comparisons.differing, 1)
  assert.equal(times, 2)
  assert.deepEqual(offsetsOf(world.asked), ['0-7', '7-14', '14-21'])
  assert.deepEqual(world.rebuilt, [], 'of three only two have told what they have')
  world.answer = () => SAME
  world.pass(10)
  assert.deepEqual([world.comparisons.alarms, world.comparisons.differing], [1, 0], 'it is well again')
})

test('who differs from the majority is to be fetched again, from where the range begins', () => {
  const world = worldOf()
  world.answer = (_, { fromOffset }) => (fromOffset === 14 ? 'theirs' : SAME)
  world.pass(15)
  assert.deepEqual(world.rebuilt, [[[1], [2, 3], 14]])
})

test('what is found while another leads, or leads anew, says nothing', () => {
  const world = worldOf()
  world.answer = () => {
    Object.assign(world.partition, { leading: { leaderEpoch: 5, replicas: [1, 2, 3] }, leaderEpoch: 5 })
    return 'theirs'
  }
  world.pass(10)
  assert.equal(world.comparisons.alarms, 0)
})

test('nothing is compared before the high watermark is known, nor behind it', () => {
  const world = worldOf()
  world.partition.knowsHighWatermark = false
  world.pass(12)
  assert.equal(world.asked.length, 0)
  world.partition.knowsHighWatermark = true
  world.partition.highWatermark = 3
  world.pass(10)
  assert.deepEqual(offsetsOf(world.asked), ['0-3'])
})

test('what has rotted is for others to mend: what is in front of it is compared, and the next segments', () => {
  const world = worldOf({ damaged: 13 })
  world.pass(15)
  assert.deepEqual(world.rotted, [13])
  assert.deepEqual(offsetsOf(world.asked), ['0-7', '7-13', '20-27', '27-34', '34-35'])
})
