/**
 * A short run against a cluster that somebody else runs: clients only, no faults. Its topics have a prefix of their own, are named before it begins, and are deleted at the end, also
 * where it is broken off.
 */
import { randomBytes } from 'node:crypto'
import { Admin } from '../src/client/admin/admin.js'
import { ClientError } from '../src/client/client-error.js'
import { ClusterClient } from '../src/client/cluster-client.js'
import { AddressBed } from './beds/address.js'
import { LograftDriver } from './drivers/lograft.js'
import { type Reported, reportRun } from './report/write-report.js'
import { type RunOptions, run } from './run.js'

export interface CheckOptions {
  /** `host:port,host:port` */
  readonly bootstrap: string
  readonly timeMs: number
  /** Operations a second. */
  readonly rate: number
  readonly seed: string
  /** Takes history and verdict. */
  readonly directory: string
  /** As who runs it again types it. */
  readonly command: string
  readonly say: (line: string) => void
}

const WORKERS = 10
const KEYS = 8
const WRITES_PER_KEY = 512
const CRASH_EVERY_MS = 30_000
const REST_MS = 2_000
const RECOVERY_LIMIT_MS = 15_000
const FINAL_READS_LIMIT_MS = 120_000
const DELETE_LIMIT_MS = 30_000

export class ClusterCheck {
  /** In front of the names of its topics. */
  readonly prefix = `lograft-check-${randomBytes(4).toString('hex')}`
  readonly #options: CheckOptions
  readonly #bed: AddressBed

  constructor(options: CheckOptions) {
    this.#options = options
    this.#bed = new AddressBed(options.bootstrap)
  }

  /** Rejects with `ClientError` where nobody answers: nothing was done then. */
  async run(): Promise<Reported> {
    const { directory, say, timeMs, rate, seed, command } = this.#options
    await this.#bed.start()
    say(`at ${this.#bed.target}, about ${rate} operations a second for ${timeMs / 1_000} s`)
    say(`makes topics named ${this.prefix}-*, and deletes them at the end`)
    const options: RunOptions = {
      seed,
      timeMs,
      rate,
      workers: WORKERS,
      keys: KEYS,
      writesPerKey: WRITES_PER_KEY,
      consume: 'both',
      groupProtocol: 'classic',
      acks: -1,
      idempotent: true,
      isolation: 'read_committed',
      crashEveryMs: CRASH_EVERY_MS,
      metadata: true,
      topicSettings: {},
      prefix: this.prefix,
      restMs: REST_MS,
      recoveryLimitMs: RECOVERY_LIMIT_MS,
      finalReadsLimitMs: FINAL_READS_LIMIT_MS,
    }
    try {
      await run(options, {
        bed: this.#bed,
        drivers: [new LograftDriver(this.#bed.ports)],
        directory,
        about: { command, settings: {} },
        say,
      })
    } finally {
      await this.deleteTopics()
    }
    return reportRun(directory)
  }

  /** Says which it could not. */
  async deleteTopics(): Promise<void> {
    const { bootstrap, say } = this.#options
    const client = new ClusterClient({
      ports: this.#bed.ports,
      bootstrapServers: bootstrap,
      requestTimeoutMs: DELETE_LIMIT_MS,
      apiTimeoutMs: DELETE_LIMIT_MS,
    })
    try {
      const admin = new Admin(client)
      const names = (await admin.listTopics()).map(({ name }) => name).filter((name) => this.#isOwn(name))
      if (names.length > 0) await admin.deleteTopics(names)
      say(`${names.length} topics deleted`)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      say(`topics named ${this.prefix}-* could not be deleted: ${error.message}`)
    } finally {
      client.close()
    }
  }

  #isOwn(name: string): boolean {
    return name.startsWith(`${this.prefix}-`)
  }
}
