/**
 * One run: a bed is started, clients work while faults come and go, all is healed, clients must get through again, everything is read once more, and what was written down is judged. Whatever happens the bed is stopped and
 * what has been written stays.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Prng } from '../src/base/prng.js'
import type { TestBed } from './beds/bed.js'
import type { Ability, ClientSettings, Driver, GroupSettings } from './drivers/driver.js'
import { Keyspace, type NemesisOperation, type Operation, type Unplaced } from './history/operation.js'
import { Recorder } from './history/recorder.js'
import { HISTORY_FILE, RUN_FILE, type RunFile } from './history/run-file.js'
import type { FaultCounts } from './nemesis/nemesis.js'
import { type Counts, Progress } from './progress.js'
import { type FinalReads, finalReads } from './workload/final-reads.js'
import { Generator } from './workload/generator.js'
import { KeyTopics } from './workload/key-topics.js'
import { TopicMaker } from './workload/topic-maker.js'
import { Worker, type WorkerContext } from './workload/worker.js'

export interface RunOptions {
  readonly seed: string
  /** Of the load; what comes then takes its own time. */
  readonly timeMs: number
  readonly workers: number
  readonly rate: number
  readonly keys: number
  readonly writesPerKey: number
  readonly consume: 'assign' | 'subscribe' | 'both'
  readonly groupProtocol: GroupSettings['protocol']
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  readonly isolation: ClientSettings['isolation']
  readonly crashEveryMs: number
  readonly metadata: boolean
  /** Of the topics of keys. */
  readonly topicSettings: Readonly<Record<string, string>>
  /** In front of the names of topics: of this run alone. */
  readonly prefix: string
  readonly finalReadsLimitMs: number
  /** Behind the last of the load, for what is on its way. */
  readonly restMs: number
  /** From healing to the first success. */
  readonly recoveryLimitMs: number
}

/** What makes the faults of a run: see `nemesis/nemesis.ts`. */
export interface NemesisOfRun {
  /** From the beginning of the load on. Never rejects. */
  play(): Promise<void>
  stop(): void
  /** Takes everything back. False: it could not. */
  heal(): Promise<boolean>
  readonly troubles: readonly string[]
  readonly counts: ReadonlyMap<string, FaultCounts>
}

export interface RunContext {
  readonly bed: TestBed
  /** Taken in turn by the workers. */
  readonly drivers: readonly Driver[]
  readonly nemesis?: (write: (operation: Unplaced<NemesisOperation>) => void) => NemesisOfRun
  /** Takes the history and what stands beside it; it is made. */
  readonly directory: string
  /** What is known before: back-ends, the command. */
  readonly about: Pick<RunFile, 'command' | 'backends' | 'settings'>
  readonly say: (line: string) => void
}

export interface RunResult {
  readonly directory: string
  readonly seed: string
  readonly counts: Counts
  readonly byKind: Readonly<Record<string, Counts>>
  readonly errors: Readonly<Record<string, number>>
  /** Of successful operations, while there was load. */
  readonly okPerSecond: number
  /** From the end of healing to the first that was begun after it and succeeded; undefined: none did in time. */
  readonly recoveryMs: number | undefined
  readonly finalReads: FinalReads | undefined
  /** By name. */
  readonly faults: Readonly<Record<string, FaultCounts>>
  /** Of the suite, or of nodes: sentences. */
  readonly troubles: readonly string[]
}

/** Kafka's own clients wait longer: here something must be tried again within a run. */
const REQUEST_TIMEOUT_MS = 3000
const API_TIMEOUT_MS = 10_000
const CALL_LIMIT_MS = 30_000
const POLL_LIMIT_MS = 100
const SESSION_TIMEOUT_MS = 6000
const HEARTBEAT_MS = 500
const SAY_EVERY_MS = 5000
const RECOVERY_LIMIT_MS = 60_000
const FIRST_TOPICS_LIMIT_MS = 30_000
const RECOVERY_LOOK_MS = 50
const LEAST_READERS = 2
const MOST_TROUBLES = 100

/** Members of different libraries do not agree on how to share: each has a group. */
export function groupOf(prefix: string, driver: number): string {
  return driver === 0 ? `${prefix}-group` : `${prefix}-group-${driver}`
}

export async function run(options: RunOptions, context: RunContext): Promise<RunResult> {
  return new Run(options, context).run()
}

class Run {
  readonly #options: RunOptions
  readonly #context: RunContext
  readonly #recorder: Recorder
  readonly #progress = new Progress()
  readonly #generator: Generator
  readonly #workers: readonly Worker[]
  readonly #maker: TopicMaker
  readonly #troubles: string[] = []
  #faults: RunResult['faults'] = {}
  readonly #startedAt = new Date().toISOString()
  /** Processes that have begun to send since all is healed. */
  readonly #begun = new Set<number>()
  #isRunning = true
  #recovery: { readonly healedMs: number; tookMs: number | undefined } | undefined
  #loadMs = 0
  #okOfLoad = 0

