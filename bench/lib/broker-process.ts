/** A broker as its users run it: `lograft start` of this build, in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ended, watch } from './children.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
/** The shell sets the limit, and is then the broker. */
const WITH_OPEN_FILES = 'ulimit -n "$0" && exec "$@"'
const SERVES = /serves Kafka clients on \S*?:(\d+)/
const LOOP_DELAY = fileURLToPath(new URL('./loop-delay.js', import.meta.url))
const LOOP_DELAY_SAID = /event loop delay (\S+) (\S+)/

export interface BrokerProcessOptions {
  /** How many files it may have open; needs a shell. Without it: as many as this process. */
  readonly openFiles?: number
  /** For `loopDelay`. */
  readonly watchesLoop?: boolean
}

/** For how long the event loop was busy with one thing. */
export interface LoopDelay {
  readonly p99Ms: number
  readonly longestMs: number
}

export class BrokerProcess {
  readonly #dataPath: string
  /** `performance.now()` just before the process was made. */
  readonly startedAtMs = performance.now()
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  #port = 0
  #listeningAfterMs = 0
  /** What it said besides, for when something goes wrong. */
  #complaints = ''

  private constructor(
    dataPath: string,
    settings: Readonly<Record<string, string>>,
    { openFiles, watchesLoop = false }: BrokerProcessOptions,
  ) {
    this.#dataPath = dataPath
    const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
    const node = watchesLoop ? ['--import', LOOP_DELAY] : []
    const start = [process.execPath, ...node, MAIN, 'start', '--data', dataPath, '--port', '0', ...set]
    const limited = openFiles === undefined ? start : ['sh', '-c', WITH_OPEN_FILES, String(openFiles), ...start]
    const [command, ...args] = limited as [string, ...string[]]
    this.#child = watch(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
    this.#child.stderr.on('data', (text) => (this.#complaints += text))
  }

  /** Resolves when it serves. */
  static async start(
    dataPath: string,
    settings: Readonly<Record<string, string>> = {},
    options: BrokerProcessOptions = {},
  ): Promise<BrokerProcess> {
    const broker = new BrokerProcess(dataPath, settings, options)
    await broker.#serves()
    return broker
  }

  get pid(): number {
    return this.#child.pid!
  }

  get port(): number {
    return this.#port
  }

  /** From just before the process was made to the line that says that it serves. */
  get listeningAfterMs(): number {
    return this.#listeningAfterMs
  }

  /** Since it was asked the last time; of one that was started to watch it. */
  loopDelay(): Promise<LoopDelay> {
    return new Promise((resolve) => {
      let output = ''
      const heard = (text: Buffer): void => {
        output += text
        const [, p99Ms, longestMs] = LOOP_DELAY_SAID.exec(output) ?? []
        if (longestMs === undefined) return
        this.#child.stdout.off('data', heard)
        resolve({ p99Ms: Number(p99Ms), longestMs: Number(longestMs) })
      }
      this.#child.stdout.on('data', heard)
      this.#child.kill('SIGUSR2')
    })
  }

  /** As with Ctrl-C. Throws if it does not end well. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const code = await ended(this.#child)
    if (code !== 0) throw this.#failure(`ended with ${code}`)
  }

  /** As with `kill -9`. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await ended(this.#child)
  }

  #serves(): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (): void => reject(this.#failure('did not start'))
      let output = ''
      this.#child.once('exit', failed)
      this.#child.once('error', failed)
      this.#child.stdout.on('data', (text) => {
        if (this.#port > 0) return
        const nowMs = performance.now()
        output += text
        this.#port = Number(SERVES.exec(output)?.[1] ?? 0)
        if (this.#port === 0) return
        this.#listeningAfterMs = nowMs - this.startedAtMs
        this.#child.off('exit', failed)
        resolve()
      })
    })
  }

  #failure(what: string): Error {
    return new Error(`the broker with data in ${this.#dataPath} ${what}\n${this.#complaints}`)
  }
}
