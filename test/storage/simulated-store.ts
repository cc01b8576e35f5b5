/**
 * One partition's log on a simulated disk: opened by the classes of the storage, in a process that can be killed at any operation and be
 * started again on what is left.
 */
import type { Ports } from '../../src/io/ports.js'
import { BatchView } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { LogDirectory } from '../../src/storage/log-directory.js'
import { LogManager } from '../../src/storage/log-manager.js'
import type { LogOptions, PartitionLog } from '../../src/storage/partition-log.js'
import { LOG_OPTIONS } from '../log-options.js'

export const DATA = '/data'
export const PARTITION = `${DATA}/t-0`
export const TOPIC_ID = 'dDSbtSATTPSwRiEHkm4hSw'
const LONGEST_MS = 120_000

export interface StoreOptions extends Partial<LogOptions> {
  readonly checkpointIntervalMs?: number
}

/** What runs between a start and a death. */
export interface Running {
  readonly ports: Ports
  readonly directory: LogDirectory
  readonly manager: LogManager
}

export class SimulatedStore {
  readonly simulation: Simulation
  readonly machine: Machine
  readonly #options: LogOptions
  readonly #checkpointIntervalMs: number
  running: Running | undefined
  /** Throws if there is none. */
  #log: PartitionLog | undefined
  /** Why the directory or the log could not be opened. */
  error: Error | undefined
  /** How often the log has failed, and been repaired. */
  failures = 0
  repairs = 0

  constructor(seed: string | number, options: StoreOptions = {}) {
    const { checkpointIntervalMs = 3_600_000, ...log } = options
    this.simulation = new Simulation(seed)
    this.machine = new Machine(this.simulation, new SimulatedNetwork(this.simulation), 'store')
    this.#options = { ...LOG_OPTIONS, ...log }
    this.#checkpointIntervalMs = checkpointIntervalMs
  }

  get alive(): boolean {
    return this.machine.process?.alive === true
  }

  get log(): PartitionLog {
    if (this.#log === undefined) throw new Error(`there is no log: ${this.error?.message}`)
    return this.#log
  }

  /** Takes the data directory, in a new process. False: it died, or was refused. */
  start(): boolean {
    this.running = undefined
    this.#log = undefined
    this.error = undefined
    const open = { path: DATA, nodeId: 1, reservedBytes: 0, onOffline: () => {}, onRoom: () => this.#repair() }
    this.machine.boot(
      (ports) =>
        LogDirectory.open(ports, open, (error, directory) => {
          this.error = error
          if (directory === undefined) return
          this.running = {
            ports,
            directory,
            manager: new LogManager(ports, directory, {
              checkpointIntervalMs: this.#checkpointIntervalMs,
              deleteDelayMs: 1000,
            }),
          }
        }),
      () => {},
    )
    this.until(() => this.running !== undefined || this.error !== undefined)
    return this.running !== undefined
  }

  /** Opens the partition's log. False: the process died, or the log was refused. */
  open(): boolean {
    const id = { topic: 't', partition: 0, topicId: TOPIC_ID }
    this.turn(() =>
      this.running!.manager.open(id, this.#options, (error, log) => {
        this.error = error
        this.#log = log
        if (log === undefined) return
        log.observer = {
          written: () => {},
          flushed: () => {},
          startMoved: () => {},
          failed: () => void this.failures++,
          repaired: () => void this.repairs++,
        }
      }),
    )
    return this.until(() => this.#log !== undefined || this.error !== undefined) && this.#log !== undefined
  }

  /** Starts and opens; throws if that is refused. */
  reopened(): this {
    if (!this.start() || !this.open()) throw this.error ?? new Error('the process died')
    return this
  }

  /** A turn of the process. */
  turn(action: () => void): void {
    if (this.alive) this.machine.process!.begin(action)
  }

  /** Lets time pass until the condition holds. False: the process died first, or it never comes to hold. */
  until(condition: () => boolean): boolean {
    this.simulation.runUntil(() => !this.alive || condition(), this.simulation.nowMs + LONGEST_MS)
    return this.alive && condition()
  }

  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  /** Stops in order. */
  stop(): 'clean' | 'failed' | 'died' {
    let ended: 'clean' | 'failed' | undefined
    const { manager, directory } = this.running!
    this.turn(() =>
      manager.closeClean((error) => {
        if (error !== undefined) ended = 'failed'
        else directory.closeClean(1, (failure) => (ended = failure === undefined ? 'clean' : 'failed'))
      }),
    )
    this.until(() => ended !== undefined)
    if (this.alive) this.machine.process!.kill()
    return ended ?? 'died'
  }

  /** Appends one batch within a turn, and returns its base offset. */
  append(values: readonly string[], producer?: { readonly id: number; readonly sequence: number }): number {
    return this.log.append(batchOf(values, producer), 3)
  }

  /** The values in the log, offset by offset. */
  values(): string[] | undefined {
    const { log } = this
    const values: string[] = []
    const readOn = (): void => {
      if (values.length >= log.logEndOffset) return
      const request = { offset: values.length, upToOffset: log.logEndOffset, maxBytes: 500, wholeFirstBatch: true }
      log.read(request, (error, read) => {
        if (read === undefined) throw error
        const batches = new BatchIterator(read.bytes)
        while (batches.next() === 'batch') {
          if (batches.batch.computeCrc() !== batches.batch.crc) throw new Error('a damaged batch was read')
          for (const record of readRecords(batches.batch, 1e6)) {
            if (record.offset === values.length) values.push(Buffer.from(record.value!).toString())
          }
        }
        read.release()
        readOn()
      })
    }
    this.turn(readOn)
    return this.until(() => values.length >= log.logEndOffset) ? values : undefined
  }

  file(path: string): SimulatedFile | undefined {
    const found = this.machine.device.find(path)
    return found instanceof SimulatedFile ? found : undefined
  }

  /** Names in the partition's directory; undefined if that is not there. */
  names(): string[] | undefined {
    const found = this.machine.device.find(PARTITION)
    return found instanceof SimulatedDirectory ? found.names : undefined
  }

  /** Changes a file as an operator could while nothing runs: durably. */
  replaceFile(path: string, content: Buffer | undefined): void {
    const { parent, name } = this.machine.device.parentOf(path, 'open')
    if (content === undefined) parent.remove(name)
    else {
      const file = new SimulatedFile()
      file.write(0, content)
      file.endFlush(file.beginFlush(), true)
      parent.set(name, file)
    }
    parent.endFlush(parent.beginFlush(), true)
  }

  #repair(): void {
    this.running?.manager.repairFailed()
  }
}

export function batchOf(
  values: readonly string[],
  producer?: { readonly id: number; readonly sequence: number },
): BatchView {
  const records = values.map((value, n) => ({ key: null, value: Buffer.from(value), timestamp: 1000 + n }))
  const options =
    producer === undefined ? {} : { producerId: producer.id, producerEpoch: 0, baseSequence: producer.sequence }
  return new BatchView().reset(buildBatch(records, options), 0)
}
