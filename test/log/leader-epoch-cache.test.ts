import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LeaderEpochCache } from '../../src/log/leader-epoch-cache.js'
import { parsedValue, reasonOf } from './parsed.js'

type Pair = readonly [epoch: number, startOffset: number]

function cacheOf(...pairs: Pair[]): LeaderEpochCache {
  const cache = new LeaderEpochCache()
  for (const [epoch, startOffset] of pairs) cache.assign(epoch, startOffset)
  return cache
}

function pairsOf(cache: LeaderEpochCache): Pair[] {
  return cache.entries().map(({ leaderEpoch, startOffset }) => [leaderEpoch, startOffset])
}

function textOf(cache: LeaderEpochCache): string {
  return cache.size === 0
    ? 'empty'
    : pairsOf(cache)
        .map(([epoch, startOffset]) => `${epoch}@${startOffset}`)
        .join(' ')
}

const end = (leaderEpoch: number, endOffset: number) => ({ leaderEpoch, endOffset })

test('the latest epoch ends at the end of the log, others where the next one starts', () => {
  const cache = cacheOf([0, 10], [2, 13], [4, 17])
  assert.deepEqual(cache.endOffsetFor(4, 99), end(4, 99))
  assert.deepEqual(cache.endOffsetFor(2, 99), end(2, 17))
  assert.deepEqual(cache.endOffsetFor(0, 99), end(0, 13))
})

test('for an epoch that is not in the log the one before it answers (KIP-279)', () => {
  const cache = cacheOf([0, 10], [2, 13], [4, 17])
  assert.deepEqual(cache.endOffsetFor(1, 99), end(0, 13))
  assert.deepEqual(cache.endOffsetFor(3, 99), end(2, 17))
})

test('an epoch before the first one ends where that starts (KAFKA-7415)', () => {
  assert.deepEqual(cacheOf([5, 11], [6, 12]).endOffsetFor(4, 99), end(4, 11))
})

test('nothing is said of an epoch after the latest, of no epoch, and by an empty cache', () => {
  const cache = cacheOf([2, 100])
  assert.equal(cache.endOffsetFor(3, 100), undefined)
  assert.equal(cache.endOffsetFor(-1, 100), undefined)
  assert.equal(new LeaderEpochCache().endOffsetFor(0, 100), undefined)
})

test('a start that is known is not moved forward', () => {
  const cache = cacheOf([2, 6])
  assert.equal(cache.assign(2, 10), false)
  assert.equal(cache.assign(2, 6), false)
  assert.deepEqual(pairsOf(cache), [[2, 6]])
})

test('an assignment removes what contradicts it', () => {
  assert.deepEqual(pairsOf(cacheOf([2, 9], [3, 9])), [[3, 9]])
  assert.deepEqual(pairsOf(cacheOf([2, 6], [3, 5])), [[3, 5]])
  assert.deepEqual(pairsOf(cacheOf([1, 5], [2, 6], [1, 7])), [[1, 7]])
  assert.deepEqual(pairsOf(cacheOf([5, 11], [6, 12], [7, 13], [7, 12])), [
    [5, 11],
    [7, 12],
  ])
})

test('an elected leader that writes nothing can still answer for followers of the epochs before', () => {
  const cache = cacheOf([0, 0], [4, 20])
  assert.equal(cache.assign(5, 20), true)
  assert.deepEqual(cache.endOffsetFor(4, 20), end(0, 20))
  assert.deepEqual(cache.endOffsetFor(5, 20), end(5, 20))
})

test('from the start, the epoch that wrote the new first offset starts there', () => {
  const cut = (offset: number): string => {
    const cache = cacheOf([2, 6], [3, 8], [4, 11])
    return `${cache.truncateFromStart(offset) ? 'changed' : 'same'} ${textOf(cache)}`
  }
  assert.equal(cut(5), 'same 2@6 3@8 4@11')
  assert.equal(cut(6), 'same 2@6 3@8 4@11')
  assert.equal(cut(7), 'changed 2@7 3@8 4@11')
  assert.equal(cut(8), 'changed 3@8 4@11')
  assert.equal(cut(9), 'changed 3@9 4@11')
  assert.equal(cut(15), 'changed 4@15')
  assert.equal(new LeaderEpochCache().truncateFromStart(7), false)
})

test('from the end, epochs that start at or behind it go', () => {
  const cut = (offset: number): string => {
    const cache = cacheOf([2, 6], [3, 8], [4, 11])
    return `${cache.truncateFromEnd(offset) ? 'changed' : 'same'} ${textOf(cache)}`
  }
  assert.equal(cut(12), 'same 2@6 3@8 4@11')
  assert.equal(cut(11), 'changed 2@6 3@8')
  assert.equal(cut(9), 'changed 2@6 3@8')
  assert.equal(cut(8), 'changed 2@6')
  assert.equal(cut(0), 'changed empty')
  assert.throws(() => new LeaderEpochCache().truncateFromEnd(-1))
  assert.throws(() => new LeaderEpochCache().assign(-1, 0))
  assert.throws(() => new LeaderEpochCache().assign(0, -1))
})

