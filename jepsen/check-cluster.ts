/**
 * A short run against a cluster that somebody else runs: clients only, no faults. Its topics have a prefix of their own, are named before it begins, and are deleted at the end, also
 * where it is broken off.
 */
import { AddressBed } from './beds/address.js'
import { cleanUp } from './clean-up.js'
import { type Client, type ClientSettings, DriverError } from './drivers/driver.js'
import { LograftDriver } from './drivers/lograft.js'
import { type Reported, reportRun } from './report/write-report.js'
import { groupOf, type RunOptions, run } from './run.js'

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

/** When somebody breaks off, what is under way may still make a topic, and nothing else may. */
const MOST_ROUNDS = 20

/** Makes no topics any more once it is broken off. */
class BreakableDriver extends LograftDriver {
  isBrokenOff = false

  override async open(settings: ClientSettings): Promise<Client> {
    const client = await super.open(settings)
    const create = client.createTopic.bind(client)
    client.createTopic = async (...args) => {
      if (this.isBrokenOff) throw new DriverError('BROKEN_OFF', 'fail', 'nothing is begun any more')
      return create(...args)
    }
    return client
  }
}

export class ClusterCheck {
  /** In front of the names of its topics. */
  readonly prefix: string
  readonly #options: CheckOptions
  readonly #bed: AddressBed
  readonly #driver: BreakableDriver

  constructor(options: CheckOptions) {
    this.#options = options
    this.#bed = new AddressBed(options.bootstrap)
    this.prefix = `lograft-check-${Buffer.from(this.#bed.ports.random.bytes(4)).toString('hex')}`
    this.#driver = new BreakableDriver(this.#bed.ports)
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
        drivers: [this.#driver],
        directory,
        about: { command, settings: {} },
        say,
      })
    } finally {
      await this.#cleanUp(1)
    }
    return reportRun(directory)
  }

  /** While it runs: whatever it has made is deleted, and it goes on with nothing. */
  async breakOff(): Promise<void> {
    this.#driver.isBrokenOff = true
    await this.#cleanUp(MOST_ROUNDS)
  }

  #cleanUp(rounds: number): Promise<void> {
    const { bootstrap, say } = this.#options
    const { ports, time } = this.#bed
    const groups = [groupOf(this.prefix, 0)]
    return cleanUp({ ports, time, bootstrap, prefix: this.prefix, groups }, rounds, say)
  }
}
