/**
 * One group of a thousand members over a thousand partitions: all join at once, the group is left alone, every second one leaves. Of each protocol: how long until the
 * group has settled, and what that cost the broker. A member is a connection; what is checked is said by the members and by the coordinator.
 */
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { Admin, pause } from './lib/admin.js'
import { BrokerProcess } from './lib/broker-process.js'
import { figure } from './lib/figure.js'
import { GroupCrowd } from './lib/group-crowd.js'
import type { MemberProtocol } from './lib/group-member.js'
import { requireOpenFiles } from './lib/open-files.js'
import { processorTime, residentBytes } from './lib/process-usage.js'

const MEMBERS = 1000
const LEAVING = 500
const PARTITIONS = 1000
const ROUNDS = 3
const QUIET_MS = 30_000
/** Whoever is not settled by then never will be. */
const LONGEST_MS = 120_000
/** For each member, and what else is open. */
const OPEN_FILES = MEMBERS + 500
const MB = 1e6

const PROTOCOLS: readonly { readonly protocol: MemberProtocol; readonly title: string }[] = [
  { protocol: 'classic', title: 'classic, range' },
  { protocol: 'cooperative', title: 'classic, cooperative-sticky' },
  { protocol: 'consumer', title: 'KIP-848, uniform' },
]

export const groups: Benchmark = {
  name: 'groups',
  about: `a group of ${MEMBERS} members over ${PARTITIONS} partitions: all join, nothing happens for ${QUIET_MS / 1000} s, ${LEAVING} leave`,
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  requireOpenFiles(OPEN_FILES)
  const rows: Row[] = []
  for (const { protocol, title } of PROTOCOLS) {
    const phases = new Map<string, Measured[]>()
    for (let round = 0; round < ROUNDS; round++) {
      context.note(`${title}, round ${round + 1} of ${ROUNDS}`)
      for (const [phase, measured] of await runRound(context.directory(), protocol)) {
        const samples = phases.get(phase)
        if (samples === undefined) phases.set(phase, [measured])
        else samples.push(measured)
      }
    }
    for (const [phase, samples] of phases) rows.push(rowOf(`${title}: ${phase}`, samples))
  }
  return rows
}

interface Measured {
  readonly tookMs: number
  readonly settles: boolean
  readonly requests: number
  readonly refusals: number
  readonly cpuMs: number
  readonly longestMs: number
  readonly p99Ms: number
  readonly crowdBusy: number
  readonly residentBytes: number
}

function rowOf(name: string, samples: readonly Measured[]): Row {
  const of = (value: (measured: Measured) => number): number[] => samples.map(value)
  return {
    name,
    figures: [
      ...(samples[0]!.settles
        ? [
            figure(
              'settled',
              'ms' as const,
              of(({ tookMs }) => tookMs),
            ),
          ]
        : []),
      figure(
        'requests',
        'count',
        of(({ requests }) => requests),
      ),
      figure(
        'broker cpu',
        'ms',
        of(({ cpuMs }) => cpuMs),
      ),
      figure(
        'loop delay p99',
        'ms',
        of(({ p99Ms }) => p99Ms),
      ),
      figure(
        'longest',
        'ms',
        of(({ longestMs }) => longestMs),
      ),
      figure(
        'crowd busy',
        'share',
        of(({ crowdBusy }) => crowdBusy),
      ),
      figure(
        'resident',
        'MB',
        of((measured) => measured.residentBytes / MB),
      ),
    ],
  }
}

async function runRound(directory: string, protocol: MemberProtocol): Promise<ReadonlyMap<string, Measured>> {
  const groupId = `crowd-${protocol}`
  const broker = await BrokerProcess.start(directory, {}, { watchesLoop: true })
  const admin = await Admin.connect(broker.port)
  const { name, topicId } = await admin.createTopic('crowded', PARTITIONS, 'commit')
  await admin.ensureCoordinator(groupId)
  const topic = { name, topicId, partitionCount: PARTITIONS }
  const crowd = new GroupCrowd({ port: broker.port, groupId, protocol, topic })
  const phases = new Map<string, Measured>()
  const measure = async (phase: string, settles: boolean, action: () => Promise<unknown>): Promise<void> => {
    await broker.loopDelay()
    const before = {
      requests: crowd.requests,
      refusals: crowd.refusals,
      cpuMs: cpuMs(broker.pid),
      crowdMs: cpuMs(process.pid),
    }
    const beganMs = performance.now()
    await action()
    const tookMs = performance.now() - beganMs
    phases.set(phase, {
      tookMs,
      settles,
      requests: crowd.requests - before.requests,
      refusals: crowd.refusals - before.refusals,
      cpuMs: cpuMs(broker.pid) - before.cpuMs,
      crowdBusy: (cpuMs(process.pid) - before.crowdMs) / tookMs,
      ...(await broker.loopDelay()),
      residentBytes: residentBytes(broker.pid),
    })
    await checkGroup(admin, groupId, protocol, crowd.size)
  }
  try {
    await measure(`${MEMBERS} join`, true, () => {
      crowd.join(MEMBERS)
      return crowd.settled(LONGEST_MS)
    })
    await measure(`${QUIET_MS / 1000} s quiet`, false, () => quiet(crowd))
    await measure(`${LEAVING} leave`, true, () => {
      crowd.leave(LEAVING)
      return crowd.settled(LONGEST_MS)
    })
  } finally {
    crowd.close()
    admin.close()
  }
  await broker.stop()
  return phases
}

/** Throws if the group rebalances although nobody has asked for it. */
async function quiet(crowd: GroupCrowd): Promise<void> {
  const { generation, assignments } = crowd
  const untilMs = performance.now() + QUIET_MS
  while (performance.now() < untilMs) {
    await pause(100)
    crowd.throwIfFailed()
    if (crowd.generation !== generation || crowd.assignments !== assignments) {
      throw new Error(`the group has rebalanced by itself: generation ${generation}, then ${crowd.generation}`)
    }
  }
}

async function checkGroup(admin: Admin, groupId: string, protocol: MemberProtocol, members: number): Promise<void> {
  const group = await admin.group(groupId, protocol === 'consumer' ? 'consumer' : 'classic')
  if (group.state === 'Stable' && group.members === members) return
  throw new Error(`the coordinator says that ${groupId} is ${group.state} and has ${group.members} members`)
}

function cpuMs(pid: number): number {
  return processorTime(pid)?.allMs ?? Number.NaN
}
