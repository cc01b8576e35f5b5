/** Each setting of the quorum, with two values: that changes what happens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type QuorumSettings, quorumSettings } from '../../src/broker/quorum/options.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { RaftState } from '../../src/raft/raft-state.js'
import { QuorumRig, type RigMember } from './quorum-rig.js'

const CLEANED_MS = 130_000

function settings(given: Readonly<Record<string, string>>): QuorumSettings {
  return quorumSettings(nodeConfig(given).settings)
}

function rested(given: Readonly<Record<string, string>>, segmentBytes?: number): QuorumRig {
  const rig = new QuorumRig('settings', { settings: settings(given), ...(segmentBytes && { segmentBytes }) }).startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  return rig
}

function fill(rig: QuorumRig, count: number): void {
  for (let n = 0; n < count; n++) {
    rig.propose()
    rig.pass(20)
  }
  rig.converge()
}

function follower(rig: QuorumRig): RigMember {
  return rig.members.find((member) => member !== rig.leader)!
}

test('controller.quorum.election.timeout.ms: how long voters wait for a leader before they look for one', () => {
  const ledAfterMs = (timeoutMs: number): number => {
    const rig = rested({ 'controller.quorum.election.timeout.ms': `${timeoutMs}` })
    for (const member of rig.members) rig.crash(member)
    const sinceMs = rig.simulation.nowMs
    rig.startAll()
    rig.until(() => rig.leader !== undefined, 'somebody leads')
    return rig.simulation.nowMs - sinceMs
  }
  assert.ok(ledAfterMs(200) < 1000)
  assert.ok(ledAfterMs(5000) > 5000)
})

test('controller.quorum.fetch.timeout.ms: how long a leader that nobody reaches is waited for', () => {
  const deposedAfterMs = (timeoutMs: number): number => {
    const rig = rested({
      'controller.quorum.fetch.timeout.ms': `${timeoutMs}`,
      'controller.quorum.request.timeout.ms': '60000',
    })
    const old = rig.leader!
    const sinceMs = rig.simulation.nowMs
    rig.split(
      [old.id],
      rig.members.filter((member) => member !== old).map(({ id }) => id),
    )
    rig.until(() => rig.members.some((member) => member !== old && member.leads), 'another leads')
    return rig.simulation.nowMs - sinceMs
  }
  assert.ok(deposedAfterMs(800) < 4000)
  assert.ok(deposedAfterMs(10_000) > 9000)
})

test('what is only a matter of the core goes to it', () => {
  const rig = rested({
    // controller.quorum.election.backoff.max.ms
    'controller.quorum.election.backoff.max.ms': '771',
    'controller.quorum.request.timeout.ms': '772',
    'controller.quorum.retry.backoff.ms': '773',
  })
  const { state } = rig.leader!.recorder.entries()[0]!
  const { electionBackoffMaxMs, requestTimeoutMs, retryBackoffMs } = (state as RaftState).timeouts
  assert.deepEqual([electionBackoffMaxMs, requestTimeoutMs, retryBackoffMs], [771, 772, 773])
})

test('controller.quorum.request.timeout.ms and controller.quorum.retry.backoff.ms: when a member that does not answer is asked again', () => {
  const asked = (requestTimeoutMs: number, backoffMs: number): number => {
    const rig = rested({
      'controller.quorum.fetch.timeout.ms': '60000',
      'controller.quorum.request.timeout.ms': `${requestTimeoutMs}`,
      'controller.quorum.retry.backoff.ms': `${backoffMs}`,
    })
    const member = follower(rig)
    const seen = (): number => rig.leader!.recorder.entries().filter(({ input }) => input === 'step').length
    rig.split(
      [member.id],
      rig.members.filter((each) => each !== member).map(({ id }) => id),
    )
    rig.pass(20_000)
    const before = seen()
    // What was held comes all at once.
    rig.heal()
    rig.pass(50)
    return seen() - before
  }
  const often = asked(600, 20)
  assert.ok(asked(10_000, 20) < often / 3, 'a longer timeout')
  assert.ok(asked(600, 9000) < often / 3, 'a longer pause')
})

test('controller.quorum.fetch.max.bytes: how much of the log comes at a time', () => {
  const mostBatches = (maxBytes: number): number => {
    const rig = rested({ 'controller.quorum.fetch.max.bytes': `${maxBytes}` }, 1e6)
    const member = follower(rig)
    rig.crash(member)
    fillOthers(rig, 20)
    rig.start(member)
    rig.converge()
    const answers = member.recorder.entries().flatMap(({ input, args }) => (input === 'answered' ? [args![1]] : []))
    const sizes = answers.map((each) => (each as { outcome?: { records?: unknown[] } }).outcome?.records?.length ?? 0)
    return Math.max(...sizes)
  }
  assert.equal(mostBatches(1), 1)
  assert.ok(mostBatches(1_000_000) > 10)
})

/** While one is down. */
function fillOthers(rig: QuorumRig, count: number): void {
  const wanted = rig.acknowledged.size + count
  for (let n = 0; n < count; n++) {
    rig.propose()
    rig.pass(20)
  }
  rig.until(() => rig.acknowledged.size === wanted, 'all is committed')
}

