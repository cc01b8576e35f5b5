/** What may happen to the members of a group, drawn by fast-check, and that it comes to rest in the end. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { MemberWorld } from './member-world.js'

export const TOPICS = ['a', 'b', 'c']

export type Step = (world: MemberWorld) => void

const someTopics = fc.subarray(TOPICS, { minLength: 1 })
/** `grow` gives the topics these numbers of partitions. */
export function steps(grow: (world: MemberWorld, counts: readonly number[]) => void): fc.Arbitrary<Step[]> {
  const counts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: TOPICS.length, maxLength: TOPICS.length })
  const change = counts.map(
    (numbers): Step =>
      (at) =>
        grow(at, numbers),
  )
  const all = fc.oneof(step, step, step, step, step, step, step, step, { weight: 1, arbitrary: change })
  return fc.array(all, { minLength: 10, maxLength: 60, size: 'max' })
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.oneof(fc.nat({ max: 1000 }), fc.integer({ min: 2000, max: 30_000 })).map(
      (ms): Step =>
        (at) =>
          at.advance(ms),
    ),
  },
  {
    weight: 3,
    arbitrary: someTopics.map(
      (those): Step =>
        (at) =>
          void (at.members.length < 8 && at.join(those)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(), someTopics)
      .map(([n, those]): Step => withMember(n, (at, one) => at.want(one, those))),
  },
  { weight: 1, arbitrary: fc.nat().map((n): Step => withMember(n, (at, one) => at.leave(one))) },
  { weight: 1, arbitrary: fc.nat().map((n): Step => withMember(n, (at, one) => at.crash(one))) },
  { weight: 1, arbitrary: fc.nat().map((n): Step => withMember(n, (_, one) => (one.isStuck = !one.isStuck))) },
  { weight: 1, arbitrary: fc.constant<Step>((at) => at.moveCoordinator()) },
  {
    weight: 1,
    arbitrary: fc.nat({ max: 20 }).map(
      (percent): Step =>
        (at) =>
          void (at.lossPercent = percent),
    ),
  },
)

function withMember(n: number, act: (world: MemberWorld, member: MemberWorld['members'][number]) => void): Step {
  return (at) => {
    const active = at.members.filter(({ isAlive, topics: those }) => isAlive && those.length > 0)
    if (active.length > 0) act(at, active[n % active.length]!)
  }
}

/** When nothing gets lost any more and everybody polls, for longer than anybody is waited for. */
export function comesToRest(at: MemberWorld): void {
  at.lossPercent = 0
  for (const member of at.members) member.isStuck = false
  // A session, a rebalance in which somebody is waited for, and some.
  at.advance(400_000)
  assert.equal(at.unsettled(), undefined)
}
