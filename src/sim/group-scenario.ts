/**
 * One run of a cluster with groups of consumers under faults, all drawn from the seed: members come and go while brokers fail; then all is healed, the groups must come to rest,
 * everything must have been read, and what members were told, did and believed is judged. The same seed is the same run.
 */
import { assert } from '../base/assert.js'
import type { Prng } from '../base/prng.js'
import type { ClusterPlan, ClusterWorld } from './cluster-world.js'
import type { FaultScript } from './fault-script.js'
import { drawKinds, drawNextSettings, type GroupKind } from './group-kinds.js'
import { nameOf } from './group-protocol.js'
import type { GroupTeam } from './group-team.js'
import { GroupWorkload } from './group-workload.js'
import { ReplicatedCluster, type ReplicationReport } from './replicated-cluster.js'
import { drawTopics, type ReplicatedTopicPlan } from './replicated-topics.js'
import { changesOf, drawPlan, type ReplicationScenarioOptions, scriptFor } from './replication-scenario.js'
import { Simulation } from './simulation.js'
import { withTraps } from './traps.js'

const FAULTS_MS = [15_000, 20_000, 30_000]
const READY_MS = 60_000
/** How long groups may take to come to rest when all is well: some sessions, and the rounds that they begin. */
const REST_MS = 60_000
/** Nobody has moved for so long. */
const QUIET_MS = 5000
const READ_MS = 30_000
/** Members of a group that is moved are started anew one after the other. */
const NEXT_MEMBER_MS = 1200
const ANSWER_MS = 30_000
const MOST_PARTITIONS = 4

export interface GroupScenarioOptions
  extends Pick<ReplicationScenarioOptions, 'nodes' | 'faults' | 'faultsMs' | 'script'> {
  /** Looks inside after each event; what it throws is the failure. For tests. */
  readonly probe?: (world: ClusterWorld) => void
  /** Groups whose members run on the cores that users are given; without it, what is drawn. */
  readonly kinds?: readonly GroupKind[]
}

/** Throws `SimulationError` where something inside goes wrong, or where groups do not come to rest. */
export function runGroupSeed(seed: string | number, options: GroupScenarioOptions = {}): ReplicationReport {
  return withTraps(() => new GroupScenario(new Simulation(seed), options).run())
}

class GroupScenario {
  readonly #simulation: Simulation
  readonly #options: GroupScenarioOptions
  readonly #cluster: ReplicatedCluster
  readonly #random: Prng
  readonly #kinds: readonly GroupKind[]

  constructor(simulation: Simulation, options: GroupScenarioOptions) {
    this.#simulation = simulation
    this.#options = options
    this.#random = simulation.random('cluster')
    const plan = drawPlan(this.#random, options)
    this.#kinds = options.kinds ?? drawKinds(simulation.random('kinds of groups'))
    const nextSettings = drawNextSettings(simulation.random('next group settings'), this.#kinds)
    const brokers = plan.roles.filter((role) => role !== 'controller').length
    const load = {
      producers: 1,
      consumers: 0,
      acks: [-1] as const,
      maxRecordsPerBatch: [1, 4, 12],
      keyBytes: [0, 0, 100],
      idempotentChance: 0.7,
    }
    const changes = options.script === undefined ? changesOf(simulation.random('changes')) : {}
    this.#cluster = new ReplicatedCluster(
      simulation,
      {
        ...plan,
        settings: {
          ...plan.settings,
          ...groupSettings(simulation.random('group settings'), brokers),
          ...nextSettings,
        },
      },
      { plans: plansOf(simulation.random('topics'), brokers), load, ...changes },
      options.probe,
    )
  }

  run(): ReplicationReport {
    const cluster = this.#cluster
    const { world, faults, workload } = cluster
    const simulation = this.#simulation
    const drawnMs = this.#random.pick(FAULTS_MS)
    const faultsMs = this.#options.faultsMs ?? drawnMs
    const script = this.#scriptOf(faultsMs)
    for (const node of world.nodes) node.start()
    cluster.must('all topics are there', READY_MS, () => workload.isReady)
    const groups = new GroupWorkload(cluster, faultsMs, this.#kinds)
    faults.play(script)
    cluster.until(() => false, faultsMs)

    groups.settle()
    groups.stopGrowing()
    faults.healAll()
    workload.stopChanges()
    const restedMs = this.#rest(groups)
    const healedMs = cluster.rest()
    this.#must('nobody changes anything any more', ANSWER_MS, groups, () => groups.idle)
    this.#must('everything is read by every group', READ_MS, groups, () => groups.isRead)
    this.#convert(groups)
    const bounced = this.#bounce(groups)
    this.#commitAll(groups)
    this.#describe(groups)
    const lost = this.#lose(groups)
    let hasLooked = groups.teams.length === 0
    groups.operator.lookBack(() => {
      hasLooked = true
    })
    this.#must('deleted groups are looked at', ANSWER_MS, groups, () => hasLooked)
    groups.compare()
    simulation.note(`groups came to rest after ${restedMs.toFixed(0)} ms`)
    return this.#report(groups, healedMs, restedMs, script, {
      'a static member has what it had': bounced,
      'others take over': lost,
    })
  }