test('controller.quorum.fetch.snapshot.max.bytes: how much of a snapshot comes at a time', () => {
  const pieces = (maxBytes: number): number => {
    const rig = rested({
      'controller.quorum.fetch.snapshot.max.bytes': `${maxBytes}`,
      'metadata.log.max.record.bytes.between.snapshots': '400',
      'metadata.max.retention.bytes': '0',
    })
    const member = follower(rig)
    rig.crash(member)
    fillOthers(rig, 30)
    rig.start(member)
    rig.converge()
    assert.equal(rig.counts.get('metadata log begins anew behind a snapshot'), 1)
    return member.recorder.entries().filter(({ input }) => input === 'snapshotPiece').length
  }
  assert.equal(pieces(1_000_000), 0)
  assert.ok(pieces(100) > 5)
})

function snapshots(rig: QuorumRig): string[] {
  return rig.files(rig.leader!, '.checkpoint').filter((name) => !name.startsWith('0'.repeat(20)))
}

test('metadata.log.max.record.bytes.between.snapshots: how much is behind a snapshot before there is another', () => {
  const taken = (bytes: number): number => {
    const rig = rested({ 'metadata.log.max.record.bytes.between.snapshots': `${bytes}` })
    fill(rig, 30)
    return snapshots(rig).length
  }
  assert.equal(taken(1_000_000), 0)
  const [few, many] = [taken(1500), taken(300)]
  assert.ok(few >= 1 && many > 2 * few, `${few}, ${many}`)
})

test('metadata.log.max.snapshot.interval.ms: how old a snapshot is before there is another, if there is something new', () => {
  const taken = (intervalMs: number): number => {
    const rig = rested({ 'metadata.log.max.snapshot.interval.ms': `${intervalMs}` })
    for (let n = 0; n < 3; n++) {
      fill(rig, 2)
      rig.pass(10_000)
    }
    rig.pass(100_000)
    return snapshots(rig).length
  }
  assert.equal(taken(0), 0)
  assert.equal(taken(5000), 3)
  assert.equal(taken(90_000), 1)
})

test('metadata.max.retention.bytes and metadata.max.retention.ms: what is kept in front of the latest snapshot', () => {
  const kept = (bytes: number, ageMs: number): readonly [snapshots: number, startsAt0: boolean] => {
    const rig = rested({
      'metadata.log.max.record.bytes.between.snapshots': '500',
      'metadata.max.retention.bytes': `${bytes}`,
      'metadata.max.retention.ms': `${ageMs}`,
    })
    fill(rig, 40)
    rig.pass(CLEANED_MS)
    const startsAt0 = rig.files(rig.leader!, '.log').includes(`${'0'.repeat(20)}.log`)
    return [snapshots(rig).length, startsAt0]
  }
  const [all, startsAt0] = kept(-1, -1)
  assert.ok(all > 4 && startsAt0)
  assert.deepEqual(kept(1_000_000, 1_000_000), [all, true])
  assert.deepEqual(kept(0, -1), [1, false])
  assert.ok(kept(-1, 60_000)[0] < all)
})