  constructor(options: RunOptions, context: RunContext) {
    this.#options = options
    this.#context = context
    mkdirSync(context.directory, { recursive: true })
    const { bed, drivers, directory } = context
    this.#recorder = new Recorder(join(directory, HISTORY_FILE), bed.time)
    const lacks = (index: number): ReadonlySet<Ability> => drivers[index % drivers.length]!.lacks
    const ofGenerator = { ...options, lacks, topicPrefix: options.prefix }
    this.#generator = new Generator(ofGenerator, new Prng(options.seed).fork('load'))
    this.#recorder.listen((operation) => this.#observed(operation))
    const keyspace = new Keyspace(options.prefix)
    const topics = new KeyTopics(keyspace.partitions, options.topicSettings)
    const { time } = bed
    const settings = () => ({ ...this.#settings(0), clientId: `${options.prefix}-topics` })
    const [driver] = drivers
    this.#maker = new TopicMaker({ driver: driver!, settings, generator: this.#generator, topics, keyspace, time })
    const worker: WorkerContext = {
      recorder: this.#recorder,
      keyspace,
      topics,
      time,
      clock: bed.ports.clock,
      workers: options.workers,
      settings: (process) => this.#settings(process),
      pollLimitMs: POLL_LIMIT_MS,
      callLimitMs: CALL_LIMIT_MS,
      trouble: (sentence) => this.#trouble(sentence),
    }
    this.#workers = Array.from(
      { length: options.workers },
      (_, index) => new Worker(index, drivers[index % drivers.length]!, worker),
    )
  }

  async run(): Promise<RunResult> {
    const { bed } = this.#context
    let done: FinalReads | undefined
    this.#writeRunFile()
    try {
      await bed.start()
      const saying = this.#saying()
      try {
        done = await this.#phases()
      } finally {
        this.#isRunning = false
        await saying
      }
    } catch (error) {
      this.#trouble(`the run has not come to its end: ${(error as Error).stack ?? error}`)
    } finally {
      this.#recorder.close()
      await this.#stop()
    }
    const result = this.#result(done)
    this.#writeRunFile(result)
    return result
  }

  async #phases(): Promise<FinalReads> {
    const { bed } = this.#context
    const nemesis = this.#context.nemesis?.((operation) => this.#recorder.record(operation))
    if (!(await this.#maker.makeAll(FIRST_TOPICS_LIMIT_MS))) this.#trouble('the first topics could not be made')
    this.#recorder.begin()
    this.#phase('load')
    const making = this.#maker.run()
    const load = this.#workers.map((worker) => this.#work(worker))
    const playing = nemesis?.play()
    await bed.time.wait(this.#options.timeMs)
    nemesis?.stop()
    await playing
    this.#loadMs = this.#recorder.nowMs
    this.#okOfLoad = this.#progress.total.ok
    this.#phase('heal')
    await nemesis?.heal()
    for (const sentence of nemesis?.troubles ?? []) this.#trouble(sentence)
    this.#faults = Object.fromEntries(nemesis?.counts ?? [])
    this.#phase('recovery')
    await this.#recovered()
    this.#generator.end()
    this.#maker.stop()
    await Promise.all([...load, making])
    await bed.time.wait(this.#options.restMs)
    this.#phase('final reads')
    const count = Math.min(this.#workers.length, Math.max(LEAST_READERS, this.#context.drivers.length))
    const done = await finalReads(this.#workers.slice(0, count), {
      targets: this.#generator.targets,
      time: bed.time,
      limitMs: this.#options.finalReadsLimitMs,
      groups: this.#options.consume === 'assign' ? 0 : this.#context.drivers.length,
    })
    this.#phase('end')
    await Promise.all(this.#workers.map((worker) => worker.close()))
    return done
  }

  async #work(worker: Worker): Promise<void> {
    const { time } = this.#context.bed
    for (;;) {
      const nowMs = this.#recorder.nowMs
      const due = this.#generator.next(worker.index, worker.process, nowMs)
      if (due === undefined) return
      if (due.atMs > nowMs) await time.wait(due.atMs - nowMs)
      await worker.perform(due.task)
    }
  }

  /** The load goes on until something succeeds. */
  async #recovered(): Promise<void> {
    const { time } = this.#context.bed
    const healedMs = this.#recorder.nowMs
    this.#recovery = { healedMs, tookMs: undefined }
    while (this.#recovery.tookMs === undefined && this.#recorder.nowMs < healedMs + RECOVERY_LIMIT_MS) {
      await time.wait(RECOVERY_LOOK_MS)
    }
    const { tookMs } = this.#recovery
    const { recoveryLimitMs } = this.#options
    if (tookMs === undefined) {
      this.#trouble(`no send has succeeded within ${RECOVERY_LIMIT_MS / 1000} s after healing`)
    } else if (tookMs > recoveryLimitMs) {
      this.#trouble(
        `the first send after healing has succeeded after ${tookMs} ms, and not within ${recoveryLimitMs} ms`,
      )
    }
  }

  #observed(operation: Operation): void {
    this.#generator.observed(operation)
    this.#progress.observed(operation)
    const recovery = this.#recovery
    if (recovery === undefined || recovery.tookMs !== undefined || operation.f !== 'send') return
    if (operation.type === 'invoke') this.#begun.add(operation.process)
    else if (operation.type === 'ok' && this.#begun.has(operation.process)) {
      recovery.tookMs = Math.round(operation.time / 1e6 - recovery.healedMs)
    }
  }

  #phase(name: string): void {
    this.#recorder.record({ type: 'info', process: 'nemesis', f: 'phase', value: name })
  }

