/**
 * R03 as a table: where a follower cuts its log when it begins to follow, by the epochs of both logs (KIP-101, KIP-279, KAFKA-7415). The follower's core asks, the
 * leader's obstacle or none is the answer, until the follower may append.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findObstacle } from '../../src/broker/apis/partition/fetch-obstacle.js'
import type { Partition } from '../../src/broker/partition.js'
import { LeaderEpochCache } from '../../src/log/leader-epoch-cache.js'
import { type FollowedLog, PartitionFollower } from '../../src/replication/partition-follower.js'

/** Epochs with the offset at which each starts, and the end of the log. A leader's last one may be empty. */
interface Log {
  readonly epochs: readonly (readonly [epoch: number, startOffset: number])[]
  readonly end: number
}

interface Row {
  readonly leader: Log
  readonly follower: Log
  /** What the follower keeps ends there. */
  readonly keeps: number
  /** Differences that it is told of; as many as it needs. */
  readonly cuts: number
}

const LEADER_EPOCH = 9
const MOST_ROUNDS = 10

const TABLE: Readonly<Record<string, Row>> = {
  '(a) behind, in the same epoch: nothing is cut': {
    leader: { epochs: [[1, 0]], end: 10 },
    follower: { epochs: [[1, 0]], end: 6 },
    ...{ keeps: 6, cuts: 0 },
  },
  '(b) behind, and the leader has a later epoch: nothing is cut': {
    leader: {
      epochs: [
        [1, 0],
        [2, 10],
      ],
      end: 15,
    },
    follower: { epochs: [[1, 0]], end: 6 },
    ...{ keeps: 6, cuts: 0 },
  },
  '(b) the same, at the very end of the earlier one': {
    leader: {
      epochs: [
        [1, 0],
        [2, 10],
      ],
      end: 15,
    },
    follower: { epochs: [[1, 0]], end: 10 },
    ...{ keeps: 10, cuts: 0 },
  },
  '(c) ahead, in the same epoch: to the end of the leader': {
    leader: {
      epochs: [
        [1, 0],
        [2, 10],
      ],
      end: 10,
    },
    follower: { epochs: [[1, 0]], end: 14 },
    ...{ keeps: 10, cuts: 1 },
  },
  '(c) the same, and the leader has gone on in another epoch': {
    leader: {
      epochs: [
        [1, 0],
        [2, 10],
      ],
      end: 30,
    },
    follower: { epochs: [[1, 0]], end: 14 },
    ...{ keeps: 10, cuts: 1 },
  },
  '(d) records of an epoch that the leader lacks: to the end of the common epoch': {
    leader: {
      epochs: [
        [1, 0],
        [3, 10],
      ],
      end: 20,
    },
    follower: {
      epochs: [
        [1, 0],
        [2, 10],
      ],
      end: 13,
    },
    ...{ keeps: 10, cuts: 1 },
  },
  '(e) both have gone on, each in an epoch of its own: to the end of the common epoch here': {
    leader: {
      epochs: [
        [1, 0],
        [3, 5],
      ],
      end: 12,
    },
    follower: {
      epochs: [
        [1, 0],
        [2, 8],
      ],
      end: 11,
    },
    ...{ keeps: 5, cuts: 1 },
  },
  '(e) the same in several epochs, of which none is common to both': {
    leader: {
      epochs: [
        [0, 0],
        [2, 2],
        [5, 6],
      ],
      end: 20,
    },
    follower: {
      epochs: [
        [0, 0],
        [1, 2],
        [3, 4],
      ],
      end: 8,
    },
    ...{ keeps: 2, cuts: 2 },
  },
  '(f) the common epoch is shorter here: to the end of it here, not at the leader': {
    leader: {
      epochs: [
        [0, 0],
        [2, 15],
      ],
      end: 21,
    },
    follower: {
      epochs: [
        [0, 0],
        [1, 10],
      ],
      end: 20,
    },
    ...{ keeps: 10, cuts: 1 },
  },
  '(f) the same, where all that is here ends before the common epoch does at the leader': {
    leader: {
      epochs: [
        [0, 0],
        [2, 15],
      ],
      end: 21,
    },
    follower: {
      epochs: [
        [0, 0],
        [1, 10],
      ],
      end: 12,
    },
    ...{ keeps: 10, cuts: 1 },
  },
  '(g) no common epoch: all is cut': {
    leader: { epochs: [[2, 0]], end: 10 },
    follower: { epochs: [[1, 0]], end: 6 },
    ...{ keeps: 0, cuts: 1 },
  },
}

function cacheOf({ epochs }: Log): LeaderEpochCache {
  const cache = new LeaderEpochCache()
  for (const [epoch, startOffset] of epochs) cache.assign(epoch, startOffset)
  return cache
}

function followed(epochs: LeaderEpochCache, end: number): FollowedLog {
  return { startOffset: 0, nextOffset: end, settledEndOffset: end, flushedEndOffset: end, epochs }
}

/** What a fetch needs of a leader. */
function leaderWith(log: Log): Partition {
  const partition: Pick<Partition, 'isLeader' | 'checkEpoch'> & { readonly log: object } = {
    isLeader: true,
    checkEpoch: () => undefined,
    log: { startOffset: 0, logEndOffset: log.end, state: { epochs: cacheOf(log) } },
  }
  return partition as unknown as Partition
}

/** Up to where both have the same records: an epoch writes each offset once. */
function commonEnd(one: Log, other: Log): number {
  const [mine, theirs] = [cacheOf(one), cacheOf(other)]
  let offset = 0
  while (offset < Math.min(one.end, other.end) && mine.epochOf(offset) === theirs.epochOf(offset)) offset++
  return offset
}

for (const [name, { leader, follower, keeps, cuts }] of Object.entries(TABLE)) {
  test(`R03: ${name}`, () => {
    const core = new PartitionFollower({
      leaderId: 2,
      leaderEpoch: LEADER_EPOCH,
      flushPolicy: 'commit',
      highWatermark: 0,
    })
    const partition = leaderWith(leader)
    const epochs = cacheOf(follower)
    let { end } = follower
    let told = 0
    for (let round = 0; ; round++) {
      assert.ok(round < MOST_ROUNDS, 'it comes to an end')
      const fetch = core.next(followed(epochs, end))!
      const { leaderEpoch: currentLeaderEpoch, ...asked } = fetch
      const wanted = { partition: 0, currentLeaderEpoch, ...asked, partitionMaxBytes: 1 }
      const nobody = { mayFollow: false, whyNot: () => undefined, nearer: () => undefined }
      const { error, divergingEpoch } = findObstacle(partition, wanted as never, nobody) ?? {}
      assert.equal(error, undefined)
      const answer = { error: 'none', highWatermark: 0, logStartOffset: 0, divergingEpoch } as const
      const action = core.answered(fetch, answer, followed(epochs, end))
      if (action.action === 'append') break
      assert.ok(action.action === 'truncate', action.action)
      told++
      end = action.endOffset
      epochs.truncateFromEnd(end)
      core.changed(followed(epochs, end))
    }
    assert.deepEqual({ keeps: end, cuts: told }, { keeps, cuts })
    assert.equal(end, commonEnd(leader, follower), 'no more and no less than what both have')
  })
}
