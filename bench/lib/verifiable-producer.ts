/**
 * VerifiableProducer: Apache Kafka's own of that name as a process: records with numbers as values, and of each a line that says whether it was
 * acknowledged, and where it stands. What it prints is all that is believed here.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { ended, watch } from './children.js'

export interface Acknowledged {
  readonly partition: number
  readonly offset: number
  readonly value: string
  /** When the line came. */
  readonly atMs: number
}

export interface VerifiableOptions {
  /** A folder with Apache Kafka and all that it needs. */
  readonly jars: string
  readonly bootstrap: string
  readonly topic: string
  /** Stands before the number in each value. */
  readonly prefix: string
  readonly recordsPerSecond: number
  /** As a file of Kafka's; nothing: as the tool is, which never tries again. */
  readonly settings: Readonly<Record<string, string>>
  readonly settingsPath: string
}

/** So many keys that every partition has some. */
const KEYS = 64

export class VerifiableProducer {
  readonly acknowledged: Acknowledged[] = []
  /** What was refused, or not known, by the message. */
  readonly failed = new Map<string, number>()
  readonly #child: ChildProcess
  readonly #read: Promise<void>
  #said = ''
  #waiting: { readonly fits: (each: Acknowledged) => boolean; readonly done: (each: Acknowledged) => void }[] = []

  constructor({ jars, bootstrap, topic, prefix, recordsPerSecond, settings, settingsPath }: VerifiableOptions) {
    writeFileSync(
      settingsPath,
      Object.entries(settings)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    )
    const tool = 'org.apache.kafka.tools.VerifiableProducer'
    const where = ['--bootstrap-server', bootstrap, '--topic', topic, '--command-config', settingsPath]
    const load = ['--throughput', String(recordsPerSecond), '--acks', '-1', '--repeating-keys', String(KEYS)]
    const args = ['-Xmx256m', '-cp', `${jars}/*`, tool, ...where, ...load, '--value-prefix', prefix]
    this.#child = watch(spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] }))
    this.#child.stderr!.on('data', (text) => {
      this.#said = `${this.#said}${text}`.slice(-2000)
    })
    const lines = createInterface({ input: this.#child.stdout! })
    lines.on('line', (line) => this.#take(line))
    this.#read = new Promise((resolve) => lines.once('close', resolve))
  }

  /** The next acknowledgement that fits, of those to come. */
  next(fits: (each: Acknowledged) => boolean, longestMs: number): Promise<Acknowledged> {
    return new Promise((resolve, reject) => {
      const waiting = { fits, done: resolve }
      this.#waiting.push(waiting)
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting)
        reject(new Error(`nothing was acknowledged within ${longestMs} ms; the producer said last:\n${this.#said}`))
      }, longestMs)
      timer.unref()
    })
  }

  /** Ends when all that it had sent is answered. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await ended(this.#child)
    await this.#read
  }

  #take(line: string): void {
    if (!line.startsWith('{')) return
    const { name, partition, offset, value, message } = JSON.parse(line) as Record<string, unknown>
    if (name === 'producer_send_error') this.failed.set(String(message), (this.failed.get(String(message)) ?? 0) + 1)
    if (name !== 'producer_send_success') return
    const each = {
      partition: partition as number,
      offset: offset as number,
      value: value as string,
      atMs: performance.now(),
    }
    this.acknowledged.push(each)
    if (this.#waiting.length === 0) return
    const fitting = this.#waiting.filter(({ fits }) => fits(each))
    this.#waiting = this.#waiting.filter((waiting) => !fitting.includes(waiting))
    for (const { done } of fitting) done(each)
  }
}
