/**
 * A driver in a program of its own: it is started once, has many clients, and is spoken to as `protocol.ts` says. If it ends, nobody knows what became of what it was asked, and it is started again for the
 * next client: that a library crashes is its error, and told as one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { endsWithThis, signalGroup } from '../beds/children.js'
import type { Place } from '../history/operation.js'
import {
  type Ability,
  type Client,
  type ClientSettings,
  type Committed,
  type Driver,
  DriverError,
  type Polled,
  type SendResult,
  type SentRecord,
} from './driver.js'
import { type AnswerLine, ARGUMENTS, type CallName, type ErrorTold, readAnswer, type SendTold } from './protocol.js'

export interface ProgramCommand {
  readonly command: string
  readonly args: readonly string[]
}

const HELLO_LIMIT_MS = 60_000
const END_LIMIT_MS = 5_000
const MOST_TOLD = 2_000

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

export class ExternalDriver implements Driver {
  readonly #command: ProgramCommand
  #program: Program
  #name: string
  #lacks: ReadonlySet<Ability>
  #clients = 0
  #starting: Promise<void> | undefined
  readonly #ended: (sentence: string) => void

  private constructor(command: ProgramCommand, program: Program, ended: (sentence: string) => void) {
    this.#command = command
    this.#program = program
    this.#ended = ended
    this.#name = program.name
    this.#lacks = program.lacks
  }

  /** Starts the program. Rejects with what it said where it does not begin as it has to. `ended`: hears of an end that nobody asked for. */
  static async start(command: ProgramCommand, ended: (sentence: string) => void = () => {}): Promise<ExternalDriver> {
    return new ExternalDriver(command, await Program.start(command), ended)
  }

  get name(): string {
    return this.#name
  }

  get lacks(): ReadonlySet<Ability> {
    return this.#lacks
  }

  async open(settings: ClientSettings): Promise<Client> {
    if (this.#program.end !== undefined) {
      this.#starting ??= this.#startAgain().finally(() => {
        this.#starting = undefined
      })
      await this.#starting
    }
    const program = this.#program
    const client = this.#clients++
    await program.ask(client, 'open', [settings])
    return clientOf(program, client)
  }

  close(): Promise<void> {
    return this.#program.close()
  }

  async #startAgain(): Promise<void> {
    this.#ended(`${this.#name} ended by itself: ${this.#program.end}`)
    try {
      this.#program = await Program.start(this.#command)
    } catch (error) {
      throw new DriverError('NO_PROGRAM', 'fail', (error as Error).message)
    }
  }
}

/** One process. */
class Program {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #said = ''
  #closing = false
  /** Why it does not run any more. */
  end: string | undefined
  name = ''
  lacks: ReadonlySet<Ability> = new Set()

  private constructor({ command, args }: ProgramCommand) {
    this.#child = endsWithThis(spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true }))
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-MOST_TOLD)
    })
    // That it has ended is told by `close`.
    this.#child.stdin!.on('error', () => {})
  }

  static async start(command: ProgramCommand): Promise<Program> {
    const program = new Program(command)
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => program.#gone('it did not begin in time'), HELLO_LIMIT_MS)
      const settle = (end: () => void): void => {
        clearTimeout(timer)
        end()
      }
      program.#waiting.set(-1, {
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      })
      program.#child.on('error', (error) => program.#gone(error.message))
      program.#child.on('close', (code, signal) => program.#gone(`it ended with ${code ?? signal}`))
      createInterface({ input: program.#child.stdout! }).on('line', (line) => program.#hear(line))
    })
    return program
  }

  ask(client: number, call: CallName, values: readonly unknown[]): Promise<unknown> {
    if (this.end !== undefined) return Promise.reject(new DriverError('NO_PROGRAM', 'fail', this.end))
    const id = this.#nextId++
    const named = Object.fromEntries(ARGUMENTS[call].map((name, n) => [name, values[n]]))
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin!.write(`${JSON.stringify({ id, client, call, ...named })}\n`)
    })
  }

  async close(): Promise<void> {
    if (this.end !== undefined) return
    this.#closing = true
    const ended = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    this.#child.stdin!.end()
    const timer = setTimeout(() => signalGroup(this.#child, 'SIGKILL'), END_LIMIT_MS)
    await ended
    clearTimeout(timer)
  }

  #hear(text: string): void {
    const line = readAnswer(text)
    if (line === undefined) return this.#gone(`it said what is no answer: ${text.slice(0, MOST_TOLD)}`)
    if ('hello' in line) {
      this.name = line.hello.name
      this.lacks = new Set(line.hello.lacks)
      return this.#take(-1)?.resolve(undefined)
    }
    const { error, result } = line as AnswerLine
    const waiting = this.#take(line.id)
    if (error === undefined) waiting?.resolve(result ?? null)
    else waiting?.reject(errorOf(error))
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #gone(why: string): void {
    if (this.end !== undefined) return
    this.end = this.#closing ? why : `${why}: ${this.#said.trim()}`
    signalGroup(this.#child, 'SIGKILL')
    for (const { reject } of this.#waiting.values()) reject(new DriverError('NO_PROGRAM', 'info', this.end))
    this.#waiting.clear()
  }
}

function errorOf({ code, outcome, message }: ErrorTold): DriverError {
  return new DriverError(String(code), outcome === 'fail' ? 'fail' : 'info', String(message))
}

function clientOf(program: Program, client: number): Client {
  const ask = <T>(call: CallName, ...values: readonly unknown[]): Promise<T> =>
    program.ask(client, call, values) as Promise<T>
  return {
    async send(records: readonly SentRecord[]): Promise<readonly SendResult[]> {
      const told = await ask<readonly SendTold[]>('send', records)
      return told.map((each) => ('error' in each ? errorOf(each.error) : { offset: each.offset ?? undefined }))
    },
    assign: (places: readonly Place[], from: 'beginning' | 'kept') => ask('assign', places, from),
    subscribe: (topics: readonly string[]) => ask('subscribe', topics),
    poll: (limitMs: number) => ask<Polled>('poll', limitMs),
    seek: (places) => ask('seek', places),
    commit: () => ask<Committed>('commit'),
    committed: (places) => ask<Committed>('committed', places),
    listOffset: (place, of) => ask<number>('listOffset', place, of),
    createTopic: (topic, partitions, settings) => ask<string | null>('createTopic', topic, partitions, settings),
    deleteTopic: (topic) => ask('deleteTopic', topic),
    describeTopic: (topic) => ask<string | null>('describeTopic', topic),
    setTopicConfig: (topic, name, value) => ask('setTopicConfig', topic, name, value),
    getTopicConfig: (topic, name) => ask<string | null>('getTopicConfig', topic, name),
    close: () => ask('close'),
    crash: () => {
      ask('crash').catch(() => {})
    },
  }
}