  #trouble(sentence: string): void {
    if (this.#troubles.length >= MOST_TROUBLES || this.#troubles.includes(sentence)) return
    this.#troubles.push(sentence)
    this.#context.say(sentence)
  }

  async #saying(): Promise<void> {
    const { bed, say } = this.#context
    for (let nextMs = bed.time.nowMs() + SAY_EVERY_MS; this.#isRunning; ) {
      await bed.time.wait(RECOVERY_LOOK_MS)
      if (bed.time.nowMs() < nextMs) continue
      nextMs = bed.time.nowMs() + SAY_EVERY_MS
      say(this.#progress.line(this.#recorder.nowMs, bed))
    }
  }

  #settings(process: number): ClientSettings {
    const { prefix, acks, idempotent, isolation, consume, groupProtocol, workers } = this.#options
    const group: GroupSettings = {
      id: groupOf(prefix, (process % workers) % this.#context.drivers.length),
      protocol: groupProtocol,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      heartbeatMs: HEARTBEAT_MS,
    }
    return {
      bootstrap: beginningWith(this.#context.bed.bootstrap, process),
      clientId: `${prefix}-${process}`,
      acks,
      idempotent,
      isolation,
      ...(consume === 'assign' ? {} : { group }),
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      apiTimeoutMs: API_TIMEOUT_MS,
    }
  }

  async #stop(): Promise<void> {
    const { bed, drivers } = this.#context
    for (const worker of this.#workers) await worker.close()
    for (const driver of drivers)
      await driver.close().catch((error) => this.#trouble(`${driver.name}: ${error.message}`))
    await bed.stop().catch((error) => this.#trouble(`stopping: ${error.message}`))
  }

  #result(done: FinalReads | undefined): RunResult {
    const { total, byKind, errors } = this.#progress
    if (done !== undefined && !done.isComplete) {
      const [first] = done.missing
      const detail = first === undefined ? '' : `: key ${first.key} up to ${first.reached} of ${first.target}, ...`
      const who = done.late.join(', ')
      this.#trouble(`the final reads are not complete (${who}), ${done.missing.length} keys by nobody${detail}`)
    }
    return {
      directory: this.#context.directory,
      seed: this.#options.seed,
      counts: total,
      byKind,
      errors,
      okPerSecond: this.#loadMs === 0 ? 0 : Math.round((this.#okOfLoad / this.#loadMs) * 1000),
      recoveryMs: this.#recovery?.tookMs,
      finalReads: done,
      faults: this.#faults,
      troubles: this.#troubles,
    }
  }

  #writeRunFile(result?: RunResult): void {
    const { bed, drivers, directory, about } = this.#context
    const { acks, idempotent, isolation, seed } = this.#options
    const { directory: _, ...told } = result ?? { directory }
    const file = {
      ...about,
      settings: { acks, idempotent, isolation, ...about.settings },
      seed,
      startedAt: this.#startedAt,
      bed: { kind: bed.kind, target: bed.target, nodes: bed.nodes.length },
      drivers: drivers.map(({ name }) => name),
      unasked: bed.unasked,
      troubles: this.#troubles,
      options: this.#options,
      ...(result === undefined ? {} : { result: told }),
    } satisfies RunFile & Readonly<Record<string, unknown>>
    writeFileSync(join(directory, RUN_FILE), `${JSON.stringify(file, undefined, 2)}\n`)
  }
}

/** Clients begin with the first that they know: not all with the same. */
function beginningWith(bootstrap: string, process: number): string {
  const addresses = bootstrap.split(',')
  const first = process % addresses.length
  return [...addresses.slice(first), ...addresses.slice(0, first)].join(',')
}
