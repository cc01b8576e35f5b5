/**
 * What stories of replication are told with: whole brokers and a controller apart from them, one partition whose replicas stand in a given order, links that are
 * held, crashes, lost power. Invariants are looked at after every event; at the end all is healed, and every replica has the same log, with everything in it
 * that was acknowledged.
 */
import assert from 'node:assert/strict'
import { Partition } from '../../src/broker/partition.js'
import type { ControllerApi, ControllerReply, ControllerRequest } from '../../src/controller/controller-core.js'
import type { PartitionState } from '../../src/metadata/records.js'
import { ELIGIBLE_LEADER_REPLICAS_VERSION } from '../../src/metadata/release.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { DeleteRecords } from '../../src/protocol/messages/delete-records.js'
import { ElectLeaders } from '../../src/protocol/messages/elect-leaders.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { BatchOptions } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { ClusterInvariants } from '../../src/sim/cluster-invariants.js'
import { type ClusterNode, ClusterWorld, type NodeRole } from '../../src/sim/cluster-world.js'
import { LogCursor } from '../../src/sim/log-cursor.js'
import type { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { batchOf, fetchRequest, produceRequest, type Topic, valuesIn } from '../broker/requests.js'
import { type Sent, SimulatedWireClient } from '../broker/simulated-broker.js'

const FORMED_MS = 20_000
const SOON_MS = 30_000
const SETTLED_MS = 120_000
const MAX_BATCH_BYTES = 1024 * 1024
const PRODUCE_VERSION = 12
const FETCH_VERSION = 17
/** Who lags is out of sync after that. */
export const LAG_MS = 1000

export interface StoryShape {
  /** Brokers, the first of them preferred; without it three. */
  readonly replicas?: readonly number[]
  readonly controllers?: number
  /** More than the replicas. */
  readonly brokers?: number
  /** Of the topic. */
  readonly topic?: Readonly<Record<string, string>>
  readonly settings?: Readonly<Record<string, string>>
  /** Whether those who are eligible are kept apart from those in sync (KIP-966). */
  readonly elr?: boolean
}

/** What a producer waits for. */
export interface Production {
  readonly values: readonly string[]
  readonly sent: Sent<{
    readonly responses: readonly {
      readonly partitionResponses: readonly { readonly errorCode: number; readonly baseOffset: number }[]
    }[]
  }>
}

export class ReplicationStory {
  readonly simulation: Simulation
  readonly world: ClusterWorld
  readonly invariants: ClusterInvariants
  readonly replicas: readonly number[]
  /** Records that were acknowledged, at their offsets. */
  readonly #acknowledged = new Map<number, string>()
  #topic: Topic = { name: 'story' }
  #clients = 0

  constructor(seed: number, shape: StoryShape = {}) {
    const { replicas = [1, 2, 3], controllers = 1, topic = {}, settings = {}, elr = false } = shape
    this.replicas = replicas
    this.simulation = new Simulation(seed)
    const brokers = shape.brokers ?? Math.max(...replicas)
    this.world = new ClusterWorld(this.simulation, {
      roles: Array.from({ length: brokers + controllers }, (_, n): NodeRole => (n < brokers ? 'broker' : 'controller')),
      ports: 'two',
      naming: 'voters',
      settings: {
        'replica.lag.time.max.ms': String(LAG_MS),
        'auto.leader.rebalance.enable': 'false',
        ...settings,
      },
      longestDownMs: 50,
    })
    for (const node of this.world.nodes) {
      node.restart = false
      // As where a process is killed, and its machine goes on: its connections end.
      node.machine.goesSilently = false
    }
    this.invariants = new ClusterInvariants(this.world)
    this.world.start()
    this.until('the cluster forms', FORMED_MS, () => this.brokers.every((node) => this.#isUsable(node)))
    if (elr) {
      const featureUpdates = [
        { feature: ELIGIBLE_LEADER_REPLICAS_VERSION, maxVersionLevel: 1, allowDowngrade: false, upgradeType: 1 },
      ]
      const reply = this.ask('UpdateFeatures', { timeoutMs: 5000, featureUpdates, validateOnly: false })
      assert.equal(reply.errorCode, 0, reply.errorMessage ?? '')
    }
    this.#create(topic)
  }

  get network(): SimulatedNetwork {
    return this.world.network
  }

  get brokers(): readonly ClusterNode[] {
    return this.world.brokers
  }

  node(id: number): ClusterNode {
    return this.world.nodes[id - 1]!
  }

  get controller(): ClusterNode {
    const { leader } = this.world
    assert.ok(leader !== undefined, 'there is a controller')
    return leader
  }

  /** As the controller has it. */
  get state(): PartitionState {
    return this.controller.node!.quorum!.image!.topicsById.get(this.#topic.topicId!)!.partitions[0]!
  }

  get topicId(): string {
    return this.#topic.topicId!
  }

  replica(id: number): Partition {
    const hosted = this.node(id).node?.broker?.replicas.find(this.topicId, 0)
    assert.ok(hosted instanceof Partition, `node ${id} has the partition`)
    return hosted
  }

  /** Whether the controller says that just these are in sync. */
  inSync(...ids: readonly number[]): boolean {
    const { isr } = this.state
    return isr.length === ids.length && ids.every((id) => isr.includes(id))
  }

  until(what: string, limitMs: number, condition: () => boolean): void {
    const { simulation } = this
    const holds = simulation.runUntil(() => {
      this.invariants.check()
      return condition()
    }, simulation.nowMs + limitMs)
    if (!holds) assert.fail(`${what}: not within ${limitMs} ms of seed ${simulation.seed}; ${this.#standing()}`)
  }

  soon(what: string, condition: () => boolean): void {
    this.until(what, SOON_MS, condition)
  }

  /** Time passes, and this never comes true meanwhile. */
  never(what: string, durationMs: number, condition: () => boolean): void {
    const { simulation } = this
    const holds = simulation.runUntil(() => {
      this.invariants.check()
      return condition()
    }, simulation.nowMs + durationMs)
    assert.ok(!holds, `${what}, at ${simulation.nowMs.toFixed(0)} ms of seed ${simulation.seed}`)
  }

  pass(durationMs: number): void {
    this.never('', durationMs, () => false)
  }

  /** What one says does not reach the other; it waits on its way. Returns what lets it go on. */
  hold(from: number | ClusterNode, to: number | ClusterNode): () => void {
    const hostOf = (one: number | ClusterNode): string => (typeof one === 'number' ? this.node(one) : one).host
    const [a, b] = [hostOf(from), hostOf(to)]
    return this.network.rules.add({ applies: (source, target) => source === a && target === b, cuts: true })
  }

  /** The same in both directions. */
  cut(one: number | ClusterNode, other: number | ClusterNode): () => void {
    const heals = [this.hold(one, other), this.hold(other, one)]
    return () => {
      for (const heal of heals) heal()
    }
  }

  crash(...ids: readonly number[]): void {
    for (const id of ids) this.node(id).crash()
  }

  losePower(...ids: readonly number[]): void {
    for (const id of ids) this.node(id).losePower()
  }

  /** Returns when the broker is used again. */
  start(...ids: readonly number[]): void {
    for (const id of ids) this.node(id).start()
    this.soon('they are back', () => ids.every((id) => this.#isUsable(this.node(id))))
  }

  /** This one leads, as it knows itself. */
  untilLeads(id: number): void {
    this.soon(`${id} leads`, () => this.state.leader === id && this.replica(id).isLeader)
  }

  untilInSync(...ids: readonly number[]): void {
    this.soon(
      `in sync are ${ids}`,
      () => this.inSync(...ids) && this.replica(this.state.leader).leading?.isr.length === ids.length,
    )
  }

  /** Has the controller do something, as a client of this broker; returns the reply. */
  ask<Api extends ControllerApi>(
    api: Api,
    request: ControllerRequest<Api>,
    at = this.brokers.find(({ serving }) => serving)!,
  ): ControllerReply<Api> {
    let reply: ControllerReply<Api> | undefined
    const asker = { principal: { type: 'User', name: 'somebody' }, host: '' }
    at.machine.process!.after(0, 'arrival', api, () =>
      at.node!.broker!.channel.send(api, request, asker, 5000, (answer) => {
        reply = answer?.reply
      }),
    )
    this.soon(`an answer to ${api}`, () => reply !== undefined)
    return reply!
  }

  /** A broker that was away is used again, as this other one knows. */
  untilUsable(id: number, asKnownTo: number): void {
    this.soon(`${id} is used again`, () => {
      const broker = this.node(asKnownTo).node!.broker!.image.brokers.get(id)
      return broker?.fenced === false && broker.brokerEpoch === this.node(id).node?.broker?.brokerEpoch
    })
  }

  client(id: number): SimulatedWireClient {
    const host = {
      simulation: this.simulation,
      network: this.network,
      until: (condition: () => boolean, what: string) => this.soon(what, condition),
    }
    return new SimulatedWireClient(host, `client${this.#clients++}`, this.node(id).address)
  }

  /** Sends to this broker; what comes of it is seen as time passes. */
  produce(
    id: number,
    values: readonly string[],
    {
      acks = -1,
      timeoutMs = 60_000,
      ...batch
    }: BatchOptions & { readonly acks?: number; readonly timeoutMs?: number } = {},
  ): Production {
    const request = produceRequest(this.#topic, batchOf(values, batch), { acks, timeoutMs })
    return { values, sent: this.client(id).send(Produce, PRODUCE_VERSION, request) }
  }

  /** What a producer was told: the name of an error, `nothing` yet, or that its connection was lost. With acks=all it is kept in mind. */
  outcome({ values, sent }: Production, remember = true): string {
    if (sent.error !== undefined) return 'lost'
    const [answer] = sent.response?.responses[0]?.partitionResponses ?? []
    if (answer === undefined) return 'nothing'
    const { name } = errorByCode(answer.errorCode)
    if (name === 'NONE' && remember) {
      for (const [n, value] of values.entries()) this.#acknowledged.set(answer.baseOffset + n, value)
    }
    return name
  }

  /** To the leader, with acks=all, until it is acknowledged. */
  write(...values: readonly string[]): void {
    const { leader } = this.state
    this.untilLeads(leader)
    const production = this.produce(leader, values)
    this.soon(`${values} are acknowledged`, () => this.outcome(production) !== 'nothing')
    assert.equal(this.outcome(production), 'NONE')
    this.invariants.replicas.acknowledged(this.topicId, 0, this.#offsetOf(production) + values.length)
  }

  /** The same, where it is not promised to stay. */
  writeForNow(...values: readonly string[]): void {
    const production = this.produce(this.state.leader, values)
    this.soon(`${values} are acknowledged`, () => this.outcome(production, false) === 'NONE')
  }

  /** To the leader, with acks=1: the leader has it, and that is all. */
  append(id: number, ...values: readonly string[]): void {
    const production = this.produce(id, values, { acks: 1 })
    this.soon(`${values} are appended`, () => this.outcome(production, false) !== 'nothing')
    assert.equal(this.outcome(production, false), 'NONE')
  }

  /** What is in front of this offset is not wanted any more. */
  deleteBefore(id: number, offset: number): void {
    assert.equal(this.deletion(id, offset).error, 'NONE')
  }

  /** The same, whatever becomes of it: the name of that, and up to where all is gone. */
  deletion(
    id: number,
    offset: number,
    timeoutMs = 5000,
  ): { readonly error: string; readonly lowWatermark: number; readonly tookMs: number } {
    const request = { topics: [{ name: this.#topic.name, partitions: [{ partitionIndex: 0, offset }] }], timeoutMs }
    this.invariants.replicas.mayDelete(this.topicId, 0, offset)
    const beganMs = this.simulation.nowMs
    const [answer] = this.client(id).request(DeleteRecords, 2, request).topics[0]!.partitions
    const { errorCode, lowWatermark } = answer!
    return { error: errorByCode(errorCode).name, lowWatermark, tookMs: this.simulation.nowMs - beganMs }
  }

  /** What a consumer gets of this broker, from an offset on. */
  consume(
    id: number,
    fetchOffset = 0,
    partition: { readonly currentLeaderEpoch?: number; readonly lastFetchedEpoch?: number } = {},
  ): {
    readonly error: string
    readonly values: readonly string[]
    readonly highWatermark: number
    readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number }
  } {
    const request = fetchRequest(this.#topic, fetchOffset, { partition })
    const { responses } = this.client(id).request(Fetch, FETCH_VERSION, request)
    const { errorCode, records, highWatermark, divergingEpoch } = responses[0]!.partitions[0]!
    return { error: errorByCode(errorCode).name, values: valuesIn(records), highWatermark, divergingEpoch }
  }

  /** What this broker says is the end of what is committed. */
  latestOffset(id: number): { readonly error: string; readonly offset: number } {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }]
    const request = {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: this.#topic.name, partitions }],
      timeoutMs: 1000,
    }
    const [answer] = this.client(id).request(ListOffsets, 10, request).topics[0]!.partitions
    return { error: errorByCode(answer!.errorCode).name, offset: Number(answer!.offset) }
  }

  /** Has the partition moved to these replicas, without any has the move taken back; returns the name of what became of it. */
  move(replicas: readonly number[] | null): string {
    const partitions = [{ partitionIndex: 0, replicas: replicas && [...replicas] }]
    const request = {
      timeoutMs: 5000,
      allowReplicationFactorChange: true,
      topics: [{ name: this.#topic.name, partitions }],
    }
    const reply = this.ask('AlterPartitionReassignments', request)
    return errorByCode(reply.responses[0]!.partitions![0]!.errorCode!).name
  }

  /** The first replica leads again, if it can. */
  electPreferred(): void {
    const at = this.brokers.find(({ serving }) => serving)!
    const topicPartitions = [{ topic: this.#topic.name, partitions: [0] }]
    this.client(at.id).request(ElectLeaders, 2, { electionType: 0, topicPartitions, timeoutMs: 10_000 })
    this.untilLeads(this.replicas[0]!)
  }

  /** All records in the log of a broker, as they stand on its disk, by their offsets. */
  recordsOn(id: number): Map<number, string> {
    const records = new Map<number, string>()
    for (const batch of this.#cursor(id).batchesUpTo(Number.POSITIVE_INFINITY)) {
      for (const { offset, value } of readRecords(batch, MAX_BATCH_BYTES)) {
        assert.ok(!records.has(offset), `${offset} stands there once`)
        records.set(offset, Buffer.from(value ?? []).toString())
      }
    }
    return records
  }

  valuesOn(id: number): string[] {
    return [...this.recordsOn(id).values()]
  }

  /** The log of a broker on its disk, batch by batch, from an offset on: where, in which epoch, what. */
  batchesOn(id: number, fromOffset = 0): string[] {
    const batches: string[] = []
    for (const batch of this.#cursor(id).batchesUpTo(Number.POSITIVE_INFINITY)) {
      const { baseOffset, nextOffset, partitionLeaderEpoch, crc } = batch
      if (baseOffset >= fromOffset) batches.push(`${baseOffset}-${nextOffset} of ${partitionLeaderEpoch}: ${crc}`)
    }
    return batches
  }

  /** All is well again, and stays so: all are in sync with the same log, which has what was acknowledged, once each, in its place. */
  heal(): void {
    this.network.rules.clear()
    for (const node of this.world.nodes) if (node.node === undefined) node.start()
    this.until('all are in sync', SETTLED_MS, () => {
      const isRunning = this.brokers.every((node) => this.#isUsable(node)) && this.world.leader !== undefined
      return isRunning && this.inSync(...this.replicas) && this.#areEqual()
    })
    this.invariants.checkAll()
    const startOffset = Math.max(...this.replicas.map((id) => this.replica(id).log.startOffset))
    const [first, ...others] = this.replicas.map((id) => this.batchesOn(id, startOffset))
    for (const batches of others) assert.deepEqual(batches, first)
    const records = this.recordsOn(this.replicas[0]!)
    assert.equal(new Set(records.values()).size, records.size, `nothing stands there twice: ${[...records.values()]}`)
    for (const [offset, value] of this.#acknowledged) {
      if (offset < startOffset) continue
      assert.equal(records.get(offset), value, `acknowledged at ${offset} of seed ${this.simulation.seed}`)
    }
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  /** For a report. */
  #standing(): string {
    if (this.world.leader === undefined) return 'no controller'
    const { leader, leaderEpoch, isr, eligibleLeaderReplicas: elr } = this.state
    const replicas = this.brokers.map(({ id, host, node }) => {
      const hosted = node?.broker?.replicas.find(this.topicId, 0)
      if (!(hosted instanceof Partition)) return `${host} ${node === undefined ? 'down' : 'without it'}`
      const { log, highWatermark, leading, following } = hosted
      const broker = this.world.leader?.node?.quorum?.image?.brokers.get(id)
      const role = leading === undefined ? `follows ${following?.core.leaderId}` : `leads ${leading.maximalIsr}`
      return `${host}${broker?.fenced === false ? '' : ' fenced'} ${role} in ${hosted.leaderEpoch}, ${highWatermark} of ${log.nextOffset}`
    })
    return `leader ${leader} in ${leaderEpoch}, in sync ${isr}, eligible ${elr}; ${replicas.join('; ')}`
  }

  #areEqual(): boolean {
    const replicas = this.replicas.map((id) => this.replica(id))
    const end = replicas[0]!.log.nextOffset
    return replicas.every(({ log, highWatermark }) => log.nextOffset === end && highWatermark === end)
  }

  #cursor(id: number): LogCursor {
    const node = this.node(id)
    return new LogCursor(node.machine, node.directoryOf(`${this.#topic.name}-0`))
  }

  #isUsable({ id, serving, node }: ClusterNode): boolean {
    const image = this.world.leader?.node?.quorum?.image
    const broker = image?.brokers.get(id)
    return serving && broker?.fenced === false && broker.brokerEpoch === node!.broker!.brokerEpoch
  }

  #create(topic: Readonly<Record<string, string>>): void {
    const configs = Object.entries(topic).map(([name, value]) => ({ name, value }))
    const assignments = [{ partitionIndex: 0, brokerIds: [...this.replicas] }]
    const wanted = { name: this.#topic.name, numPartitions: -1, replicationFactor: -1, assignments, configs }
    const reply = this.ask('CreateTopics', { topics: [wanted], timeoutMs: 5000, validateOnly: false })
    const [created] = reply.topics
    assert.equal(errorByCode(created!.errorCode!).name, 'NONE', created!.errorMessage ?? '')
    this.#topic = { name: this.#topic.name, topicId: created!.topicId! }
    this.soon('all have the partition', () =>
      this.replicas.every((id) => this.node(id).node?.broker?.replicas.find(this.topicId, 0) instanceof Partition),
    )
    const [first, ...others] = this.replicas
    this.untilLeads(first!)
    this.soon('all follow', () => others.every((id) => this.replica(first!).leading!.positionOf(id) === 0))
  }

  #offsetOf({ sent }: Production): number {
    return sent.response!.responses[0]!.partitionResponses[0]!.baseOffset
  }
}

const SEEDS = 3

/** The same in a few worlds; each comes to a good end. */
export function inSomeWorlds(shape: StoryShape, tell: (story: ReplicationStory) => void, seeds = SEEDS): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const story = new ReplicationStory(seed, shape)
    tell(story)
    story.heal()
  }
}