test('against a list that is searched in full, and through the text', () => {
  const command = fc.record({
    kind: fc.constantFrom('assign' as const, 'assign' as const, 'assign' as const, 'end' as const, 'start' as const),
    epoch: fc.nat({ max: 12 }),
    offset: fc.nat({ max: 40 }),
  })
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40, size: 'max' }), (commands) => {
      let cache = new LeaderEpochCache()
      let model: Pair[] = []
      for (const { kind, epoch, offset } of commands) {
        const before = JSON.stringify(model)
        let changed: boolean
        if (kind === 'assign') {
          const latest = model.at(-1)
          if (latest === undefined || latest[0] !== epoch || offset < latest[1]) {
            model = model.filter(([each, start]) => each < epoch && start < offset)
            model.push([epoch, offset])
          }
          changed = cache.assign(epoch, offset)
        } else if (kind === 'end') {
          model = model.filter(([, start]) => start < offset)
          changed = cache.truncateFromEnd(offset)
        } else {
          const holder = model.findLast(([, start]) => start <= offset)
          const later = model.filter(([, start]) => start > offset)
          if (holder !== undefined) model = [[holder[0], offset], ...later]
          changed = cache.truncateFromStart(offset)
        }
        // An assignment may put back what it removes; every other report of a change is exact.
        if (kind !== 'assign') assert.equal(changed, JSON.stringify(model) !== before)
        else if (!changed) assert.equal(JSON.stringify(model), before)
        cache = parsedValue(LeaderEpochCache.fromText(cache.toText()))
        assert.deepEqual(pairsOf(cache), model)
      }
      assert.equal(cache.latestEpoch, model.at(-1)?.[0])
      assert.deepEqual(cache.earliest, cache.entries()[0])
      for (let offset = 0; offset <= 41; offset++) {
        assert.equal(cache.epochOf(offset), model.findLast(([, start]) => start <= offset)?.[0])
      }
      for (let epoch = 0; epoch <= 13; epoch++) {
        const next = model.find(([each]) => each > epoch)
        const floor = model.findLast(([each]) => each <= epoch)
        const expected =
          model.at(-1)?.[0] === epoch ? end(epoch, 77) : next && end(floor === undefined ? epoch : floor[0], next[1])
        assert.deepEqual(cache.endOffsetFor(epoch, 77), expected)
        assert.equal(cache.startOffsetOf(epoch), model.find(([each]) => each === epoch)?.[1])
      }
    }),
    { seed: 8, numRuns: 500 },
  )
})

/** A replica: the epoch of each of its records is all that tells them apart. */
class Replica {
  readonly log: number[] = []
  readonly epochs = new LeaderEpochCache()

  append(leaderEpoch: number): void {
    this.epochs.assign(leaderEpoch, this.log.length)
    this.log.push(leaderEpoch)
  }

  cut(endOffset: number): void {
    this.log.length = Math.min(this.log.length, endOffset)
    this.epochs.truncateFromEnd(endOffset)
  }

  /** What a follower does when it meets its leader (KIP-279), before it fetches. Returns how often it had to ask. */
  follow(leader: Replica): number {
    for (let asked = 1; ; asked++) {
      const own = this.epochs.latestEpoch
      if (own === undefined) {
        this.cut(0)
        return asked
      }
      const answer = leader.epochs.endOffsetFor(own, leader.log.length)
      assert.ok(answer !== undefined, 'a leader knows its own epoch, and no replica has a later one')
      const ownEnd = this.epochs.endOffsetFor(answer.leaderEpoch, this.log.length)
      this.cut(Math.min(answer.endOffset, ownEnd?.endOffset ?? 0))
      if (answer.leaderEpoch === own || this.epochs.latestEpoch === answer.leaderEpoch) return asked
    }
  }
}

test('followers that truncate by these answers are left with a prefix of their leader, also after unclean elections', () => {
  const turn = fc.record({
    leader: fc.nat({ max: 2 }),
    writes: fc.nat({ max: 4 }),
    follower: fc.nat({ max: 2 }),
    fetches: fc.nat({ max: 8 }),
  })
  let cuts = 0
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 25, size: 'max' }), (turns) => {
      const replicas = [new Replica(), new Replica(), new Replica()]
      turns.forEach(({ leader: leaderId, writes, follower: followerId, fetches }, leaderEpoch) => {
        const leader = replicas[leaderId]!
        leader.epochs.assign(leaderEpoch, leader.log.length)
        for (let n = 0; n < writes; n++) leader.append(leaderEpoch)
        if (followerId === leaderId) return
        const follower = replicas[followerId]!
        const before = follower.log.length
        follower.follow(leader)
        cuts += before - follower.log.length
        assert.deepEqual(follower.log, leader.log.slice(0, follower.log.length))
        for (let n = 0; n < fetches && follower.log.length < leader.log.length; n++) {
          follower.append(leader.log[follower.log.length]!)
        }
      })
    }),
    { seed: 9, numRuns: 500 },
  )
  assert.ok(cuts > 1000, `only ${cuts} records were ever cut`)
})

test('the text is refused when it is not what was written', () => {
  const read = (text: string) => LeaderEpochCache.fromText(text)
  assert.equal(parsedValue(read('')).size, 0)
  assert.deepEqual(pairsOf(parsedValue(read('0\n2\n0 0\n5 120\n'))), [
    [0, 0],
    [5, 120],
  ])
  assert.match(reasonOf(read('0\n2\n0 0\n')), /announces/)
  assert.match(reasonOf(read('0\n1\n0 0')), /cut off/)
  assert.match(reasonOf(read('0\n1\n0\n')), /'0' is no leader epoch/)
  assert.match(reasonOf(read('0\n1\n0 0 0\n')), /'0 0 0'/)
  assert.match(reasonOf(read('0\n1\n-1 0\n')), /'-1 0'/)
  assert.match(reasonOf(read('0\n1\n2147483648 0\n')), /is no leader epoch/)
  assert.match(reasonOf(read('0\n1\n0 9007199254740992\n')), /is no leader epoch/)
  assert.match(reasonOf(read('0\n2\n3 0\n3 5\n')), /does not come after/)
  assert.match(reasonOf(read('0\n2\n3 5\n4 5\n')), /does not come after/)
})
