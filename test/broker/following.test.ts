/** One replica that follows its leader: what it makes of what leaders say, where no story shows it sooner. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Following } from '../../src/broker/following.js'
import { LeaderEpochCache } from '../../src/log/leader-epoch-cache.js'
import { type LeaderAnswer, PartitionFollower } from '../../src/replication/partition-follower.js'
import type { RebuildDone } from '../../src/storage/log-rebuild.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'

/** A log without records, which says where it would be. */
class ToldLog {
  readonly state = { epochs: new LeaderEpochCache() }
  readonly failed = false
  readonly closed = false
  readonly directory = 't-0'
  startOffset = 100
  nextOffset = 120

  get settledEndOffset(): number {
    return this.nextOffset
  }
  get flushedEndOffset(): number {
    return this.nextOffset
  }
  get logEndOffset(): number {
    return this.nextOffset
  }
  hasRoom(): boolean {
    return true
  }
  advanceStart(offset: number, done: () => void): void {
    this.startOffset = offset
    done()
  }
}

function followingOf(log: ToldLog, leaderId: number, leaderEpoch: number): Following {
  const core = new PartitionFollower({ leaderId, leaderEpoch, flushPolicy: 'os', highWatermark: 100 })
  const cutter = {
    takesBatches: true,
    truncate: (_: PartitionLog, endOffset: number, done: RebuildDone) => {
      log.nextOffset = endOffset
      done(undefined)
    },
    restart: (_: PartitionLog, startOffset: number, done: RebuildDone) => {
      log.startOffset = log.nextOffset = startOffset
      done(undefined)
    },
    beginWith: () => assert.fail('there is no batch'),
  }
  const ignore = (): void => {}
  const events = { cut: ignore, later: ignore, cutter: () => cutter, heard: ignore, note: ignore }
  return new Following(core, log as unknown as PartitionLog, events)
}

function answer(following: Following, said: Partial<LeaderAnswer>): void {
  const whole = { error: 'none', divergingEpoch: undefined, highWatermark: 50, logStartOffset: 0, ...said } as const
  following.take(following.next()!, whole, null)
}

test('a leader that has lost what was deleted starts in front: what it has written anew since is not deleted', () => {
  for (const isSame of [false, true]) {
    const log = new ToldLog()
    log.state.epochs.assign(1, 0)
    const before = followingOf(log, 1, 1)
    before.hears(100)
    // It was elected with less than the one before had, or came back with less.
    const now = followingOf(log, isSame ? 1 : 2, 2)
    if (isSame) now.hears(before.leaderStartOffset)
    answer(now, { divergingEpoch: { epoch: 0, endOffset: 50 } })
    answer(now, { error: 'out of range' })
    assert.deepEqual([log.startOffset, log.nextOffset], [0, 0])
    log.nextOffset = 150
    answer(now, { highWatermark: 150 })
    assert.deepEqual([log.startOffset, log.nextOffset], [0, 150])
    answer(now, { highWatermark: 150, logStartOffset: 30 })
    assert.equal(log.startOffset, 30)
  }
})
