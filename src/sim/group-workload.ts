/**
 * GroupWorkload: groups of consumers beside a load of records: who is in them, who looks after them, topics that grow, and what is to hold when all has been healed: every
 * partition has one owner, nobody moves, everything is read, and a static member that comes back soon has what it had.
 */
import type { Prng } from '../base/prng.js'
import type { ToBeRead } from '../check/check-group-progress.js'
import type { Operation } from '../check/history.js'
import type { Address } from '../io/network.js'
import type { MetadataImage } from '../metadata/image.js'
import type { ClusterNode } from './cluster-world.js'
import { GroupGrowth } from './group-growth.js'
import { GroupHistory } from './group-history.js'
import { drawKindOfSlot, type GroupKind, type KindOfSlot } from './group-kinds.js'
import { coordinatorOf, type Reign, shardAt } from './group-locator.js'
import { GroupOperator } from './group-operator.js'
import { type GroupPlace, nameOf, placesIn } from './group-protocol.js'
import { checkReload } from './group-reload.js'
import { drawManner, type GroupManner, GroupSlot, type SlotOptions } from './group-slot.js'
import { GroupTeam } from './group-team.js'
import { Machine } from './machine.js'
import { NextGroupRules } from './next-group-rules.js'
import { hostedBy } from './replica-files.js'
import type { ReplicatedCluster } from './replicated-cluster.js'
import { keyOf } from './replicated-topics.js'

const MOST_GROUPS = 3
const MOST_MEMBERS = 4
const FEWEST_OF_BOTH = 2
const STATIC_CHANCE = 0.4
const MOST_GROWTHS = 2
const LATE_COMMIT_CHANCE = 0.5
/** How often what coordinators know is compared with their logs, and who coordinates is looked at. */
const RELOAD_EVERY_MS = 700
const LOOK_EVERY_MS = 100

type CommonOptions = Pick<SlotOptions, 'group' | 'instanceId' | 'now' | 'reign' | 'shardAt' | 'brokers' | 'topicIdOf'>

export class GroupWorkload {
  readonly history = new GroupHistory()
  readonly teams: readonly GroupTeam[]
  readonly operator: GroupOperator
  readonly #cluster: ReplicatedCluster
  readonly #random: Prng
  readonly #growth: GroupGrowth
  readonly #reigns = new Map<string, Reign>()
  /** By group, of those of both protocols. */
  readonly #turned = new Map<string, KindOfSlot['turned']>()
  readonly #nextRules = new NextGroupRules((what) => this.history.count(what))
  #brokers: readonly ClusterNode[]
  #stopped = false

