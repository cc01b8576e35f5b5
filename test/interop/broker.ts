/** The broker under test: `lograft start` of this build, in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { endsWithThis } from '../../jepsen/beds/children.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const SERVES = /serves Kafka clients on (\S+:\d+)/
const METRICS = /metrics on (http:\S+)/
const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 30_000
const LOG_CHARACTERS = 20_000
/** Indexes of closed segments are written with the recovery points; by default once in a minute. */
const CHECKPOINT_MS = 3000

/** What is proved: one broker, or several. */
export interface Brokers {
  readonly bootstrap: string
  /** The end of what was printed. */
  readonly log: string
  readonly ended: boolean
  /** The value of a metric without labels; of several, the sum. */
  metric(name: string): Promise<number>
  /** As an operator stops it. Gives the exit code; undefined if it had to be killed. */
  stop(): Promise<number | undefined>
}

export class BrokerProcess implements Brokers {
  /** host:port, as the broker printed it. */
  readonly bootstrap: string
  readonly #metrics: string
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #log: () => string

  private constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    bootstrap: string,
    metrics: string,
    log: () => string,
  ) {
    this.#child = child
    this.bootstrap = bootstrap
    this.#metrics = metrics
    this.#log = log
  }

  /** On any port, unless the settings name listeners. */
  static start(dataPath: string, more: readonly string[] = []): Promise<BrokerProcess> {
    const port = more.some((setting) => setting.startsWith('listeners=')) ? [] : ['--port', '0']
    const settings = ['metrics.listener=127.0.0.1:0', `log.flush.offset.checkpoint.interval.ms=${CHECKPOINT_MS}`]
    const set = [...settings, ...more].flatMap((setting) => ['--set', setting])
    const args = [MAIN, 'start', '--data', dataPath, ...port, ...set]
    const child = endsWithThis(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
    return new Promise((resolve, reject) => {
      let log = ''
      const failed = (what: string): void => {
        clearTimeout(timer)
        child.kill('SIGKILL')
        reject(new Error(`the broker ${what}\n${log}`))
      }
      const timer = setTimeout(() => failed(`did not start within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS)
      const ended = (code: number | null): void => failed(`ended with ${code} when it should start`)
      child.once('exit', ended)
      child.once('error', (error) => failed(`cannot be started: ${error.message}`))
      let greeting = ''
      let serves = false
      child.stderr.on('data', (bytes: Buffer) => {
        log = (log + bytes.toString()).slice(-LOG_CHARACTERS)
      })
      child.stdout.on('data', (bytes: Buffer) => {
        log = (log + bytes.toString()).slice(-LOG_CHARACTERS)
        if (serves) return
        greeting += bytes.toString()
        const bootstrap = SERVES.exec(greeting)?.[1]?.replace(/,$/, '')
        const metrics = METRICS.exec(greeting)?.[1]
        if (bootstrap === undefined || metrics === undefined) return
        serves = true
        clearTimeout(timer)
        child.off('exit', ended)
        resolve(new BrokerProcess(child, bootstrap, metrics, () => log))
      })
    })
  }

  get log(): string {
    return this.#log()
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(this.#metrics, { signal: AbortSignal.timeout(START_LIMIT_MS) })
    const line = (await response.text()).split('\n').find((each) => each.startsWith(`${name} `))
    if (line === undefined) throw new Error(`there is no metric ${name} on ${this.#metrics}`)
    return Number(line.slice(name.length))
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  stop(): Promise<number | undefined> {
    const child = this.#child
    if (this.ended) return Promise.resolve(child.exitCode ?? undefined)
    return new Promise((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      child.once('exit', (code) => {
        clearTimeout(timer)
        resolve(code ?? undefined)
      })
      child.kill('SIGTERM')
    })
  }
}
