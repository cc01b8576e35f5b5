/**
 * LogCleaner: has the logs of compacted topics cleaned, one at a time, the dirtiest first, and looks again after `log.cleaner.backoff.ms` when none
 * is dirty enough. It owns the memory of the offset map, of at most `log.cleaner.dedupe.buffer.size`, for as long as there is something to clean, and
 * keeps reading and writing to `log.cleaner.io.max.bytes.per.second`.
 *
 * A log that cannot be cleaned because of what it holds is left alone until the next start, and counted.
 */
import type { Timer } from '../io/clock.js'
import type { DiskDone } from '../io/disk.js'
import type { Ports } from '../io/ports.js'
import { type CompactionLimits, type Dirtiness, dirtinessOf, filthiest } from '../log/compaction-plan.js'
import { SLOT_BYTES } from '../log/offset-map.js'
import { asDiskError } from './atomic-file.js'
import { CleanerMetrics } from './cleaner-metrics.js'
import { type CleaningEnd, LogCleaning } from './log-cleaning.js'
import type { LogId, LogManager } from './log-manager.js'
import type { LogSegment } from './log-segment.js'
import type { PartitionLog } from './partition-log.js'

/** Where the memory has to grow to more than this part of the largest, it is made the largest: what is let go is not gone at once. */
const SMALL_PART = 1 / 8
/** Smaller pieces than this cost more than the work on them. */
const LEAST_PIECE_BYTES = 1024

export interface CleanerSettings {
  readonly enabled: boolean
  readonly dedupeBufferBytes: number
  /** How full the map may be, 0 to 1. */
  readonly loadFactor: number
  /** Of reading and writing together. */
  readonly ioBufferBytes: number
  readonly ioBytesPerSecond: number
  readonly backoffMs: number
}

/** A log of a compacted topic. */
export interface CompactedLog {
  readonly id: LogId
  readonly log: PartitionLog
  readonly manager: LogManager
  /** No record at or behind it is committed, or is of a transaction that is over. */
  readonly stableOffset: number
  readonly limits: CompactionLimits
  readonly deleteRetentionMs: number
  readonly segmentBytes: number
  readonly indexBytes: number
  readonly indexIntervalBytes: number
}

interface Candidate {
  readonly compacted: CompactedLog
  readonly segments: readonly LogSegment[]
  readonly closedEndOffset: number
  readonly dirtiness: Dirtiness
}

export class LogCleaner {
  readonly metrics: CleanerMetrics
  readonly #ports: Ports
  readonly #settings: () => CleanerSettings
  readonly #logs: () => readonly CompactedLog[]
  readonly #uncleanable = new Set<PartitionLog>()
  #memory: SharedArrayBuffer | undefined
  #timer: Timer | undefined
  #cleaning: LogCleaning | undefined
  #busy = false
  #stopped = false
  /** In monotonic time: before it nothing more is read or written. */
  #ioFreeMs = 0

  constructor(ports: Ports, settings: () => CleanerSettings, logs: () => readonly CompactedLog[]) {
    this.#ports = ports
    this.#settings = settings
    this.#logs = logs
    this.metrics = new CleanerMetrics(ports.clock)
    this.#later()
  }

