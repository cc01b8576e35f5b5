/**
 * Members of a quorum in a storm: they are killed, lose their power, are cut off, while changes are proposed. Whatever was handed out as committed is
 * the same everywhere, and what was acknowledged is there when all has calmed down. The rig looks at every image.
 */
import assert from 'node:assert/strict'
import { Prng } from '../../src/base/prng.js'
import { QuorumRig } from './quorum-rig.js'

const STORM_MS = 12_000

function strike(rig: QuorumRig, random: Prng): void {
  const member = random.pick(rig.members)
  const how = random.chance(0.5) ? 'crash' : 'losePower'
  const kind = random.below(10)
  if (kind === 0) rig.crash(member, how)
  else if (kind === 1 && rig.leader !== undefined) rig.crash(rig.leader, how)
  else if (kind === 2) {
    const strike = (): void => rig.crash(member, how)
    member.machine.crashPoint = { operationsLeft: random.between(1, 30), strike }
  } else if (kind === 3) rig.heal()
  else if (kind === 9) rig.stop(member)
  else if (kind === 4)
    rig.split(
      [member.id],
      rig.members.filter(({ id }) => id !== member.id).map(({ id }) => id),
    )
  else if (kind === 5) member.machine.process?.pause(random.between(100, 4000))
  else if (kind === 6) member.machine.device.faults.stuckUntilMs = rig.simulation.nowMs + random.between(10, 1500)
  else if (kind === 7) {
    const { device } = member.machine
    device.faults.capacityBytes = random.chance(0.3) ? Number.POSITIVE_INFINITY : device.usedBytes + random.below(1500)
  } else {
    for (const each of rig.members) {
      each.machine.device.faults.capacityBytes = Number.POSITIVE_INFINITY
      if (random.chance(0.7)) rig.start(each)
    }
  }
}

export function storm(seed: number): QuorumRig {
  const random = new Prng(`weather ${seed}`)
  const rig = new QuorumRig(`storm ${seed}`, {
    voters: random.pick([2, 3, 3, 3, 5]),
    observers: random.pick([0, 0, 1]),
    segmentBytes: random.pick([400, 2000, 1e6]),
    settings: {
      snapshotAfterBytes: random.pick([300, 2000, 1e9]),
      retentionBytes: random.pick([0, 3000, 1e9]),
      fetchMaxBytes: random.pick([100, 1000, 1e6]),
      fetchSnapshotMaxBytes: random.pick([50, 700, 1e6]),
    },
  })
  rig.startAll()
  const endMs = rig.simulation.nowMs + STORM_MS
  while (rig.simulation.nowMs < endMs) {
    rig.pass(random.exponential(60))
    if (random.chance(0.1)) strike(rig, random)
    for (let n = random.below(4); n > 0; n--) rig.propose(random.chance(0.7) ? rig.leader : random.pick(rig.members))
  }
  for (const { machine } of rig.members) {
    machine.crashPoint = undefined
    machine.device.faults.capacityBytes = Number.POSITIVE_INFINITY
  }
  rig.heal()
  // Those that stop in order come to their end first.
  for (let n = 0; n < 100 && rig.running.length < rig.members.length; n++) {
    rig.startAll()
    rig.pass(200)
  }
  rig.converge()
  assert.ok(rig.propose())
  rig.converge()
  assert.ok(rig.replayFlights() > 0)
  return rig
}
