/** One use of a data directory on a simulated machine: taken over, a log opened, appended to and read, left in order or not. */
import assert from 'node:assert/strict'
import type { Prng } from '../../src/base/prng.js'
import { DiskError } from '../../src/io/disk.js'
import { BatchView } from '../../src/records/batch.js'
import { BatchIterator, RecordFormatError } from '../../src/records/reader.js'
import type { Machine } from '../../src/sim/machine.js'
import type { Simulation } from '../../src/sim/simulation.js'
import { DamagedBatchError, LogDamagedError } from '../../src/storage/log-damaged-error.js'
import { DirectoryError, LogDirectory } from '../../src/storage/log-directory.js'
import { LogManager } from '../../src/storage/log-manager.js'
import type { LogOptions, PartitionLog } from '../../src/storage/partition-log.js'

export const DATA_DIRECTORY = '/data'
export const LOG_DIRECTORY = `${DATA_DIRECTORY}/t-0`
const TOPIC_ID = 'dDSbtSATTPSwRiEHkm4hSw'
/** In the simulation nothing takes longer. */
const PATIENCE_MS = 600_000

export interface SessionOptions {
  readonly log: LogOptions
  readonly checkpointIntervalMs: number
}

/** A batch as it went in. */
export interface AppendedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly maxTimestamp: number
  /** CRC and what it covers. */
  readonly content: Buffer
}

export interface Contents {
  /** Those whose CRC is right, in the order in which they were read. */
  readonly batches: readonly { readonly baseOffset: number; readonly content: Buffer }[]
  /** Whether all could be read, up to the end. */
  readonly complete: boolean
}

export class LogSession {
  readonly log: PartitionLog
  readonly #simulation: Simulation
  readonly #machine: Machine
  readonly #directory: LogDirectory
  readonly #manager: LogManager

  private constructor(
    simulation: Simulation,
    machine: Machine,
    directory: LogDirectory,
    manager: LogManager,
    log: PartitionLog,
  ) {
    this.#simulation = simulation
    this.#machine = machine
    this.#directory = directory
    this.#manager = manager
    this.log = log
  }

  /** Gives the error where it is one of those that opening may end with; throws any other. */
  static open(simulation: Simulation, machine: Machine, options: SessionOptions): LogSession | Error {
    let result: LogSession | Error | undefined
    const refused = (error: Error | undefined): void => {
      result ??= error ?? new Error('neither an error nor a log')
    }
    machine.boot(
      (ports) => {
        const directoryOptions = {
          path: DATA_DIRECTORY,
          nodeId: 1,
          reservedBytes: 0,
          onOffline: refused,
          onRoom: () => {},
        }
        LogDirectory.open(ports, directoryOptions, (error, directory) => {
          if (directory === undefined) return refused(error)
          let manager: LogManager
          try {
            manager = new LogManager(ports, directory, {
              checkpointIntervalMs: options.checkpointIntervalMs,
              deleteDelayMs: 60_000,
            })
          } catch (cause) {
            if (cause instanceof DiskError) return refused(cause)
            throw cause
          }
          manager.open({ topic: 't', partition: 0, topicId: TOPIC_ID }, options.log, (openError, log) => {
            if (log === undefined) return refused(openError)
            result ??= new LogSession(simulation, machine, directory, manager, log)
          })
        })
      },
      () => {},
    )
    until(simulation, 'the log is open', () => result !== undefined)
    if (result instanceof LogSession) return result
    machine.crash()
    const known = [LogDamagedError, DiskError, DirectoryError].some((kind) => result instanceof kind)
    if (!known || result!.message === '') throw result
    return result!
  }

  append(batch: Buffer, leaderEpoch: number): AppendedBatch {
    const view = new BatchView().reset(batch, 0)
    const content = Buffer.from(batch.subarray(17))
    this.#turn(() => this.log.append(view, leaderEpoch))
    const { baseOffset, nextOffset, maxTimestamp } = view
    return { baseOffset, nextOffset, maxTimestamp, content }
  }

  pass(durationMs: number): void {
    this.#simulation.runUntil(() => false, this.#simulation.nowMs + durationMs)
  }

  flush(): void {
    this.#turn(() => this.log.flush())
    until(this.#simulation, 'all is written', () => this.log.logEndOffset === this.log.nextOffset)
    this.#turn(() => this.log.flush())
    until(this.#simulation, 'all is flushed', () => this.log.flushedEndOffset === this.log.nextOffset)
  }

  closeClean(): void {
    let closed = false
    this.#turn(() =>
      this.#manager.closeClean((error) => {
        if (error !== undefined) throw error
        this.#directory.closeClean(1, (markerError) => {
          if (markerError !== undefined) throw markerError
          closed = true
        })
      }),
    )
    until(this.#simulation, 'a clean stop', () => closed)
    this.#machine.crash()
  }

  /** Reads from the start to the end, as a consumer does; to where something has rotted, of which it is given nothing. */
  read(random: Prng): Contents {
    const batches: { baseOffset: number; content: Buffer }[] = []
    const { logEndOffset, startOffset } = this.log
    let offset = startOffset
    while (offset < logEndOffset) {
      const piece = this.#readPiece(offset, random.pick([1, 100, 1000, 100_000]))
      if (piece === undefined) return { batches, complete: false }
      let next = offset
      const iterator = new BatchIterator(piece)
      while (iterator.next() === 'batch') {
        const { batch } = iterator
        if (batch.nextOffset <= offset) continue
        assert.equal(
          batch.computeCrc(),
          batch.crc,
          `what stands at offset ${batch.baseOffset} has rotted, and is given away`,
        )
        if (batch.nextOffset > next) next = batch.nextOffset
        batches.push({
          baseOffset: batch.baseOffset,
          content: Buffer.from(piece.subarray(batch.start + 17, batch.end)),
        })
      }
      if (next <= offset) return { batches, complete: false }
      offset = next
    }
    return { batches, complete: true }
  }

  /** Asks for what brokers ask for besides. */
  lookUp(random: Prng, timestamps: readonly number[]): void {
    const { log } = this
    const { logEndOffset } = log
    this.#turn(() => {
      for (const timestamp of timestamps) {
        try {
          log.batchAtTimestamp(timestamp, logEndOffset)
        } catch (error) {
          if (!(error instanceof RecordFormatError)) throw error
        }
      }
      log.bytesBetween(random.below(logEndOffset + 1), random.below(logEndOffset + 1), 1_000_000)
    })
  }

  /** Undefined: it has rotted. */
  #readPiece(offset: number, maxBytes: number): Buffer | undefined {
    let piece: Buffer | undefined
    let hasRotted = false
    this.#turn(() =>
      this.log.read({ offset, upToOffset: this.log.logEndOffset, maxBytes, wholeFirstBatch: true }, (error, read) => {
        hasRotted = error instanceof DamagedBatchError
        if (hasRotted) return
        if (read === undefined) throw error
        piece = Buffer.from(read.bytes)
        read.release()
      }),
    )
    until(this.#simulation, 'a piece is read', () => hasRotted || piece !== undefined)
    return piece
  }

  /** Runs as a turn of the process that has the log open. */
  #turn(action: () => void): void {
    let done = false
    this.#machine.process!.after(0, 'arrival', 'turn', () => {
      action()
      done = true
    })
    until(this.#simulation, 'a turn', () => done)
  }
}

export function until(simulation: Simulation, what: string, condition: () => boolean): void {
  if (simulation.runUntil(condition, simulation.nowMs + PATIENCE_MS)) return
  throw new Error(`${what}: not within ${PATIENCE_MS} ms of virtual time`)
}