  /** How dirty the dirtiest log is, 0 to 1. */
  get maxDirtyRatio(): number {
    return Math.max(0, ...this.#candidates('closed').map(({ dirtiness }) => dirtiness.dirtyRatio))
  }

  /** By how much the largest lag has been passed, in ms, at most. */
  get maxCompactionDelayMs(): number {
    return Math.max(0, ...this.#candidates('closed').map(({ dirtiness }) => dirtiness.overdueMs))
  }

  /** Logs that are not cleaned any more, and their bytes. */
  get uncleanable(): { readonly count: number; readonly bytes: number } {
    const logs = this.#logs().filter(({ log }) => this.#uncleanable.has(log))
    return { count: logs.length, bytes: logs.reduce((sum, { log }) => sum + log.sizeBytes, 0) }
  }

  /** Whether a log is being cleaned. */
  get busy(): boolean {
    return this.#busy
  }

  /** Begins nothing any more, and gives up what is under way. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#cleaning?.stop()
  }

  #later(): void {
    this.#busy = false
    this.#memory = undefined
    this.#timer = this.#ports.clock.timer(this.#settings().backoffMs, () => this.#look())
  }

  #look(): void {
    if (this.#stopped) return
    this.metrics.looked()
    const found = this.#settings().enabled ? filthiest(this.#candidates('closed')) : undefined
    if (found === undefined) return this.#later()
    this.#busy = true
    const { compacted } = found
    compacted.manager.prepareCleaning(compacted.log, (error) => {
      if (this.#stopped) return
      const candidate = error === undefined ? this.#candidateOf(compacted, 'durable') : undefined
      if (candidate?.dirtiness.isDue === true) this.#clean(candidate)
      else this.#later()
    })
  }

  #clean({ compacted, segments, closedEndOffset, dirtiness }: Candidate): void {
    const { id, log, manager, deleteRetentionMs, segmentBytes, indexBytes, indexIntervalBytes } = compacted
    const { compute, clock, random, logger } = this.#ports
    const { loadFactor, ioBufferBytes } = this.#settings()
    const { memory, slots } = this.#map(dirtiness)
    const key = random.bytes(16)
    const hashKey = new Int32Array(4)
    for (let n = 0; n < 4; n++) hashKey[n] = Buffer.from(key).readInt32LE(4 * n)
    const options = {
      ...{ directory: log.directory, segments, closedEndOffset, dirtiness, deleteRetentionMs },
      ...{ segmentBytes, indexBytes, indexIntervalBytes },
      pieceBytes: Math.max(LEAST_PIECE_BYTES, Math.floor(ioBufferBytes / 2)),
      maximumKeys: Math.max(1, Math.min(slots - 1, Math.floor(slots * loadFactor))),
      nowMs: clock.wallMs(),
    }
    const startedMs = clock.monotonicMs()
    const cleaning = new LogCleaning(
      options,
      {
        disk: manager.disk,
        compute,
        map: { memory, slots, hashKey },
        producers: () => log.state.producers,
        throttle: (bytes, next) => this.#throttle(bytes, next),
        replace: (made, replaced, done) => {
          let outcome: 'replaced' | 'gone' | undefined
          const step = (stepDone: DiskDone): void =>
            log.replacement.replace(made, replaced, (error, what) => {
              outcome = what
              stepDone(error)
            })
          manager.cleaningStep(log, step, (error) => {
            // Its directory has another name by then, or belongs to others.
            if (outcome === undefined) made.segment.close()
            done(error, outcome === 'replaced')
          })
        },
      },
      (end) => {
        this.#cleaning = undefined
        const { bytesReplaced, bytesWritten, keys, recordsRead, recordsKept } = cleaning
        const durationMs = clock.monotonicMs() - startedMs
        const done = { keys, recordsRead, recordsKept, bytesReplaced, bytesWritten, durationMs }
        if (end.kind === 'cleaned') {
          this.metrics.cleaned({ ...done, bufferUse: keys / options.maximumKeys })
          logger.info(
            { directory: log.directory, ...done, from: dirtiness.firstDirtyOffset, to: end.endOffset },
            'log cleaned',
          )
          return manager.writeCleanedEnd(log, id, end.endOffset, () => this.#next())
        }
        this.#notCleaned(log, end)
      },
    )
    this.#cleaning = cleaning
    cleaning.start()
  }

  #notCleaned(log: PartitionLog, end: Exclude<CleaningEnd, { kind: 'cleaned' }>): void {
    const { logger } = this.#ports
    const { directory } = log
    if (end.kind === 'uncleanable') {
      this.#uncleanable.add(log)
      logger.error({ directory, reason: end.reason }, 'log cannot be cleaned: it is left as it is until the next start')
    } else if (end.kind === 'disk') {
      logger.warn({ directory, error: end.error.message }, 'log could not be cleaned')
    }
    if (!this.#stopped) this.#later()
  }

  /** Others may be dirty too; not before what waits now has had its turn. */
  #next(): void {
    if (!this.#stopped) this.#timer = this.#ports.clock.timer(0, () => this.#look())
  }

  /** No more slots than there can be keys, and no more memory than is allowed. */
  #map({ firstDirtyOffset, uncleanableOffset }: Dirtiness): { memory: SharedArrayBuffer; slots: number } {
    const { dedupeBufferBytes, loadFactor } = this.#settings()
    const largest = Math.max(2, Math.floor(dedupeBufferBytes / SLOT_BYTES))
    const needed = Math.ceil((uncleanableOffset - firstDirtyOffset) / loadFactor) + 1
    const slots = Math.min(largest, Math.max(2, needed))
    const has = this.#memory?.byteLength ?? 0
    if (has < slots * SLOT_BYTES) {
      this.#memory = undefined
      this.#memory = new SharedArrayBuffer((slots > largest * SMALL_PART ? largest : slots) * SLOT_BYTES)
    }
    return { memory: this.#memory!, slots }
  }

  #throttle(bytes: number, next: () => void): void {
    const { clock } = this.#ports
    const nowMs = clock.monotonicMs()
    const costMs = (bytes / this.#settings().ioBytesPerSecond) * 1000
    this.#ioFreeMs = Math.max(this.#ioFreeMs, nowMs) + costMs
    // The clock does not know fractions that matter.
    if (this.#ioFreeMs - nowMs < 1) next()
    else this.#timer = clock.timer(this.#ioFreeMs - nowMs, next)
  }

  /** `durable`: only of segments that recovery need not look at. */
  #candidates(which: 'closed' | 'durable'): Candidate[] {
    return this.#logs().flatMap((compacted) => this.#candidateOf(compacted, which) ?? [])
  }

  #candidateOf(compacted: CompactedLog, which: 'closed' | 'durable'): Candidate | undefined {
    const { log, id, manager, limits, stableOffset } = compacted
    if (log.failed || log.closed || this.#uncleanable.has(log) || !manager.canClean) return undefined
    const { segments: all, startOffset } = log
    let count = all.length - 1
    if (which === 'durable') {
      const notDurable = all.findIndex(({ filesWritten }) => !filesWritten)
      if (notDurable >= 0 && notDurable < count) count = notDurable
      while (count > 0 && all[count]!.baseOffset > log.recoveryPoint) count--
    }
    const segments = all.slice(0, count)
    const closedEndOffset = all[count]!.baseOffset
    const cleanedEndOffset = manager.cleanerOffsets.of(id.topic, id.partition)
    const of = { segments, closedEndOffset, startOffset, cleanedEndOffset, stableOffset }
    try {
      return { compacted, segments, closedEndOffset, dirtiness: dirtinessOf(of, limits, this.#ports.clock.wallMs()) }
    } catch (error) {
      this.#ports.logger.warn({ directory: log.directory, error: asDiskError(error).message }, 'log cannot be read')
      return undefined
    }
  }
}
