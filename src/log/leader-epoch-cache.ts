/**
 * Which leader epoch wrote which part of a log: for each epoch the offset at which it starts (KIP-101, KIP-279). By it a
 * replica finds the end of what it has in common with its leader.
 *
 *      epoch          0            2        5                     the text of `leader-epoch-checkpoint`:
 *      offsets   ─────┼────────────┼────────┼──────────▶          0 ⏎ 3 ⏎ 0 100 ⏎ 2 340 ⏎ 5 410 ⏎
 *                    100          340      410    log end
 *
 * Epochs and start offsets rise strictly, so there are never more entries than batches in the log. An epoch may have an
 * entry before it has a batch: a leader assigns its epoch to its log end when it is elected (KAFKA-7415).
 */
import { assert } from '../base/assert.js'
import { formatCheckpointLines, parseCheckpointLines, parseWholeNumber } from './checkpoint-lines.js'
import { countUpTo } from './count-up-to.js'
import { corrupt, ok, type Parsed } from './parsed.js'

const CHECKPOINT_VERSION = 0
const LARGEST_EPOCH = 0x7fff_ffff

export interface EpochEntry {
  readonly leaderEpoch: number
  readonly startOffset: number
}

/** The answer to OffsetForLeaderEpoch. */
export interface EpochEnd {
  readonly leaderEpoch: number
  /** Exclusive. */
  readonly endOffset: number
}

export class LeaderEpochCache {
  readonly #epochs: number[] = []
  readonly #startOffsets: number[] = []

  /** Reads `leader-epoch-checkpoint`. Entries that do not rise are damage here; Kafka would silently keep the later one. */
  static fromText(text: string): Parsed<LeaderEpochCache> {
    const lines = parseCheckpointLines(text, CHECKPOINT_VERSION)
    if (lines.kind === 'corrupt') return lines
    const cache = new LeaderEpochCache()
    for (const words of lines.value) {
      const epoch = parseWholeNumber(words[0], LARGEST_EPOCH)
      const startOffset = parseWholeNumber(words[1])
      if (words.length !== 2 || epoch === undefined || startOffset === undefined) {
        return corrupt(`'${words.join(' ')}' is no leader epoch with its start offset`)
      }
      const latest = cache.latest
      if (latest !== undefined && (epoch <= latest.leaderEpoch || startOffset <= latest.startOffset)) {
        return corrupt(
          `leader epoch ${epoch} at ${startOffset} does not come after ${latest.leaderEpoch} at ${latest.startOffset}`,
        )
      }
      cache.assign(epoch, startOffset)
    }
    return ok(cache)
  }

  get size(): number {
    return this.#epochs.length
  }

  get latestEpoch(): number | undefined {
    return this.#epochs.at(-1)
  }

  get latest(): EpochEntry | undefined {
    return this.size === 0 ? undefined : this.#entry(this.size - 1)
  }

  get earliest(): EpochEntry | undefined {
    return this.size === 0 ? undefined : this.#entry(0)
  }

  /** All, from the oldest on. */
  entries(): EpochEntry[] {
    return this.#epochs.map((_, at) => this.#entry(at))
  }

  /**
   * Says that batches from `startOffset` on are of this epoch; true if that changed anything, then the checkpoint is to be
   * written before the batches are. For the latest epoch it does nothing, unless it now starts earlier.
   *
   * The latest word holds: entries of this or later epochs, and those that start at or behind `startOffset`, are removed
   * (Kafka's `LeaderEpochFileCache.assign`). That is normal for an epoch without batches; else the log is inconsistent.
   */
  assign(epoch: number, startOffset: number): boolean {
    const last = this.size - 1
    if (epoch === this.#epochs[last] && startOffset >= this.#startOffsets[last]!) return false
    if (epoch < 0 || startOffset < 0) assert(false, `leader epoch ${epoch} at ${startOffset}`)
    let keep = this.size
    while (keep > 0 && (this.#epochs[keep - 1]! >= epoch || this.#startOffsets[keep - 1]! >= startOffset)) keep--
    this.#cut(keep)
    this.#epochs.push(epoch)
    this.#startOffsets.push(startOffset)
    return true
  }

  /** The epoch that wrote this offset; undefined before the first entry. */
  epochOf(offset: number): number | undefined {
    return this.#epochs[countUpTo(this.#startOffsets, this.size, offset) - 1]
  }

  /** Where this epoch starts; undefined if there is no entry for it. */
  startOffsetOf(epoch: number): number | undefined {
    const at = countUpTo(this.#epochs, this.size, epoch) - 1
    return this.#epochs[at] === epoch ? this.#startOffsets[at] : undefined
  }

  /**
   * The largest epoch that is at most `epoch`, and where it ends: at the start of the next one or, for the latest, at
   * `logEndOffset` (KIP-279). An epoch before the first entry ends where that one starts: what it wrote is gone from
   * this log (KAFKA-7415). Undefined for an epoch after the latest and while there are no entries: -1 and -1 on the wire.
   */
  endOffsetFor(epoch: number, logEndOffset: number): EpochEnd | undefined {
    if (epoch < 0) return undefined
    const after = countUpTo(this.#epochs, this.size, epoch)
    if (after === this.size) {
      return epoch === this.latestEpoch ? { leaderEpoch: epoch, endOffset: logEndOffset } : undefined
    }
    return { leaderEpoch: after === 0 ? epoch : this.#epochs[after - 1]!, endOffset: this.#startOffsets[after]! }
  }

  /** The log now ends at `endOffset`: drops the epochs that start there or behind. True if there were any. */
  truncateFromEnd(endOffset: number): boolean {
    if (endOffset < 0) assert(false, `a log that ends at ${endOffset}`)
    let keep = this.size
    while (keep > 0 && this.#startOffsets[keep - 1]! >= endOffset) keep--
    return this.#cut(keep)
  }

  /** The log now starts at `startOffset`: the epoch that wrote it starts there, those before it are dropped. True on a change. */
  truncateFromStart(startOffset: number): boolean {
    const at = countUpTo(this.#startOffsets, this.size, startOffset) - 1
    if (at < 0 || (at === 0 && this.#startOffsets[0] === startOffset)) return false
    this.#epochs.splice(0, at)
    this.#startOffsets.splice(0, at)
    this.#startOffsets[0] = startOffset
    return true
  }

  clear(): boolean {
    return this.#cut(0)
  }

  /** The text of `leader-epoch-checkpoint`. */
  toText(): string {
    return formatCheckpointLines(
      CHECKPOINT_VERSION,
      this.#epochs.map((epoch, at) => `${epoch} ${this.#startOffsets[at]!}`),
    )
  }

  #entry(at: number): EpochEntry {
    return { leaderEpoch: this.#epochs[at]!, startOffset: this.#startOffsets[at]! }
  }

  #cut(keep: number): boolean {
    if (keep === this.size) return false
    this.#epochs.length = keep
    this.#startOffsets.length = keep
    return true
  }
}
