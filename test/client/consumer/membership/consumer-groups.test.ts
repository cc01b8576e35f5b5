/** Members of consumer groups (KIP-848) against the shard that assigns: whatever happens, no partition has two readers, and it comes to rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Prng } from '../../../../src/base/prng.js'
import { randomUuid } from '../../../../src/base/uuid.js'
import { ConsumerMembership } from '../../../../src/client/consumer/membership/consumer-membership.js'
import { ConsumerGroups } from '../../../../src/coordinator/group/consumer/consumer-groups.js'
import { addTopic, growTopic, topicId } from '../../../coordinator/group/consumer/modern-rig.js'
import { MemberWorld, type WorldOptions } from './member-world.js'
import { comesToRest, steps, TOPICS } from './world-steps.js'

function world(options: Partial<WorldOptions> = {}, remoteAssignor: string | null = null): MemberWorld {
  const create = (_name: string, random: Prng): ConsumerMembership => {
    return new ConsumerMembership({
      groupId: 'readers',
      memberId: randomUuid(random),
      remoteAssignor,
      maxPollIntervalMs: 60_000,
      random,
    })
  }
  const made = new MemberWorld({ create, consumerGroups: (context) => new ConsumerGroups(context), ...options })
  for (const [n, count] of [4, 2, 1].entries()) addTopic(made.rig, TOPICS[n]!, count)
  look(made)
  return made
}

/** Partitions only become more. */
function grow(at: MemberWorld, counts: readonly number[]): void {
  counts.forEach((count, n) => {
    const more = count - at.rig.image.topicsByName.get(TOPICS[n]!)!.partitions.length
    if (more > 0) growTopic(at.rig, TOPICS[n]!, more)
  })
  look(at)
}

function look(at: MemberWorld): void {
  const counted = TOPICS.map((name) => {
    return { name, topicId: topicId(name), partitionCount: at.rig.image.topicsByName.get(name)!.partitions.length }
  })
  at.setTopics(counted)
}

for (const assignor of ['uniform', 'range']) {
  test(`${assignor}: no partition has two readers, and every one has a reader in the end`, () => {
    fc.assert(
      fc.property(fc.string(), steps(grow), (seed, all) => {
        const at = world({ seed }, assignor)
        for (const each of all) each(at)
        comesToRest(at)
      }),
      { numRuns: 25 },
    )
  })
}

test('a member that says too early what it has given up is found', () => {
  const hasty = (_name: string, random: Prng): ConsumerMembership => {
    const core = new ConsumerMembership({ groupId: 'readers', memberId: randomUuid(random), random })
    const take = core.takeReady.bind(core)
    core.takeReady = () => {
      const { requests, events } = take()
      if (!events.some(({ type }) => type === 'release')) return { requests, events }
      core.released(0)
      const more = core.takeReady()
      return { requests: [...requests, ...more.requests], events: [...events, ...more.events] }
    }
    return core
  }
  const run = (seed: number): void => {
    const at = world({ create: hasty, seed })
    at.slowestReleaseMs = 20_000
    at.join(['a'])
    at.advance(30_000)
    at.join(['a'])
    at.advance(60_000)
  }
  assert.throws(() => [1, 2, 3, 4, 5, 6, 7, 8].forEach(run), /both read a-/)
})
