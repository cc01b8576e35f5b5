/**
 * One node as a process: started with its output in a file, ended and waited for. Where it ends and nobody has asked for that, it tells so, and is started again after a while, so
 * that the run goes on.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { BedNode } from './bed.js'
import { endsWithThis, signalGroup } from './children.js'
import { within } from './within.js'

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

export interface ProcessNodeOptions {
  readonly id: number
  readonly roles: BedNode['roles']
  readonly address: string
  readonly quorumListener: BedNode['quorumListener']
  readonly dataPath: string
  readonly logPath: string
  /** Asked before each start: its disk may be another one. */
  readonly command: () => Promise<Command>
  readonly endedUnasked: (detail: string) => void
}

/** Longer than a node's own limit for a stop. */
const LONGEST_END_MS = 75_000
const RESTART_AFTER_MS = 1_000
/** A node that always ends is left alone. */
const MOST_RESTARTS = 20
/** What a program ends with that was told to stop; Java tells of the signal. */
const ORDERLY: readonly number[] = [0, 143]
const TAIL_BYTES = 2_000

export class ProcessNode implements BedNode {
  readonly id: number
  readonly roles: BedNode['roles']
  readonly address: string
  readonly quorumListener: BedNode['quorumListener']
  readonly dataPath: string
  readonly logPath: string
  mayEnd = false
  readonly #options: ProcessNodeOptions
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #asked: 'SIGKILL' | 'SIGTERM' | undefined
  #restart: NodeJS.Timeout | undefined
  #restarts = 0
  #starting: Promise<void> | undefined

  constructor(options: ProcessNodeOptions) {
    this.#options = options
    this.id = options.id
    this.roles = options.roles
    this.address = options.address
    this.quorumListener = options.quorumListener
    this.dataPath = options.dataPath
    this.logPath = options.logPath
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    clearTimeout(this.#restart)
    await this.#starting?.catch(() => {})
    const child = this.#child
    if (child === undefined) return
    this.#asked = signal
    signalGroup(child, signal)
    // One that is paused hears nothing.
    if (signal === 'SIGTERM') signalGroup(child, 'SIGCONT')
    try {
      await within(LONGEST_END_MS, `the end of node ${this.id} after ${signal}`, this.#ended)
    } catch (error) {
      this.#options.endedUnasked(`${(error as Error).message}: killed`)
      signalGroup(child, 'SIGKILL')
      await this.#ended
    }
  }

  async #start(): Promise<void> {
    clearTimeout(this.#restart)
    if (this.#child !== undefined) return
    const { command, args, environment } = await this.#options.command()
    const log = openSync(this.logPath, 'a')
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
      detached: true,
    })
    closeSync(log)
    endsWithThis(child)
    this.#asked = undefined
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#child = undefined
        resolve()
        if (this.#asked === undefined) this.#mend(`ended by itself with ${signal ?? code}`)
        else if (this.#asked === 'SIGTERM' && code !== null && !ORDERLY.includes(code)) {
          this.#options.endedUnasked(`ended with ${code} after SIGTERM; its log ends with: ${this.#tail()}`)
        }
      })
    })
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`node ${this.id} cannot be started: ${error.message}`)))
      child.once('spawn', resolve)
    })
    if (child.exitCode === null && child.signalCode === null) this.#child = child
  }

  #mend(detail: string): void {
    if (this.mayEnd) return
    this.#options.endedUnasked(`${detail}; its log ends with: ${this.#tail()}`)
    if (++this.#restarts > MOST_RESTARTS) return
    this.#restart = setTimeout(() => {
      this.start().catch((error: Error) => this.#options.endedUnasked(error.message))
    }, RESTART_AFTER_MS)
  }

  #tail(): string {
    const file = openSync(this.logPath, 'r')
    try {
      const { size } = fstatSync(file)
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES))
      readSync(file, bytes, 0, bytes.length, size - bytes.length)
      return bytes.toString('utf8').trim()
    } finally {
      closeSync(file)
    }
  }
}
