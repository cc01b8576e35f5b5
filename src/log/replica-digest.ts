/**
 * A running digest of what a replica has appended, apart for each leader epoch: over base offset and CRC of every batch, in
 * order. Two replicas that appended the same batches over the same range of an epoch have equal digests; others have
 * different ones but for a chance of about 2^-64. So replicas can tell each other that they are alike in a few bytes.
 *
 *      leader epoch      3                     4                          7
 *      batches      ─────┬──────┬───┬──────────┬────────┬─────────────────┬─────┬───┐
 *      kept for          │      ·   ·          │  ...   ·                 │     ·   │   the end of each epoch, and the
 *                      start                  end                        end       now   most recent ends of batches
 *
 * What it says of a range is only comparable where that range is the same: a replica that joins in the middle of an epoch,
 * or fetches what was compacted before, starts elsewhere, and says so (`startOffset`). It may `adopt` its leader's digest
 * instead, and is then comparable for all that comes after. Not here: whether the disk still holds what was appended.
 */
import { formatCheckpointLines, parseCheckpointLines, parseWholeNumber } from './checkpoint-lines.js'
import { DigestRing } from './digest-ring.js'
import { DigestState } from './digest-state.js'
import { corrupt, ok, type Parsed } from './parsed.js'

/** Of the batches of one epoch in [startOffset, endOffset). */
export interface DigestPoint {
  readonly leaderEpoch: number
  /** The base offset of the first batch in the digest. */
  readonly startOffset: number
  /** The offset after the last one. */
  readonly endOffset: number
  /** The 64 bits, each half as uint32. */
  readonly high: number
  readonly low: number
}

/** How much of the past is kept. */
export interface DigestLimits {
  /** Ends of batches, 20 bytes each. */
  readonly recentPoints: number
  /** Leader epochs, the current one included. */
  readonly epochs: number
}

export const DEFAULT_DIGEST_LIMITS: DigestLimits = { recentPoints: 256, epochs: 64 }

const CHECKPOINT_VERSION = 0
const LARGEST_EPOCH = 0x7fff_ffff
const HEX_DIGITS = /^[0-9a-f]{16}$/

export class ReplicaDigest {
  readonly #limits: DigestLimits
  /** Epochs that have ended, oldest first. */
  readonly #ended: DigestPoint[] = []
  readonly #recent: DigestRing
  readonly #state = new DigestState()
  /** Of the current epoch; -1 before the first batch. */
  #leaderEpoch = -1
  #startOffset = 0
  #endOffset = 0

  constructor(limits = DEFAULT_DIGEST_LIMITS) {
    this.#limits = limits
    this.#recent = new DigestRing(limits.recentPoints)
  }

  /** Reads what `toText` wrote. More epochs than the limit: the newest are kept. */
  static fromText(text: string, limits = DEFAULT_DIGEST_LIMITS): Parsed<ReplicaDigest> {
    const lines = parseCheckpointLines(text, CHECKPOINT_VERSION)
    if (lines.kind === 'corrupt') return lines
    const digest = new ReplicaDigest(limits)
    for (const words of lines.value) {
      const point = parsePoint(words)
      if (point === undefined) return corrupt(`'${words.join(' ')}' is no digest of a leader epoch`)
      const { leaderEpoch, startOffset } = point
      if (leaderEpoch <= digest.#leaderEpoch || startOffset < digest.#endOffset) {
        return corrupt(
          `the digest of leader epoch ${leaderEpoch} from ${startOffset} on does not come after that of ` +
            `${digest.#leaderEpoch} up to ${digest.#endOffset}`,
        )
      }
      digest.#endEpoch()
      digest.#goOnFrom(point)
    }
    return ok(digest)
  }

