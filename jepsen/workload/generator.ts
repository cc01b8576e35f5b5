/**
 * Generator: decides who does what, and when. It is the one of Jepsen's Kafka workload (key pool, assignments now and then, chasing what nobody has read, clients that crash), with what that leaves
 * out: sends of several records, metadata, group offsets, ends of logs. A core: it draws from a seed, is told the time and what has happened, and does nothing.
 */
import type { Prng } from '../../src/base/prng.js'
import type { Ability } from '../drivers/driver.js'
import { type AssignOperation, type Key, type Operation, valueAt } from '../history/operation.js'
import { KeyPool, type KeyPoolOptions } from './key-pool.js'

export type Task =
  | { readonly f: 'send'; readonly parts: readonly (readonly [key: Key, value: number])[] }
  | { readonly f: 'poll'; readonly polls: number }
  | { readonly f: 'assign' | 'subscribe'; readonly keys: readonly Key[] }
  | { readonly f: 'crash' }
  | { readonly f: 'list-offsets'; readonly key: Key; readonly of: 'earliest' | 'latest' | 'latest committed' }
  | { readonly f: 'committed'; readonly keys: readonly Key[] }
  | {
      readonly f: 'create-topic' | 'delete-topic' | 'describe-topic' | 'get-config'
      readonly topic: string
      readonly value: null
    }
  | { readonly f: 'set-config'; readonly topic: string; readonly value: string }

/** `atMs`: not before. */
export interface DueTask {
  readonly task: Task
  readonly atMs: number
}

export interface GeneratorOptions extends KeyPoolOptions {
  readonly workers: number
  /** What a worker's library cannot do is not asked of it. */
  readonly lacks: (worker: number) => ReadonlySet<Ability>
  /** Operations a second, of all workers together, as far as they keep up. */
  readonly rate: number
  readonly consume: 'assign' | 'subscribe' | 'both'
  /** Of each client, mean; 0: never. */
  readonly crashEveryMs: number
  /** Of topics that come and go: those of keys have others. */
  readonly topicPrefix: string
  /** Topics and their settings, too. */
  readonly metadata: boolean
}

/** The setting that is a register. */
export const TOPIC_SETTING = 'retention.ms'
const LEAST_RETENTION_MS = 1_000_000_000

const MOST_PARTS = 4
const MOST_POLLS = 2
const MOST_KEYS = 4
/** Of operations. A rebalance takes a group longer than another assignment takes a consumer. */
const ASSIGN_CHANCE = 1 / 64
const SUBSCRIBE_CHANCE = 1 / 256
/** Of assignments: with all that is not read yet. */
const UNSEEN_CHANCE = 1 / 3
/**
 * One worker of so many uses all keys, the others keep to a few: where a leader hangs, all who send to it hang with it for as long as a client tries, and it would soon be everybody.
 */
const WORKERS_PER_ROAMER = 3
/** Where there are both, one worker of so many is a member of the group, now and then as one that assigns. */
const WORKERS_PER_MEMBER = 5
const OTHER_WAY_CHANCE = 1 / 8
/** A group waits for the session of a member that has crashed: if all crashed as often as others it would do nothing else. */
const MEMBER_CRASHES_CHANCE = 1 / 4
/** Of operations. */
const METADATA_SHARE = 0.03
const LIST_OFFSETS_SHARE = 0.05
const COMMITTED_SHARE = 0.02
const TOPICS = 6
/** Keys that are made before they are used. */
const AHEAD = 4
/** Of what was not done in time only so much is made up for. */
const BEHIND_MS = 1000

interface WorkerState {
  /** The part of the keys that it keeps to; undefined: all. */
  readonly home: number | undefined
  readonly lacks: ReadonlySet<Ability>
  /** Where there are both. */
  readonly isMember: boolean
  process: number
  /** Undefined: it has neither. */
  reads: 'assign' | 'subscribe' | undefined
  /** By key. */
  readonly sequences: Map<Key, number>
}

export class Generator {
  readonly #options: GeneratorOptions
  readonly #random: Prng
  readonly #pool: KeyPool
  readonly #workers: WorkerState[]
  readonly #sent = new Map<Key, number>()
  readonly #polled = new Map<Key, number>()
  #dueMs = 0
  #crashMs: number
  #hasEnded = false

