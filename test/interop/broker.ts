/** The broker under test: `lograft start` of this build, in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { watch } from './external.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const SERVES = /serves Kafka clients on (\S+:\d+)/
const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 30_000
const LOG_CHARACTERS = 20_000

export class BrokerProcess {
  /** host:port, as the broker printed it. */
  readonly bootstrap: string
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #log: () => string

  private constructor(child: ChildProcessByStdio<null, Readable, Readable>, bootstrap: string, log: () => string) {
    this.#child = child
    this.bootstrap = bootstrap
    this.#log = log
  }

  static start(dataPath: string): Promise<BrokerProcess> {
    const args = [MAIN, 'start', '--data', dataPath, '--port', '0']
    const child = watch(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
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
        if (bootstrap === undefined) return
        serves = true
        clearTimeout(timer)
        child.off('exit', ended)
        resolve(new BrokerProcess(child, bootstrap, () => log))
      })
    })
  }

  /** The end of what it printed. */
  get log(): string {
    return this.#log()
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** As an operator stops it. Gives the exit code; undefined if it had to be killed. */
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
