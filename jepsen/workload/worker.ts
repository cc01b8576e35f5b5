/**
 * Worker: does one thing after the other with a client, as a process, and writes down what it asks and what becomes of it. Where a client crashes, or nobody knows how something of it ended, it goes on with
 * another client as another process. A client that does not come back from a call counts as one of which nobody knows.
 */
import type { Clock, Timer } from '../../src/io/clock.js'
import type { BedTime } from '../beds/bed.js'
import { type Client, type ClientSettings, type Driver, DriverError } from '../drivers/driver.js'
import type { Key, Keyspace, Operation, Unplaced } from '../history/operation.js'
import type { Recorder } from '../history/recorder.js'
import { type Task, TOPIC_SETTING } from './generator.js'
import type { KeyTopics } from './key-topics.js'
import { PolledRecords } from './polled-records.js'
import { payloadOf } from './values.js'

export interface WorkerContext {
  readonly recorder: Recorder
  readonly keyspace: Keyspace
  readonly topics: KeyTopics
  readonly time: BedTime
  readonly clock: Clock
  readonly workers: number
  readonly settings: (process: number) => ClientSettings
  /** For one poll that finds nothing, and for any call: the client is given up then. */
  readonly pollLimitMs: number
  readonly callLimitMs: number
  /** Errors of the suite or of a driver: sentences. */
  readonly trouble: (sentence: string) => void
}

/** More of the final reads than what a generator asks for. */
export type WorkerTask = Task & { readonly fromBeginning?: boolean; readonly limitMs?: number }

interface End {
  readonly type: 'ok' | 'fail' | 'info'
  readonly value?: unknown
  readonly error?: readonly [code: string, message: string]
  readonly more?: Readonly<Record<string, unknown>>
}

/** Whoever is told so goes on as somebody else. */
const FENCING: ReadonlySet<string> = new Set([
  'FENCED_INSTANCE_ID',
  'GROUP_AUTHORIZATION_FAILED',
  'INVALID_PRODUCER_EPOCH',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'PRODUCER_FENCED',
  'TOPIC_AUTHORIZATION_FAILED',
])

/** It is as it should be: the client goes on. */
const NOT_TOLD = 'NOT_TOLD'

/** One after the other. */
const MOST_FAILED_POLLS = 3
const GOODBYE_MS = 2000
/** Before a client is opened anew after that has failed. */
const REOPEN_MS = 500

export class Worker {
  readonly index: number
  readonly driver: Driver
  readonly #context: WorkerContext
  #process: number
  #client: Client | undefined
  #isMember = false
  #failedPolls = 0
  /** Of a member: behind what it has polled, where that is not committed yet. */
  readonly #uncommitted = new Map<Key, number>()

  constructor(index: number, driver: Driver, context: WorkerContext) {
    this.index = index
    this.driver = driver
    this.#context = context
    this.#process = index
  }

  get process(): number {
    return this.#process
  }

