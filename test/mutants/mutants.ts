/**
 * Bugs that could have been written. They show what the simulator would see: a mutant that no seed finds has uncovered a hole. The table
 * `killed-by.tsv` says which seed finds which.
 */
import type { Replacement } from './build-copy.js'

export interface Mutant {
  readonly name: string
  /** What the bug would be. */
  readonly about: string
  readonly file: string
  /** Stands in the file once. */
  readonly from: string
  readonly to: string
  /** Where a bug is in more than one place. */
  readonly also?: readonly Replacement[]
  /** Options of `lograft sim` besides the seed. */
  readonly options: readonly string[]
  /** Part of what the run says about it. */
  readonly found: RegExp
  /** No seed has found it yet: what is known of why. It stays in the list and is not replayed. */
  readonly survives?: string
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'reply-before-flush',
    about: 'acks=all is answered when the batch is written, not when it is durable',
    file: 'src/broker/partition.ts',
    from: 'const reached = acks === -1 ? leader.highWatermark : this.log.settledEndOffset',
    to: 'const reached = this.log.settledEndOffset',
    options: ['--acks', 'all', '--flush-policy', 'commit'],
    found: /lost-write/,
  },
  {
    name: 'torn-batch-kept',
    about: 'recovery does not look at checksums, and keeps a batch of which only a part was written',
    file: 'src/log/recovery-scan.ts',
    from: 'if (crc !== batch.crc) {',
    to: 'if (crc !== batch.crc && crc < 0) {',
    options: [],
    found: /phantom in .*damaged batch|flushed up to \d+, on the device up to/,
  },
  {
    name: 'recovery-point-ahead',
    about: 'the recovery point is the end of the log instead of the end of what is flushed',
    file: 'src/storage/log-flusher.ts',
    from: 'const recoveryPoint = this.#certainEnd()',
    to: 'const recoveryPoint = this.#log.logEndOffset',
    options: [],
    found: /AssertionError: .*recovery \d+|lost-write/,
  },
  {
    name: 'planted-randomness',
    about: 'something that hangs on Math.random instead of the random port',
    file: 'src/broker/partition.ts',
    from: 'const failures = this.#failures\n    if (batch.hasProducer) {',
    to: 'const failures = this.#failures\n    if (Math.random() >= 0 && batch.hasProducer) {',
    options: [],
    found: /Math\.random was called inside a simulation/,
  },
  {
    name: 'planted-clock',
    about: 'a time that is read from the process instead of the clock port',
    file: 'src/broker/partition.ts',
    from: 'const failures = this.#failures\n    if (batch.hasProducer) {',
    to: 'const failures = this.#failures\n    if (Date.now() >= 0 && batch.hasProducer) {',
    options: [],
    found: /Date\.now was called inside a simulation/,
  },
  {
    name: 'failed-flush-forgiven',
    about: 'a flush that failed counts as one that succeeded',
    file: 'src/storage/log-flusher.ts',
    from: 'if (error !== undefined) return this.#finish(error, targetOffset)\n        file.segment',
    to: 'if (error?.code === "ENOENT") return this.#finish(error, targetOffset)\n        file.segment',
    options: ['--acks', 'all', '--flush-policy', 'commit'],
    found: /lost-write|on the device/,
  },
  {
    name: 'names-not-flushed',
    about: 'the bytes of a new segment are flushed, its name in the directory is not',
    file: 'src/storage/log-flusher.ts',
    from: 'if (this.#namesFlushed) return flushParent()',
    to: 'if (this.#namesFlushed || this.#flushedEndOffset >= 0) return flushParent()',
    options: ['--acks', 'all', '--flush-policy', 'commit'],
    found: /lost-write|flushed up to|on the device/,
  },
  {
    name: 'duplicates-appended',
    about: 'a batch that an idempotent producer sends again is appended again',
    file: 'src/broker/partition.ts',
    from: "if (verdict.kind === 'duplicate') {",
    to: "if (verdict.kind === 'duplicate' && acks === 7) {",
    options: ['--acks', 'all'],
    found: /duplicate/,
  },
  {
    name: 'sequences-not-checked',
    about: 'a batch of an idempotent producer is taken although one before it is missing',
    file: 'src/broker/partition.ts',
    from: "if (verdict.kind === 'refuse') return refused(verdict.error, verdict.reason)",
    to: "if (verdict.kind === 'refuse' && acks === 7) return refused(verdict.error, verdict.reason)",
    options: ['--acks', 'all'],
    found: /duplicate|nonmonotonic|assert/i,
  },
  {
    name: 'checkpoint-while-stopping',
    about: 'a clean stop does not wait for the checkpoint that is being written',
    file: 'src/storage/log-manager.ts',
    from: 'this.#work.whenDone(() => this.#closeLogs(done))',
    to: 'this.#closeLogs(done)',
    options: ['--faults', 'process-crash'],
    found: /stops cleanly/,
  },
  {
    name: 'uncommitted-read',
    about: 'what is written counts as committed before it is flushed, and consumers are given it',
    file: 'src/broker/partition.ts',
    from: 'return this.#leader?.highWatermark ?? this.#following?.core.highWatermark ?? this.#highWatermark',
    to: 'return this.#leader === undefined ? this.#highWatermark : this.log.logEndOffset',
    options: ['--flush-policy', 'commit'],
    found: /AssertionError: .*flushed \d+, committed \d+|lost-read|inconsistent-offsets/,
  },
  {
    name: 'uncommitted-read-on-expiry',
    about: 'a fetch whose wait is over reads to the end of the log, past the high watermark',
    file: 'src/broker/apis/partition/fetch.ts',
    from: 'const upToOffset = this.#readableEnd(partition)',
    to: 'const upToOffset = this.#isReady() ? this.#readableEnd(partition) : log.logEndOffset',
    options: [],
    found: /uncommitted-read/,
  },
  {
    name: 'recovery-point-outlives-topic',
    about: 'the recovery point of a deleted topic stays on the disk, and is believed of the next topic of that name',
    file: 'src/storage/log-manager.ts',
    from: '[this.#recoveryPoints, startOffsets, this.cleanerOffsets].some(',
    to: '[startOffsets, this.cleanerOffsets].some(',
    options: [],
    found: /was flushed up to|lost-write|within/,
  },
  {
    name: 'start-offset-outlives-topic',
    about: 'the start offset of a deleted topic stays on the disk, and is believed of the next topic of that name',
    file: 'src/storage/log-manager.ts',
    from: '[this.#recoveryPoints, startOffsets, this.cleanerOffsets].some(',
    to: '[this.#recoveryPoints, startOffsets === undefined ? this.#recoveryPoints : this.cleanerOffsets].some(',
    options: [],
    found: /starts at|the start went|lost-write|begins behind/,
  },
  {
    name: 'deleted-log-stays',
    about:
      'a deleted topic leaves its directories where they are, and its records are those of the next topic of that name',
    file: 'src/storage/partition-identity.ts',
    from: 'return found !== undefined && found !== topicId',
    to: "return found !== undefined && found === ''",
    options: [],
    found: /phantom|is that of/,
  },
  {
    name: 'cleaned-end-outlives-topic',
    about: 'up to where the log of a deleted topic was cleaned is believed of the next topic of that name',
    file: 'src/storage/log-manager.ts',
    from: '[this.#recoveryPoints, startOffsets, this.cleanerOffsets].some(',
    to: '[this.#recoveryPoints, startOffsets].some(',
    options: [],
    found: /have one key/,
  },
  {
    name: 'cleaned-not-flushed',
    about: 'a cleaned segment takes the place of what it was made of before it is durable',
    file: 'src/storage/cleaned-segment.ts',
    from: '(finish) => segment.file.flush(finish),',
    to: '(finish) => finish(undefined),',
    options: ['--flush-policy', 'commit'],
    found: /lost-write|lost-read|on the device|within/,
  },
  {
    name: 'latest-of-key-cleaned',
    about: 'the cleaner takes the latest record of a key for one that has been superseded',
    file: 'src/log/compaction.ts',
    from: 'offset >= map.get(plain, cursor.keyAt, cursor.keyAt + cursor.keyLength) &&',
    to: 'offset > map.get(plain, cursor.keyAt, cursor.keyAt + cursor.keyLength) &&',
    options: [],
    found: /lost-write|lost-read/,
  },
]