  /** Up to here the batches are in the digest; 0 before the first one. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** The epoch of the last batch, as of that batch; undefined before the first one. */
  get current(): DigestPoint | undefined {
    if (this.#leaderEpoch < 0) return undefined
    const { high, low } = this.#state
    return {
      leaderEpoch: this.#leaderEpoch,
      startOffset: this.#startOffset,
      endOffset: this.#endOffset,
      high,
      low,
    }
  }

  /**
   * A batch that was appended: [baseOffset, nextOffset), with the CRC of its header. True if it goes on where the digest
   * was. One that does not, by its offset or its epoch, or has no epoch, cannot be from the log that the digest is of: what
   * was known is forgotten, and the digest starts over with this batch.
   */
  append(leaderEpoch: number, baseOffset: number, nextOffset: number, crc: number): boolean {
    const goesOn = leaderEpoch >= 0 && leaderEpoch >= this.#leaderEpoch && baseOffset >= this.#endOffset
    if (!goesOn) this.forget()
    if (leaderEpoch < 0) return false
    if (leaderEpoch !== this.#leaderEpoch) {
      this.#endEpoch()
      this.#leaderEpoch = leaderEpoch
      this.#startOffset = baseOffset
      this.#state.start(leaderEpoch)
    }
    this.#state.add(baseOffset, crc)
    this.#endOffset = nextOffset
    this.#recent.push(nextOffset, leaderEpoch, this.#state.high, this.#state.low)
    return goesOn
  }

  /** As of the last batch of this epoch; undefined if none is known. */
  ofEpoch(leaderEpoch: number): DigestPoint | undefined {
    return leaderEpoch === this.#leaderEpoch
      ? this.current
      : this.#ended.findLast((point) => point.leaderEpoch === leaderEpoch)
  }

  /**
   * As of the batch that ends exactly at `endOffset`, as a high watermark does; undefined if no batch does, or too many
   * have come since.
   */
  at(endOffset: number): DigestPoint | undefined {
    const point = this.#lastUpTo(endOffset)
    return point?.endOffset === endOffset ? point : undefined
  }

  /** One for each known epoch, oldest first. */
  points(): DigestPoint[] {
    const current = this.current
    return current === undefined ? [...this.#ended] : [...this.#ended, current]
  }

  /**
   * The log was cut to end at `logEndOffset`, or this was read from a checkpoint: goes back to the last known point that is
   * not behind it. Returns from where on the batches of the log have to be fed, again or for the first time; there are none
   * if that is the log's end. If they are too many to read, `forget` and live with a later `startOffset`.
   *
   * After a cut the checkpoint has to be replaced before the log grows again: one from before would be believed.
   */
  truncateTo(logEndOffset: number): number {
    if (this.#endOffset <= logEndOffset) return this.#leaderEpoch < 0 ? logEndOffset : this.#endOffset
    const point = this.#lastUpTo(logEndOffset)
    if (point === undefined) {
      const firstKnown = this.#ended[0]?.startOffset ?? this.#startOffset
      this.forget()
      return Math.min(firstKnown, logEndOffset)
    }
    this.#recent.truncate(this.#recent.lastUpTo(logEndOffset) + 1)
    while ((this.#ended.at(-1)?.leaderEpoch ?? -1) >= point.leaderEpoch) this.#ended.pop()
    this.#goOnFrom(point)
    return point.endOffset
  }

  /**
   * Takes the leader's digest over for its own, after a start that is not comparable. Only where both are at the same
   * place, else it changes nothing; says which. What was appended before is taken on trust.
   */
  adopt(point: DigestPoint): boolean {
    if (point.leaderEpoch !== this.#leaderEpoch || point.endOffset !== this.#endOffset) return false
    this.#recent.truncate(0)
    this.#goOnFrom(point)
    return true
  }

  /** Starts over: the next batch is the first one. */
  forget(): void {
    this.#ended.length = 0
    this.#recent.truncate(0)
    this.#leaderEpoch = -1
    this.#startOffset = 0
    this.#endOffset = 0
  }

  /** For a checkpoint: a line `leaderEpoch startOffset endOffset digest` for each known epoch. */
  toText(): string {
    return formatCheckpointLines(
      CHECKPOINT_VERSION,
      this.points().map(
        ({ leaderEpoch, startOffset, endOffset, high, low }) =>
          `${leaderEpoch} ${startOffset} ${endOffset} ${hex32(high)}${hex32(low)}`,
      ),
    )
  }

  #lastUpTo(offset: number): DigestPoint | undefined {
    const index = this.#recent.lastUpTo(offset)
    if (index < 0) return this.#ended.findLast((point) => point.endOffset <= offset)
    const leaderEpoch = this.#recent.leaderEpoch(index)
    const startOffset =
      leaderEpoch === this.#leaderEpoch
        ? this.#startOffset
        : this.#ended.findLast((point) => point.leaderEpoch === leaderEpoch)!.startOffset
    return {
      leaderEpoch,
      startOffset,
      endOffset: this.#recent.endOffset(index),
      high: this.#recent.high(index),
      low: this.#recent.low(index),
    }
  }

  #goOnFrom({ leaderEpoch, startOffset, endOffset, high, low }: DigestPoint): void {
    this.#leaderEpoch = leaderEpoch
    this.#startOffset = startOffset
    this.#endOffset = endOffset
    this.#state.high = high
    this.#state.low = low
    // The state of now is always the newest of the recent ones.
    const count = this.#recent.count
    if (count === 0 || this.#recent.endOffset(count - 1) < endOffset) {
      this.#recent.push(endOffset, leaderEpoch, high, low)
    }
  }

  #endEpoch(): void {
    const current = this.current
    if (current === undefined) return
    this.#ended.push(current)
    if (this.#ended.length < this.#limits.epochs) return
    // A recent state is of no use without the start of its epoch.
    this.#recent.dropUpToEpoch(this.#ended.shift()!.leaderEpoch)
  }
}

/** Whether two replicas are alike, where their digests allow to say. */
export function compareDigests(a: DigestPoint, b: DigestPoint): 'same' | 'different' | 'not comparable' {
  if (a.leaderEpoch !== b.leaderEpoch || a.startOffset !== b.startOffset || a.endOffset !== b.endOffset) {
    return 'not comparable'
  }
  return a.high === b.high && a.low === b.low ? 'same' : 'different'
}

function parsePoint(words: readonly string[]): DigestPoint | undefined {
  const leaderEpoch = parseWholeNumber(words[0], LARGEST_EPOCH)
  const startOffset = parseWholeNumber(words[1])
  const endOffset = parseWholeNumber(words[2])
  const digits = words[3]
  if (words.length !== 4 || digits === undefined || !HEX_DIGITS.test(digits)) return undefined
  if (leaderEpoch === undefined || startOffset === undefined || endOffset === undefined) return undefined
  if (startOffset >= endOffset) return undefined
  const high = Number.parseInt(digits.slice(0, 8), 16)
  const low = Number.parseInt(digits.slice(8), 16)
  return { leaderEpoch, startOffset, endOffset, high, low }
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0')
}