  #report(
    groups: GroupWorkload,
    healedMs: number,
    restedMs: number,
    script: FaultScript,
    tried: Readonly<Record<string, number>>,
  ): ReplicationReport {
    const report = this.#cluster.report(() => true, restedMs, healedMs, script)
    groups.end()
    const { findings, counts } = groups.history.judge(groups.toBeRead())
    return {
      ...report,
      findings: [...report.findings, ...findings],
      checks: {
        ...report.checks,
        ...counts,
        'a topic has grown': groups.grown,
        ...tried,
      },
    }
  }

  /** Everybody is there, every partition has one owner, and nobody moves any more. Returns how long it took. */
  #rest(groups: GroupWorkload): number {
    const { simulation } = this.#cluster
    let rounds = ''
    let sinceMs = simulation.nowMs
    const tookMs = this.#must('groups come to rest', REST_MS, groups, () => {
      if (!groups.isWhole || !groups.isOwned || groups.rounds !== rounds) {
        rounds = groups.rounds
        sinceMs = simulation.nowMs
      }
      return simulation.nowMs - sinceMs >= QUIET_MS
    })
    groups.leaveAlone()
    return tookMs - QUIET_MS
  }

  /** Groups are moved from the one protocol to the other, member by member, while the others read on: down and up again. */
  #convert(groups: GroupWorkload): void {
    for (const tongue of ['classic', 'next'] as const) {
      for (const team of groups.teamsOfBoth) {
        groups.turn(team, tongue)
        for (const slot of team.slots) {
          slot.restart()
          this.#cluster.until(() => false, NEXT_MEMBER_MS)
        }
      }
      this.#must(`members speak the ${tongue} protocol`, REST_MS, groups, () => groups.isWhole && groups.isOwned)
    }
    groups.leaveAlone()
  }

  /** A static member that is back within its session has what it had, and nobody else notices. Returns how many were tried. */
  #bounce(groups: GroupWorkload): number {
    let tried = 0
    for (const team of groups.teams) {
      const slot = team.slots.find(({ isStatic }) => isStatic)
      if (slot === undefined) continue
      const before = slot.consumer!
      const { generation } = before.member
      const had = before.member.owned.map(nameOf).sort().join(' ')
      slot.bounce()
      this.#must(
        `${slot.host} is back`,
        ANSWER_MS,
        groups,
        () => slot.consumer !== before && slot.consumer!.member.stable,
      )
      const { member } = slot.consumer!
      const has = member.owned.map(nameOf).sort().join(' ')
      assert(
        member.generation === generation && has === had,
        () => `${slot.host} had ${had} in generation ${generation}, and has ${has} in ${member.generation}`,
      )
      tried++
    }
    this.#must('groups are as they were', REST_MS, groups, () => groups.isWhole && groups.isOwned)
    return tried
  }

  /** A member of each group is gone without a word: the others have everything when its session is over. Returns in how many groups there are others. */
  #lose(groups: GroupWorkload): number {
    const several = groups.teams.filter(({ slots }) => slots.length > 1)
    for (const { slots } of several) slots[0]!.losePower()
    this.#must('others take over', REST_MS, groups, () => groups.isOwned)
    return several.length
  }

  /** What is read is committed. */
  #commitAll(groups: GroupWorkload): void {
    const isCommitted = ({ name, slots }: GroupTeam): boolean =>
      slots.every(({ consumer }) =>
        consumer!.member.owned.every((place) => {
          const position = consumer!.positionOf(nameOf(place)) ?? 0
          return position === 0 || this.#isCommitted(groups, name, nameOf(place), position)
        }),
      )
    this.#must('what is read is committed', ANSWER_MS, groups, () => groups.teams.every(isCommitted))
  }

  #isCommitted({ history }: GroupWorkload, group: string, key: string, position: number): boolean {
    return history.committedOf(group, key) >= position
  }

  /** The coordinators see the groups as their members do. */
  #describe(groups: GroupWorkload): void {
    for (const team of groups.teams) {
      let described: string | undefined
      const members = (): string =>
        team.slots
          .map(({ consumer }) => consumer!.member.memberId)
          .sort()
          .join(' ')
      groups.operator.describe(team.name, (found) => {
        described = `${found.state}: ${[...found.members].sort().join(' ')}`
      })
      this.#must(`${team.name} is described`, ANSWER_MS, groups, () => described !== undefined)
      assert(
        described === `Stable: ${members()}`,
        () => `${team.name} is ${described}, and its members are ${members()}`,
      )
    }
  }

  /** As `must` of the cluster, with how the groups stand. */
  #must(what: string, limitMs: number, groups: GroupWorkload, condition: () => boolean): number {
    const { simulation } = this.#cluster
    const beganMs = simulation.nowMs
    if (!this.#cluster.until(condition, limitMs)) {
      for (const line of groups.standing.split('\n')) simulation.note(line)
      this.#cluster.must(`${what}: ${groups.standing}`, 0, () => false)
    }
    return simulation.nowMs - beganMs
  }

  #scriptOf(faultsMs: number): FaultScript {
    const { script } = this.#options
    return script ?? scriptFor(this.#simulation.random('faults'), faultsMs, this.#cluster.world, this.#options)
  }
}

/** Nothing of them may be lost, whatever happens: what groups were given stands there to the end. */
function plansOf(random: Prng, brokers: number): ReplicatedTopicPlan[] {
  return drawTopics(random, brokers).map((plan) => ({
    ...plan,
    flushPolicy: 'commit',
    partitions: random.between(1, MOST_PARTITIONS),
  }))
}

function groupSettings(random: Prng, brokers: number): ClusterPlan['settings'] {
  return {
    'offsets.topic.num.partitions': String(random.pick([1, 2, 4])),
    'offsets.topic.replication.factor': String(Math.min(3, brokers)),
    'offsets.commit.timeout.ms': String(random.pick([1000, 5000])),
    'group.initial.rebalance.delay.ms': String(random.pick([0, 500])),
    'group.min.session.timeout.ms': '500',
    'log.cleaner.backoff.ms': String(random.pick([200, 15_000])),
    'min.insync.replicas': String(random.pick([1, Math.min(2, brokers)])),
  }
}
