/**
 * One run of the simulator: a node under load and faults drawn from the seed, then quiet, and the reading of everything; judged by the checker. The
 * same seed is the same run.
 */
import { assert } from '../base/assert.js'
import type { Prng } from '../base/prng.js'
import { checkLog, type Finding } from '../check/check-log.js'
import type { Operation } from '../check/history.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import { SimulatedClient } from './client.js'
import { ConfigChanges } from './config-changes.js'
import { WorkloadConsumer } from './consumer.js'
import type { DiskDevice, FaultCount, FaultKind } from './disk-device.js'
import { FAULT_KINDS, FaultSchedule } from './faults.js'
import { Invariants } from './invariants.js'
import { Machine } from './machine.js'
import { WorkloadProducer } from './producer.js'
import { RecordDeletions } from './record-deletions.js'
import { Simulation, SimulationError } from './simulation.js'
import { keyOf, type LivingTopic, TopicLives, type TopicPlan } from './topic-lives.js'
import { withTraps } from './traps.js'
import { BROKER_HOST, BROKER_PORT, World } from './world.js'

/** How long there are load and faults: one of these. */
const LOAD_MS = [2000, 5000, 10_000]
/** How long everything may then take to come to an end. */
const SETTLE_MS = 120_000
/** An answer that takes longer is waited for by nobody. */
const LONGEST_ANSWER_MS = 4000

export interface ScenarioOptions {
  /** The flush policy of the topics; without it some of each. */
  readonly flushPolicy?: 'commit' | 'os'
  /** Which faults there are; without it all. */
  readonly faults?: readonly FaultKind[]
  /** Judge as if nothing may ever be lost, whatever the policy promises: a positive control. */
  readonly strict?: boolean
  /** Acks of all producers; without it some of each. */
  readonly acks?: 1 | -1
}

export interface SeedReport {
  readonly seed: string
  readonly hash: string
  readonly findings: readonly Finding[]
  readonly acknowledged: number
  readonly unknown: number
  readonly events: number
  readonly virtualMs: number
  readonly starts: number
  readonly exits: number
  readonly faults: Readonly<Partial<Record<FaultKind, FaultCount>>>
  /** How often each invariant was looked at. */
  readonly checks: Readonly<Record<string, number>>
  readonly history: readonly Operation[]
}

/** Throws `SimulationError` where something inside goes wrong, an assertion or an invariant. */
export function runSeed(seed: string | number, options: ScenarioOptions = {}): SeedReport {
  return withTraps(() => new Scenario(seed, options).run())
}

/** Mostly small, so that there are many batches and segments; now and then such as take other paths: by reference, off the loop, in pieces. */
const SIZES = [
  { segmentBytes: 2048, keyBytes: 0 },
  { segmentBytes: 8192, keyBytes: 0 },
  { segmentBytes: 65_536, keyBytes: 0 },
  { segmentBytes: 2048, keyBytes: 0 },
  { segmentBytes: 8192, keyBytes: 0 },
  { segmentBytes: 65_536, keyBytes: 0 },
  { segmentBytes: 65_536, keyBytes: 100 },
  { segmentBytes: 1024 * 1024, keyBytes: 3000 },
]

class Scenario {
  readonly #simulation: Simulation
  readonly #options: ScenarioOptions
  readonly #world: World
  readonly #topics: TopicLives
  readonly #producers: WorkloadProducer[] = []
  readonly #clients: SimulatedClient[] = []
  readonly #history: Operation[] = []
  readonly #invariants: Invariants
  readonly #loadMs: number
  #nextProcess = 0
  #configs: ConfigChanges | undefined

