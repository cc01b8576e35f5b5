/** Members of classic groups against the shard that coordinates them: whatever happens, no partition has two readers, and it comes to rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Prng } from '../../../../src/base/prng.js'
import type { Assignor } from '../../../../src/client/consumer/membership/assignors/assignor.js'
import { COOPERATIVE_STICKY } from '../../../../src/client/consumer/membership/assignors/cooperative-sticky.js'
import { RANGE } from '../../../../src/client/consumer/membership/assignors/range.js'
import { STICKY } from '../../../../src/client/consumer/membership/assignors/sticky.js'
import { ClassicMembership } from '../../../../src/client/consumer/membership/classic-membership.js'
import { MemberWorld, type WorldOptions } from './member-world.js'
import { comesToRest, steps, TOPICS } from './world-steps.js'

function topicsOf(counts: readonly number[]) {
  return counts.map((partitionCount, n) => ({ name: TOPICS[n]!, topicId: `id of ${TOPICS[n]!}`, partitionCount }))
}

function world(assignors: readonly Assignor[], options: Partial<WorldOptions> = {}): MemberWorld {
  const create = (_name: string, random: Prng): ClassicMembership =>
    new ClassicMembership({ groupId: 'readers', assignors, maxPollIntervalMs: 60_000, random })
  const made = new MemberWorld({ create, ...options })
  made.setTopics(topicsOf([4, 2, 1]))
  return made
}

function grow(at: MemberWorld, counts: readonly number[]): void {
  at.setTopics(topicsOf(counts))
}

const KINDS: readonly (readonly [string, readonly Assignor[]])[] = [
  ['eager, range', [RANGE]],
  ['eager, sticky', [STICKY]],
  ['eager, both kinds of assignors', [RANGE, COOPERATIVE_STICKY]],
  ['cooperative', [COOPERATIVE_STICKY]],
]

for (const [name, assignors] of KINDS) {
  test(`${name}: no partition has two readers, and every one has a reader in the end`, () => {
    fc.assert(
      fc.property(fc.string(), steps(grow), (seed, all) => {
        const at = world(assignors, { seed })
        for (const each of all) each(at)
        comesToRest(at)
      }),
      { numRuns: 40 },
    )
  })
}

test('a member that does not let go before it joins is found', () => {
  const careless = (_name: string, random: Prng): ClassicMembership => {
    // Says at once that it does not read any more what it still reads.
    const core = new ClassicMembership({ groupId: 'readers', assignors: [RANGE], random })
    const take = core.takeReady.bind(core)
    core.takeReady = () => {
      const { requests, events } = take()
      const released = events.some(({ type }) => type === 'release')
      if (!released) return { requests, events }
      core.released(0)
      const more = core.takeReady()
      return { requests: [...requests, ...more.requests], events: [...events, ...more.events] }
    }
    return core
  }
  const run = (seed: number): void => {
    const at = world([RANGE], { create: careless, seed })
    at.slowestReleaseMs = 20_000
    at.join(['a'])
    at.advance(30_000)
    at.join(['a'])
    at.advance(60_000)
  }
  assert.throws(() => [1, 2, 3, 4, 5, 6, 7, 8].forEach(run), /both read a-/)
})

test('a partition that nobody reads is found', () => {
  const at = world([RANGE])
  const member = at.join(['a'])
  at.advance(20_000)
  assert.equal(at.unsettled(), undefined)
  member.reading.delete('a-0')
  assert.match(at.unsettled()!, /does not read what it has/)
  member.core.topicsSeen(topicsOf([5, 1, 1]), at.nowMs)
  at.topics = topicsOf([5, 1, 1])
  member.reading.clear()
  for (const each of member.core.partitions) member.reading.set(`${each.topic}-${each.partition}`, each)
  assert.ok(at.unsettled() !== undefined)
})

test('cooperative: who stays keeps what it keeps, without a moment in which it has nothing', () => {
  const at = world([COOPERATIVE_STICKY])
  const first = at.join(['a', 'b'])
  at.advance(20_000)
  assert.equal(first.reading.size, 6)
  let least = 6
  at.join(['a', 'b'])
  for (let second = 0; second < 60; second++) {
    at.advance(1000)
    least = Math.min(least, first.reading.size)
  }
  assert.equal(least, 3)
  assert.equal(at.unsettled(), undefined)
})
