/** What members of groups may rely on: the word of the one coordinator that knows the group, and of nobody else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certainty } from '../../src/sim/group-certainty.js'

const SESSION_MS = 2300
/** The clock of a coordinator may go by 15 % faster. */
const CERTAIN_MS = 2000

/** Two brokers; the client is connected to the first, which coordinates. */
class Rig {
  nowMs = 100
  coordinator = { nodeId: 1, leaderEpoch: 7 }
  isAlone = true
  readonly shards = new Map<number, object>([[1, {}]])

  /** Sends a heartbeat, and has it answered, well, ten milliseconds later. */
  ask(meanwhile: () => void = () => {}): number | undefined {
    const certain = certainty({
      reign: () => this.coordinator,
      nodeId: () => 1,
      shardAt: (nodeId) => this.shards.get(nodeId),
      isAlone: () => this.isAlone,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: 10_000,
      now: () => this.nowMs,
    })
    this.nowMs += 10
    meanwhile()
    return certain()
  }
}

test('the word of the one coordinator counts for a session from when it was asked, or for a round if that is shorter', () => {
  assert.equal(new Rig().ask(), 100 + CERTAIN_MS)
})

test('one that is deposed before it answers says what was so when it was asked', () => {
  const rig = new Rig()
  const depose = (): void => {
    rig.coordinator = { nodeId: 2, leaderEpoch: 8 }
  }
  assert.equal(rig.ask(depose), 100)
})

test('one that was deposed before it was asked says nothing, although it still has the group', () => {
  const rig = new Rig()
  rig.coordinator = { nodeId: 2, leaderEpoch: 8 }
  rig.shards.set(2, {})
  assert.equal(rig.ask(), undefined)
})

test('one that loads says nothing: it takes every member for alive', () => {
  const rig = new Rig()
  rig.shards.clear()
  assert.equal(rig.ask(), undefined)
  const loaded = (): void => {
    rig.shards.set(1, {})
  }
  assert.equal(rig.ask(loaded), undefined, 'it may have answered before it was loaded')
  assert.equal(rig.ask(loaded), undefined, 'it was loaded again meanwhile')
  const isGone = (): void => {
    rig.shards.clear()
  }
  assert.equal(rig.ask(isGone), undefined)
})

test('as long as another member runs under the same instance id nothing is certain', () => {
  const rig = new Rig()
  rig.isAlone = false
  assert.equal(rig.ask(), undefined)
})