  constructor(options: GeneratorOptions, random: Prng) {
    this.#options = options
    this.#random = random
    this.#pool = new KeyPool(options, random.fork('keys'))
    this.#crashMs = this.#nextCrashMs(0)
    this.#workers = Array.from(
      { length: options.workers },
      (_, index): WorkerState => ({
        home: index % WORKERS_PER_ROAMER === 0 || this.#pool.homes === 0 ? undefined : index % this.#pool.homes,
        lacks: options.lacks(index),
        isMember: index % WORKERS_PER_MEMBER === 0,
        process: -1,
        reads: undefined,
        sequences: new Map(),
      }),
    )
  }

  /** What the worker does next as this process; undefined: nothing more. */
  next(worker: number, process: number, nowMs: number): DueTask | undefined {
    if (this.#hasEnded) return undefined
    const state = this.#workers[worker]!
    if (state.process !== process) {
      state.process = process
      state.reads = undefined
      state.sequences.clear()
    }
    if (nowMs >= this.#crashMs && (state.reads !== 'subscribe' || this.#random.chance(MEMBER_CRASHES_CHANCE))) {
      this.#crashMs = this.#nextCrashMs(nowMs)
      return { task: { f: 'crash' }, atMs: nowMs }
    }
    const spacingMs = (2 * 1000 * this.#random.float()) / this.#options.rate
    this.#dueMs = Math.max(this.#dueMs + spacingMs, nowMs - BEHIND_MS)
    // Who reads nothing yet begins to, before it polls for the first time.
    return { task: state.reads === undefined ? this.#assignment(state) : this.#task(state), atMs: this.#dueMs }
  }

  /** Keys up to this one, without it, are or will soon be in use. */
  get keysWanted(): Key {
    return this.#pool.end + AHEAD
  }

  /** Keys up to this one, without it, are there. */
  made(end: Key): void {
    this.#pool.made(end)
  }

  /** No more tasks. */
  end(): void {
    this.#hasEnded = true
  }

  /** Everything that is written down. */
  observed(operation: Operation): void {
    if (operation.process === 'nemesis' || operation.type === 'invoke') return
    if (operation.f === 'assign' || operation.f === 'subscribe') this.#hasRead(operation)
    if (operation.f !== 'send' && operation.f !== 'poll' && operation.f !== 'txn') return
    // Of a send whose end is not known some parts may have been acknowledged.
    if (operation.type !== 'ok' && !(operation.type === 'info' && operation.f === 'send')) return
    for (const part of operation.value) {
      if (part[0] === 'send') {
        const told = part[2]
        if (typeof told === 'object' && told[0] !== null) raise(this.#sent, part[1], told[0])
        continue
      }
      for (const [key, records] of Object.entries(part[1] ?? {})) {
        const last = records.at(-1)
        if (last !== undefined) raise(this.#polled, Number(key), last[0])
      }
    }
  }

  /** Of each key that anything is known of: the highest offset that somebody was told. */
  get targets(): ReadonlyMap<Key, number> {
    const targets = new Map(this.#sent)
    for (const [key, offset] of this.#polled) raise(targets, key, offset)
    return targets
  }

  #hasRead({ process, type }: AssignOperation): void {
    const state = this.#workers[process % this.#options.workers]!
    if (state.process === process && type !== 'ok') state.reads = undefined
  }

  #task(state: WorkerState): Task {
    const random = this.#random
    const { metadata, consume } = this.#options
    if (random.chance(state.reads === 'subscribe' ? SUBSCRIBE_CHANCE : ASSIGN_CHANCE)) return this.#assignment(state)
    const drawn = random.float()
    const { lacks } = state
    if (drawn < METADATA_SHARE) {
      if (metadata && !lacks.has('topic settings')) return this.#ofTopics()
    } else if (drawn < METADATA_SHARE + LIST_OFFSETS_SHARE) {
      if (lacks.has('list offsets')) return this.#recordsTask(state)
      return {
        f: 'list-offsets',
        key: this.#pool.draw(state.home),
        of: random.pick(['earliest', 'latest', 'latest committed']),
      }
    } else if (drawn < METADATA_SHARE + LIST_OFFSETS_SHARE + COMMITTED_SHARE && consume !== 'assign') {
      return { f: 'committed', keys: this.#keys(state) }
    }
    return this.#recordsTask(state)
  }

  #recordsTask(state: WorkerState): Task {
    const random = this.#random
    if (random.chance(0.5)) return { f: 'poll', polls: random.between(1, MOST_POLLS) }
    const count = random.between(1, MOST_PARTS)
    return { f: 'send', parts: Array.from({ length: count }, () => this.#write(state)) }
  }

  #write({ home, process, sequences }: WorkerState): readonly [Key, number] {
    const key = this.#pool.drawForWrite(home)
    const sequence = sequences.get(key) ?? 0
    sequences.set(key, sequence + 1)
    return [key, valueAt(process, sequence)]
  }

  #assignment(state: WorkerState): Task {
    const random = this.#random
    const { consume } = this.#options
    const usual = consume === 'both' ? (state.isMember ? 'subscribe' : 'assign') : consume
    const reads = consume === 'both' && state.isMember && random.chance(OTHER_WAY_CHANCE) ? 'assign' : usual
    state.reads = reads
    const keys = new Set(this.#keys(state))
    if (random.chance(UNSEEN_CHANCE)) {
      for (const [key, offset] of this.#sent) if (offset > (this.#polled.get(key) ?? -1)) keys.add(key)
    }
    return { f: reads, keys: [...keys].sort((a, b) => a - b) }
  }

  #keys({ home }: WorkerState): readonly Key[] {
    const count = this.#random.between(1, MOST_KEYS)
    return [...new Set(Array.from({ length: count }, () => this.#pool.draw(home)))]
  }

  #ofTopics(): Task {
    const random = this.#random
    const topic = `${this.#options.topicPrefix}-m${random.below(TOPICS)}`
    const f = random.pick(['create-topic', 'delete-topic', 'describe-topic', 'set-config', 'get-config'] as const)
    if (f !== 'set-config') return { f, topic, value: null }
    return { f, topic, value: String(LEAST_RETENTION_MS + random.below(LEAST_RETENTION_MS)) }
  }

  #nextCrashMs(nowMs: number): number {
    const { crashEveryMs, workers } = this.#options
    return crashEveryMs === 0 ? Number.POSITIVE_INFINITY : nowMs + this.#random.exponential(crashEveryMs / workers)
  }
}

function raise(highest: Map<Key, number>, key: Key, offset: number): void {
  if (offset > (highest.get(key) ?? -1)) highest.set(key, offset)
}
