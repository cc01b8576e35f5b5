/** A broker as its users run it: `lograft start` of this build, in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ended, watch } from './children.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const SERVES = /serves Kafka clients on \S*?:(\d+)/

export interface BrokerOptions {
  readonly dataPath: string
  /** As after `--set`. */
  readonly settings?: readonly string[]
}

export class BrokerProcess {
  readonly port: number
  /** From just before the process was made to the line that says that it serves. */
  readonly listeningAfterMs: number
  /** `performance.now()` just before the process was made. */
  readonly startedAtMs: number
  readonly #child: ChildProcessByStdio<null, Readable, null>

  private constructor(
    child: ChildProcessByStdio<null, Readable, null>,
    port: number,
    startedAtMs: number,
    listeningAfterMs: number,
  ) {
    this.#child = child
    this.port = port
    this.startedAtMs = startedAtMs
    this.listeningAfterMs = listeningAfterMs
  }

  static start({ dataPath, settings = [] }: BrokerOptions): Promise<BrokerProcess> {
    const args = ['start', '--data', dataPath, '--port', '0', ...settings.flatMap((setting) => ['--set', setting])]
    const startedAtMs = performance.now()
    const child = watch(spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }))
    return new Promise((resolve, reject) => {
      let output = ''
      const failed = (): void => reject(new Error(`the broker did not start: ${args.join(' ')}`))
      child.once('exit', failed)
      child.once('error', reject)
      child.stdout.on('data', (bytes: Buffer) => {
        const nowMs = performance.now()
        output += bytes.toString()
        const port = SERVES.exec(output)?.[1]
        if (port === undefined) return
        child.off('exit', failed)
        child.stdout.removeAllListeners('data').resume()
        resolve(new BrokerProcess(child, Number(port), startedAtMs, nowMs - startedAtMs))
      })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** As with Ctrl-C. Throws if it does not end well. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const code = await ended(this.#child)
    if (code !== 0) throw new Error(`the broker ended with ${code}`)
  }

  /** As with `kill -9`. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await ended(this.#child)
  }
}