  /** To its end, with what follows from it. Gives its completion. Never rejects. */
  async perform(task: WorkerTask): Promise<Operation> {
    const { keyspace } = this.#context
    switch (task.f) {
      case 'send':
        return this.#send(task.parts)
      case 'poll':
        return this.#poll(task.polls, task.limitMs ?? this.#context.pollLimitMs)
      case 'assign':
      case 'subscribe':
        return this.#read(task.f, task.keys, task.fromBeginning === true)
      case 'crash':
        return this.#crash()
      case 'list-offsets': {
        const { key, of } = task
        return this.#operation(task.f, [key, of, null], async (client) => {
          return { type: 'ok', value: [key, of, await client.listOffset(keyspace.placeOf(key), of)] }
        })
      }
      case 'committed':
        return this.#committed(task.keys)
      default:
        return this.#ofTopic(task)
    }
  }

  /** Says goodbye, if that is possible soon. */
  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    try {
      await this.#limited(GOODBYE_MS, client.close())
    } catch {
      client.crash()
    }
  }

  #send(parts: readonly (readonly [Key, number])[]): Promise<Operation> {
    const { keyspace, topics } = this.#context
    const invoked = parts.map(([key, value]) => ['send', key, value])
    return this.#operation('send', invoked, async (client) => {
      const records = parts.map(([key, value]) => ({ ...keyspace.placeOf(key), payload: payloadOf(key, value) }))
      await topics.ensure(
        client,
        records.map(({ topic }) => topic),
      )
      const results = await client.send(records)
      const errors = results.filter((result) => result instanceof DriverError)
      const { acks } = this.#context.settings(this.#process)
      // Nobody has said that it happened.
      if (acks === 0 && errors.length === 0)
        return { type: 'info', error: [NOT_TOLD, 'with acks=0 nobody says what became of it'] }
      const value = parts.map(([key, sent], n) => {
        const result = results[n]!
        return ['send', key, result instanceof DriverError ? sent : [result.offset ?? null, sent]]
      })
      const [first] = errors.sort((a, b) => (a.outcome < b.outcome ? 1 : -1))
      if (first === undefined) return { type: 'ok', value }
      const hasFailed = errors.length === results.length && first.outcome === 'fail'
      return { type: hasFailed ? 'fail' : 'info', value, error: [first.code, first.message] }
    })
  }

  async #poll(polls: number, limitMs: number): Promise<Operation> {
    const polled = new PolledRecords(this.#context.keyspace)
    const completed = await this.#operation(
      'poll',
      Array.from({ length: polls }, () => ['poll']),
      async (client) => {
        let error: DriverError | undefined
        for (let n = 0; n < polls && error === undefined; n++) {
          try {
            polled.add(await client.poll(limitMs))
          } catch (thrown) {
            if (!(thrown instanceof DriverError)) throw thrown
            error = thrown
          }
        }
        for (const sentence of polled.strangers) this.#context.trouble(`${this.driver.name}: ${sentence}`)
        // What the operation has read is read again by the next one: nothing of it counts.
        if (error !== undefined && polled.first.length > 0) await client.seek(polled.first).catch(() => {})
        const undone = Array.from({ length: polls - polled.parts.length }, () => ['poll'])
        const value = [...polled.parts, ...undone]
        const end = { value, more: polled.more }
        return error === undefined
          ? { ...end, type: 'ok' }
          : { ...end, type: error.outcome, error: [error.code, error.message] }
      },
    )
    this.#failedPolls = completed.type === 'fail' ? this.#failedPolls + 1 : 0
    if (this.#failedPolls >= MOST_FAILED_POLLS) await this.#renew()
    if (!this.#isMember || completed.type !== 'ok') return completed
    for (const [key, position] of polled.positions) {
      if (position === undefined) this.#uncommitted.delete(key)
      else this.#uncommitted.set(key, position)
    }
    if (this.#uncommitted.size > 0) await this.#commit()
    return completed
  }

  async #commit(): Promise<void> {
    const asked = Object.fromEntries(this.#uncommitted)
    const more = { group: this.#group }
    const { type } = await this.#operation(
      'commit',
      asked,
      async (client) => {
        const { offsets, generation } = await client.commit()
        const generationTold = generation === undefined ? {} : { generation }
        return { type: 'ok', value: this.#byKey(offsets), more: { ...more, ...generationTold } }
      },
      more,
    )
    if (type === 'ok') this.#uncommitted.clear()
  }

  #committed(keys: readonly Key[]): Promise<Operation> {
    const asked = Object.fromEntries(keys.map((key) => [key, -1]))
    const more = { group: this.#group }
    return this.#operation(
      'committed',
      asked,
      async (client) => {
        const places = keys.map((key) => this.#context.keyspace.placeOf(key))
        const { offsets } = await client.committed(places)
        return { type: 'ok', value: { ...asked, ...this.#byKey(offsets) }, more }
      },
      more,
    )
  }

  async #read(f: 'assign' | 'subscribe', keys: readonly Key[], fromBeginning: boolean): Promise<Operation> {
    const { keyspace, topics } = this.#context
    const more = fromBeginning ? { 'seek-to-beginning?': true } : {}
    const completed = await this.#operation(
      f,
      keys,
      async (client) => {
        const places = keys.map((key) => keyspace.placeOf(key))
        const names = [...new Set(places.map(({ topic }) => topic))]
        await topics.ensure(client, names)
        if (f === 'assign') await client.assign(places, fromBeginning ? 'beginning' : 'kept')
        else await client.subscribe(names)
        return { type: 'ok', more }
      },
      more,
    )
    if (completed.type === 'ok') {
      this.#isMember = f === 'subscribe'
      if (!this.#isMember) this.#uncommitted.clear()
    }
    return completed
  }

  async #crash(): Promise<Operation> {
    const process = this.#process
    const { recorder } = this.#context
    recorder.record({ type: 'invoke', process, f: 'crash', value: null })
    this.#client?.crash()
    this.#forget()
    return recorder.record({ type: 'info', process, f: 'crash', value: null })
  }

  #ofTopic(
    task: Exclude<Task, { f: 'send' | 'poll' | 'assign' | 'subscribe' | 'crash' | 'list-offsets' | 'committed' }>,
  ) {
    const { topic } = task
    return this.#operation(task.f, [topic, task.value], async (client): Promise<End> => {
      switch (task.f) {
        case 'create-topic':
          return { type: 'ok', value: [topic, await client.createTopic(topic, this.#context.keyspace.partitions, {})] }
        case 'delete-topic':
          await client.deleteTopic(topic)
          return { type: 'ok' }
        case 'describe-topic':
          return { type: 'ok', value: [topic, await client.describeTopic(topic)] }
        case 'set-config':
          await client.setTopicConfig(topic, TOPIC_SETTING, task.value)
          return { type: 'ok' }
        case 'get-config':
          return { type: 'ok', value: [topic, await client.getTopicConfig(topic, TOPIC_SETTING)] }
      }
    })
  }

  /** What is not told of its end is as it was invoked. */
  async #operation(
    f: Task['f'] | 'commit',
    value: unknown,
    call: (client: Client) => Promise<End>,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Operation> {
    const { recorder, callLimitMs } = this.#context
    const process = this.#process
    recorder.record({ type: 'invoke', process, f, value, ...more } as unknown as Unplaced)
    const end = await this.#end(() => this.#limited(callLimitMs, this.#opened().then(call)))
    const completed = recorder.record({
      type: end.type,
      process,
      f,
      value: end.value ?? value,
      ...(end.more ?? more),
      ...(end.error === undefined ? {} : { error: end.error }),
    } as unknown as Unplaced)
    const code = end.error?.[0] ?? ''
    if ((end.type === 'info' && code !== NOT_TOLD) || FENCING.has(code)) await this.#renew()
    return completed
  }

  async #end(call: () => Promise<End>): Promise<End> {
    try {
      return await call()
    } catch (error) {
      if (error instanceof DriverError) return { type: error.outcome, error: [error.code, error.message] }
      const { message, stack } = error as Error
      this.#context.trouble(`${this.driver.name} failed otherwise than it may: ${stack ?? message}`)
      return { type: 'info', error: ['BROKEN_DRIVER', message] }
    }
  }

  /** Rejects with a `fail`: nothing was asked for yet. */
  async #opened(): Promise<Client> {
    if (this.#client !== undefined) return this.#client
    const process = this.#process
    try {
      const client = await this.driver.open(this.#context.settings(process))
      // Nobody waits for it any more.
      if (this.#process !== process) client.crash()
      else this.#client = client
      return client
    } catch (error) {
      await this.#context.time.wait(REOPEN_MS)
      if (!(error instanceof DriverError)) throw error
      throw new DriverError(error.code, 'fail', `opening a client: ${error.message}`)
    }
  }

  async #renew(): Promise<void> {
    const closing = this.close()
    this.#forget()
    await closing
  }

  #forget(): void {
    this.#client = undefined
    this.#process += this.#context.workers
    this.#isMember = false
    this.#failedPolls = 0
    this.#uncommitted.clear()
  }

  async #limited<T>(limitMs: number, promise: Promise<T>): Promise<T> {
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = this.#context.clock.timer(limitMs, () => {
        reject(new DriverError('TIMED_OUT', 'info', `the client has not come back within ${limitMs} ms`))
      })
    })
    promise.catch(() => {})
    try {
      return await Promise.race([promise, late])
    } finally {
      timer?.cancel()
    }
  }

  get #group(): string {
    return this.#context.settings(this.#process).group?.id ?? ''
  }

  #byKey(offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]) {
    const { keyspace } = this.#context
    return Object.fromEntries(
      offsets.flatMap(({ offset, ...place }) => {
        const key = keyspace.keyOf(place)
        return key === undefined ? [] : [[key, offset]]
      }),
    )
  }
}