  /** When all topics are there. `growsWithinMs`: how long topics may grow. `kinds`: of groups whose members run on the cores that users are given. */
  constructor(cluster: ReplicatedCluster, growsWithinMs: number, kinds: readonly GroupKind[]) {
    this.#cluster = cluster
    const { simulation, world } = cluster
    this.#random = simulation.random('groups')
    this.#brokers = world.brokers
    this.#growth = new GroupGrowth(simulation, world.network, {
      brokers: this.#address,
      partitionsOf: (topic) => this.#image?.topicsByName.get(topic)?.partitions.length ?? 0,
      isStopped: () => this.#stopped,
    })
    const count = this.#random.between(1, MOST_GROUPS)
    // Others take the place of some.
    const plain = kinds.length === 0 ? count : Math.min(count, Math.max(0, MOST_GROUPS - kinds.length))
    this.teams = [
      ...Array.from({ length: plain }, (_, n) =>
        this.#team(`group${n}`, simulation.random(`group ${n}`), undefined, kinds.length > 0),
      ),
      ...kinds.map((kind, n) => this.#team(`${kind}${n}`, simulation.random(`core group ${n}`), kind)),
    ]
    this.operator = this.#makeOperator()
    cluster.workload.hosts.push(...this.#growth.hosts, 'group operator')
    if (this.#random.chance(0.5)) this.#growth.compactOffsets()
    this.#compare()
    this.#watch()
    const growths = this.#random.below(MOST_GROWTHS + 1)
    for (let n = 0; n < growths; n++) {
      simulation.schedule(this.#random.float() * growsWithinMs, 'a topic is to grow', () => {
        if (!this.#stopped) this.#growth.grow(this.#random.pick(cluster.workload.topics), this.#random)
      })
    }
  }

  /** These are asked from now on. */
  confineTo(brokers: readonly ClusterNode[]): void {
    this.#brokers = brokers
  }

  /** Nothing befalls groups any more: all members come back. */
  settle(): void {
    this.#stopped = true
    this.operator.stop()
    for (const team of this.teams) team.settle()
  }

  /** The run is over: what members have by now counts, too. */
  end(): void {
    for (const { slots } of this.teams) for (const { consumer } of slots) consumer?.died()
  }

  stopGrowing(): void {
    this.#growth.stop()
  }

  get idle(): boolean {
    return this.#growth.idle && this.operator.idle
  }

  /** Groups whose members may speak either protocol. */
  get teamsOfBoth(): readonly GroupTeam[] {
    return this.teams.filter(({ name }) => this.#turned.has(name))
  }

  /** Who is started from now on in a group of both protocols speaks this one. */
  turn({ name }: GroupTeam, to: 'next' | 'classic'): void {
    this.#turned.get(name)!.to = to
  }

  /** All members run. */
  get isWhole(): boolean {
    return this.teams.every((team) => team.isWhole)
  }

  /** They have come to rest: nobody is started again by itself any more. */
  leaveAlone(): void {
    for (const team of this.teams) team.leaveAlone()
  }

  /** Every partition has one owner in each group. */
  get isOwned(): boolean {
    const places = this.#places
    return this.teams.every((team) => team.holds(places))
  }

  /** Changes whenever a member of any group comes out of a round. */
  get rounds(): string {
    return this.teams.map(({ rounds }) => rounds).join(' ')
  }

  get standing(): string {
    return this.teams.map(({ name, standing }) => `${name}: ${standing}`).join('\n')
  }

  /** Everything that is committed has been given to each group. */
  get isRead(): boolean {
    return this.#places.every((place) => {
      const end = this.#endOf(place)
      return end !== undefined && this.teams.every((team) => team.hasRead(nameOf(place), end))
    })
  }

  /** All that was acknowledged, for each group. */
  toBeRead(): ToBeRead[] {
    const offsets = new Map<string, number[]>()
    for (const each of [...this.#cluster.workload.history, ...this.#growth.history]) {
      if (each.f !== 'send' || each.type !== 'ok' || each.offset === undefined || each.offset < 0) continue
      const of = offsets.get(each.key)
      if (of === undefined) offsets.set(each.key, [each.offset])
      else of.push(each.offset)
    }
    return this.teams.flatMap(({ name: group }) => [...offsets].map(([key, of]) => ({ group, key, offsets: of })))
  }

  get grown(): number {
    return this.#growth.grown
  }

  /** What coordinators know is what their logs say. */
  compare(): void {
    const { world } = this.#cluster
    for (let compared = checkReload(world, this.#nextRules); compared > 0; compared--)
      this.history.count('a loaded shard is as its log says')
  }

  #compare(): void {
    this.#cluster.simulation.schedule(RELOAD_EVERY_MS, 'coordinators are compared with their logs', () => {
      this.compare()
      this.#compare()
    })
  }

  /** Who coordinates groups with members. */
  #watch(): void {
    for (const { name } of this.teams) {
      const reign = coordinatorOf(this.#image, name)
      const before = this.#reigns.get(name)
      if (reign === undefined) continue
      if (before !== undefined && before.nodeId !== reign.nodeId) this.history.count('a coordinator moves')
      this.#reigns.set(name, reign)
    }
    this.#cluster.simulation.schedule(LOOK_EVERY_MS, 'who coordinates is looked at', () => this.#watch())
  }

  get #image(): MetadataImage | undefined {
    return this.#cluster.invariants.replicas.image
  }

  readonly #address = (): Address => this.#random.pick(this.#brokers).address

  readonly #topicIdOf = (name: string): string | undefined =>
    this.#cluster.workload.topics.find((topic) => topic.name === name)?.topicId

  get #topicNames(): readonly string[] {
    return this.#cluster.workload.topics.map(({ name }) => name)
  }

  /** All partitions of the topics. */
  get #places(): GroupPlace[] {
    const counts = this.#topicNames.map(
      (name) => [name, this.#image?.topicsByName.get(name)?.partitions.length ?? 0] as const,
    )
    return placesIn(new Map(counts))
  }

  /** As its leader says. */
  #endOf({ topic, partition }: GroupPlace): number | undefined {
    const topicId = this.#topicIdOf(topic)!
    const leader = this.#image?.topicsById.get(topicId)?.partitions[partition]?.leader ?? -1
    const node = this.#cluster.world.nodes[leader - 1]
    return node && hostedBy(node, { topic, topicId, partition })?.highWatermark
  }

  /** `kind`: its members run on the cores that users are given. `commitsLate`: those of the simulator's own commit what they do not have any more. */
  #team(name: string, random: Prng, kind: GroupKind | undefined, commitsLate = false): GroupTeam {
    const { simulation, world, workload } = this.#cluster
    const isCooperative = random.chance(0.4)
    const members = random.between(kind === 'both' ? FEWEST_OF_BOTH : 1, MOST_MEMBERS)
    const slots = Array.from({ length: members }, (_, n) => {
      const plain = kind === undefined ? drawManner(random, isCooperative) : undefined
      const common = {
        group: name,
        instanceId: random.chance(STATIC_CHANCE) ? `instance${n}` : null,
        now: () => simulation.nowMs,
        reign: () => coordinatorOf(this.#image, name),
        shardAt: (nodeId: number) => shardAt(world.nodes[nodeId - 1]!, name),
        brokers: this.#address,
        topicIdOf: this.#topicIdOf,
      }
      const manner = plain ?? this.#mannerOf(kind!, isCooperative, common, random)
      const slot = new GroupSlot(simulation, world.network, `${name}-${n}`, this.#topicNames, this.history, {
        ...(commitsLate ? { lateCommitChance: LATE_COMMIT_CHANCE } : {}),
        ...manner,
        ...common,
        record: (operation) => this.#record(operation),
      })
      workload.hosts.push(...slot.hosts)
      return slot
    })
    return new GroupTeam(simulation, random, this.history, slots, {
      name,
      isCooperative,
      sessionTimeoutMs: 3000,
      meanPauseMs: random.pick([800, 2000, 5000]),
      topics: () => this.#topicNames,
      setBack: (team, done) => this.#setBack(team.name, random, done),
    })
  }

  #mannerOf(kind: GroupKind, isCooperative: boolean, common: CommonOptions, random: Prng): GroupManner {
    const turned = this.#turned.get(common.group) ?? { to: undefined }
    if (kind === 'both') this.#turned.set(common.group, turned)
    return drawKindOfSlot(random, {
      kind,
      turned,
      isCooperative,
      isStatic: common.instanceId !== null,
      settings: this.#cluster.world.plan.settings,
      isSettled: () => this.#stopped,
      coreOptions: { ...common, count: (what) => this.history.count(what) },
    })
  }

  /** Of new partitions nobody but groups keeps a history. */
  #record(operation: Operation): void {
    const { workload } = this.#cluster
    const isOld = workload.topics.some((topic) =>
      Array.from({ length: topic.partitions }, (_, partition) => keyOf(topic, partition)).includes(
        'key' in operation ? operation.key : '',
      ),
    )
    if (isOld) workload.history.push(operation)
  }

  #setBack(group: string, random: Prng, done: () => void): void {
    const place = random.pick(this.#places)
    const committed = this.history.committedOf(group, nameOf(place))
    const offset = random.chance(0.3) ? -1 : random.below(Math.max(1, committed))
    if (committed < 0) done()
    else this.operator.setBack(group, place, offset, done)
  }

  #makeOperator(): GroupOperator {
    const { simulation, world } = this.#cluster
    const random = simulation.random('group operator')
    const machine = new Machine(simulation, world.network, 'group operator')
    let operator: GroupOperator | undefined
    machine.boot(
      (ports) => {
        operator = new GroupOperator(ports, {
          history: this.history,
          now: () => simulation.nowMs,
          brokers: this.#address,
          topicIdOf: this.#topicIdOf,
          random,
          meanPauseMs: random.pick([500, 2000]),
          groups: () => this.teams.map(({ name }) => name),
          mayBeNext: (group) => !group.startsWith('group'),
          place: () => random.pick(this.#places),
        })
      },
      () => {},
    )
    return operator!
  }
}