  constructor(seed: string | number, options: ScenarioOptions) {
    const simulation = new Simulation(seed)
    this.#simulation = simulation
    this.#options = options
    const random = simulation.random('scenario')
    this.#world = new World(simulation, {
      settings: {
        'log.flush.offset.checkpoint.interval.ms': String(random.pick([50, 400, 3000])),
        'log.dir.reserved.bytes': '20000',
        'producer.id.expiration.check.interval.ms': '5000',
        'log.retention.check.interval.ms': String(random.pick([100, 500, 2000])),
        'log.flush.scheduler.interval.ms': '200',
        'log.index.interval.bytes': String(random.pick([100, 1000, 4096])),
        ...cleanerSettings(simulation.random('cleaner')),
        'log.open.files.max': String(simulation.random('open files').pick([1, 3, 500])),
        'log.segment.delete.delay.ms': String(simulation.random('deletion').pick([0, 100, 2000])),
      },
      longestDownMs: random.pick([20, 300]),
      twoDirectories: simulation.random('directories').chance(0.5),
    })
    this.#world.machine.knowsBootId = random.chance(0.8)
    this.#loadMs = random.pick(LOAD_MS)
    this.#invariants = new Invariants(this.#world)
    const plans: TopicPlan[] = []
    const count = random.between(1, 3)
    for (let n = 0; n < count; n++) {
      plans.push({
        name: `topic${n}`,
        partitions: random.between(1, 2),
        flushPolicy: options.flushPolicy ?? (n === 0 || random.chance(0.7) ? 'commit' : 'os'),
        ...random.pick(SIZES),
        ...compaction(simulation.random(`compaction ${n}`), {
          ...topicConfigs(random),
          ...compression(simulation.random(`compression ${n}`)),
        }),
      })
    }
    this.#topics = new TopicLives(this.#world, {
      plans,
      change: simulation.random('changes').chance(0.5),
      use: (topic, fromPartition) => this.#useTopic(topic, fromPartition),
      ending: (topic) => this.#configs?.drop(topic),
    })
  }

  run(): SeedReport {
    const simulation = this.#simulation
    const world = this.#world
    for (const device of world.machine.devices) {
      device.inFlight = () => world.serving && this.#producers.some((producer) => producer.inFlight)
    }
    const faults = new FaultSchedule(world, this.#options.faults ?? FAULT_KINDS, (kind) =>
      this.#history.push({ f: 'fault', type: 'info', kind, process: -1, time: simulation.nowMs }),
    )
    faults.beforeStart()
    world.start()
    this.#configs = new ConfigChanges(simulation, this.#client('configs'))
    this.#topics.start(this.#client('admin'))
    const deletions = new RecordDeletions({
      world,
      invariants: this.#invariants,
      client: this.#client('deleter'),
      process: this.#nextProcess++,
      record: (operation) => void this.#history.push(operation),
    })
    this.#until(() => false, this.#loadMs)

    faults.stop()
    this.#topics.stop()
    this.#configs.stop()
    deletions.stop()
    for (const producer of this.#producers) producer.stop()
    this.#must('it is known which topics are there', () => world.serving && this.#topics.idle)
    this.#must(
      'the producers come to an end',
      () => world.serving && this.#producers.every((producer) => producer.idle),
    )
    this.#must('everything is committed', () => world.serving && world.partitions.every(({ committed }) => committed))
    this.#must('the last change of settings is answered', () => this.#configs!.idle)
    // What is read at the end is judged by it, whenever it was read.
    this.#must('the last deletion of records is answered', () => deletions.idle)
    this.#must('what was deleted is gone from the disk', () => world.serving && this.#invariants.isTidy)
    this.#checkTopics()
    const readers = this.#read()
    this.#must('everything is read', () => readers().every((reader) => reader.done))
    this.#invariants.checkAll(this.#configs)
    this.#history.push(...deletions.strays(this.#topics.all))
    for (const client of this.#clients) client.stop()
    // Where nobody has produced anything, nothing else has waited for a full disk to be healed; a log that has failed cannot be closed cleanly.
    this.#must('the metadata log takes appends', () => world.takesMetadata)
    this.#must('the other logs do, too', () => world.takesRecords)
    world.stop()
    this.#must('the node stops cleanly', () => world.exitCode === 0)
    return this.#report()
  }

  #until(condition: () => boolean, limitMs: number): boolean {
    const deadlineMs = this.#simulation.nowMs + limitMs
    return this.#simulation.runUntil(() => {
      this.#invariants.check()
      return condition()
    }, deadlineMs)
  }

  #must(what: string, condition: () => boolean): void {
    if (!this.#until(condition, SETTLE_MS)) {
      const { seed, nowMs, trace } = this.#simulation
      throw new SimulationError(seed, nowMs, what, trace, `not within ${SETTLE_MS} ms`)
    }
  }

  #report(): SeedReport {
    const verdict = checkLog(this.#history, { mayBeLost: this.#mayBeLost(), mayBeRemoved: this.#mayBeRemoved() })
    const { devices } = this.#world.machine
    return {
      seed: this.#simulation.seed,
      hash: this.#simulation.hash.value,
      findings: verdict.findings,
      acknowledged: verdict.acknowledged,
      unknown: verdict.unknown,
      events: this.#simulation.events,
      virtualMs: this.#simulation.nowMs,
      starts: this.#world.starts,
      exits: this.#world.exits,
      faults: countsOf(devices),
      checks: { ...this.#invariants.counts, ...this.#topics.counts },
      history: this.#history,
    }
  }

  /**
   * What the promises leave open: under `os`, and with acks=1 under `commit`, a later power loss may take what was acknowledged; under `os` also what
   * was read.
   */
  #mayBeLost(): (key: string, time: number, acks: 0 | 1 | -1 | undefined) => boolean {
    if (this.#options.strict === true) return () => false
    const losses = this.#history.filter((operation) => operation.f === 'fault' && operation.kind === 'power-loss')
    const lastLoss = losses.at(-1)?.time ?? -1
    const policies = new Map(this.#topics.all.map((topic) => [keyOf(topic), topic.flushPolicy]))
    return (key, time, acks) => {
      if (time > lastLoss) return false
      const topic = key.slice(0, key.lastIndexOf('-'))
      const commitSinceMs = this.#configs?.commitSinceMs.get(topic) ?? Number.POSITIVE_INFINITY
      // What was asked before the policy changed is answered by then.
      if (policies.get(topic) === 'os' && time <= commitSinceMs + LONGEST_ANSWER_MS) return true
      // What a consumer was given was committed, whatever its producer asked for.
      return acks === 1 || acks === 0
    }
  }

  /** Age is judged by what the producers call the time; size by the invariants alone. */
  #mayBeRemoved(): (key: string, time: number) => boolean {
    const endMs = this.#simulation.nowMs
    const limits = new Map(this.#topics.all.map((topic) => [keyOf(topic), topic.configs]))
    return (key, time) => {
      const configs = limits.get(key.slice(0, key.lastIndexOf('-'))) ?? {}
      return 'retention.bytes' in configs || endMs - time > Number(configs['retention.ms'] ?? Number.POSITIVE_INFINITY)
    }
  }

  #client(name: string): SimulatedClient {
    const machine = new Machine(this.#simulation, this.#world.network, name)
    let client: SimulatedClient | undefined
    machine.boot(
      (ports) => {
        client = new SimulatedClient(ports, { host: BROKER_HOST, port: BROKER_PORT }, name)
      },
      () => {},
    )
    this.#clients.push(client!)
    return client!
  }

  /** Topics are there unless somebody has deleted them, and then they are not. */
  #checkTopics(): void {
    const { image } = this.#world.node!.broker!
    for (const { name, topicId, partitionCount, state } of this.#topics.all) {
      const found = image.topicsById.get(topicId)
      const what = `${name} (${topicId}), which is ${state}, has ${found?.partitions.length ?? 'no'} partitions`
      assert(state === 'gone' ? found === undefined : (found?.partitions.length ?? 0) >= partitionCount, what)
    }
    for (const { gone, key } of this.#producers) {
      const topic = this.#topics.all.find((each) => key.startsWith(`${keyOf(each)}-`))
      assert(!gone || topic?.state === 'gone', () => `the producer of ${key} was told that its topic is gone`)
    }
  }

  #useTopic(topic: LivingTopic, fromPartition: number): void {
    const { name, topicId, partitionCount, keyBytes, keys, flushPolicy } = topic
    const mayBecomeCommit = flushPolicy === 'os' && this.#options.flushPolicy === undefined
    if (fromPartition === 0) this.#configs?.add(topic, mayBecomeCommit)
    const random = this.#simulation.random(`use ${name} ${topicId} from ${fromPartition}`)
    const now = (): number => this.#simulation.nowMs
    const record = (operation: Operation): void => void this.#history.push(operation)
    for (let partition = fromPartition; partition < partitionCount; partition++) {
      const key = `${keyOf(topic)}-${partition}`
      const place = { topic: name, topicId, partition, key, now, record }
      const producers = random.between(1, 2)
      for (let n = 0; n < producers; n++) {
        const idempotent = random.chance(0.6)
        const acks = this.#options.acks ?? (idempotent ? -1 : random.pick([-1, -1, 1, 1, 0] as const))
        const codec = random.chance(0.7) ? ('none' as const) : random.pick(CODEC_NAMES)
        const options = {
          ...place,
          process: this.#nextProcess++,
          acks: idempotent && acks !== 1 ? (-1 as const) : acks,
          idempotent,
          codec,
          pauseMs: random.pick([5, 30, 100]),
          maxRecordsPerBatch: random.pick([1, 5, 20]),
          keyBytes,
          // What is large without compression is opened off the loop.
          ...(codec === 'none' || keyBytes < 1000 ? {} : { keyBytes: 8 * keyBytes }),
          keys,
        }
        this.#producers.push(new WorkloadProducer(this.#client(`producer${options.process}`), options))
      }
      if (random.chance(0.7)) {
        const process = this.#nextProcess++
        const manner = { final: false, sessions: random.chance(0.5), patient: random.chance(0.3) }
        new WorkloadConsumer(this.#client(`consumer${process}`), { ...place, process, ...manner })
      }
    }
  }

  #read(): () => readonly WorkloadConsumer[] {
    const readers: WorkloadConsumer[] = []
    const now = (): number => this.#simulation.nowMs
    const record = (operation: Operation): void => void this.#history.push(operation)
    for (const topic of this.#topics.all) {
      if (topic.state === 'gone') continue
      const { name, topicId, partitionCount } = topic
      for (let partition = 0; partition < partitionCount; partition++) {
        const process = this.#nextProcess++
        const key = `${keyOf(topic)}-${partition}`
        const manner = { final: true, sessions: process % 2 === 0, patient: false }
        const place = { topic: name, topicId, partition, key, now, record, process, ...manner }
        readers.push(new WorkloadConsumer(this.#client(`reader${process}`), place))
      }
    }
    return () => readers
  }
}

/** How long a topic is kept, when its segments are closed, and how eagerly it is flushed. */
function topicConfigs(random: Prng): Record<string, string> {
  const configs: Record<string, string> = { 'file.delete.delay.ms': String(random.pick([0, 100, 5000])) }
  if (random.chance(0.4)) configs['retention.ms'] = String(random.pick([300, 1000, 4000]))
  if (random.chance(0.4)) configs['retention.bytes'] = String(random.pick([0, 3000, 20_000]))
  if (random.chance(0.4)) configs['segment.ms'] = String(random.pick([100, 1000]))
  if (random.chance(0.3)) configs['segment.jitter.ms'] = '500'
  if (random.chance(0.3)) configs['flush.messages'] = String(random.pick([1, 10]))
  if (random.chance(0.3)) configs['flush.ms'] = String(random.pick([0, 1000]))
  if (random.chance(0.3)) configs['message.timestamp.type'] = 'LogAppendTime'
  return configs
}

/** Some topics want batches compressed otherwise than they come. The codecs that take longest are drawn least. */
function compression(random: Prng): Record<string, string> {
  if (random.chance(0.6)) return {}
  const type = random.pick(['lz4', 'lz4', 'snappy', 'snappy', 'uncompressed', 'uncompressed', 'zstd', 'gzip'])
  return { 'compression.type': type, 'compression.gzip.level': random.pick(['1', '-1']) }
}

function countsOf(devices: readonly DiskDevice[]): SeedReport['faults'] {
  const sums: Partial<Record<FaultKind, FaultCount>> = {}
  for (const { counts } of devices) {
    for (const [kind, { total, inFlight }] of counts) {
      const sum = (sums[kind] ??= { total: 0, inFlight: 0 })
      sum.total += total
      sum.inFlight += inFlight
    }
  }
  return sums
}

/** Some topics are compacted, and some of these lose their old segments as well. */
function compaction(
  random: Prng,
  configs: Readonly<Record<string, string>>,
): { readonly keys: number; readonly configs: Readonly<Record<string, string>> } {
  if (random.chance(0.6)) return { keys: 0, configs }
  const isDeleted = random.chance(0.3)
  const compacted: Record<string, string> = {
    ...configs,
    'cleanup.policy': isDeleted ? 'compact,delete' : 'compact',
    'min.cleanable.dirty.ratio': random.pick(['0', '0.3']),
    'delete.retention.ms': random.pick(['0', '300', '86400000']),
  }
  if (random.chance(0.3)) compacted['min.compaction.lag.ms'] = '200'
  if (random.chance(0.3)) compacted['max.compaction.lag.ms'] = '500'
  return { keys: random.pick([3, 12, 40]), configs: compacted }
}

function cleanerSettings(random: Prng): Record<string, string> {
  return {
    'log.cleaner.backoff.ms': random.pick(['10', '100', '1000']),
    'log.cleaner.io.buffer.size': random.pick(['0', '16384']),
    'log.cleaner.dedupe.buffer.size': random.pick(['1024', '1000000']),
    'log.cleaner.io.max.bytes.per.second': random.pick(['100000', '1000000000']),
  }
}
