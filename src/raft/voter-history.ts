/**
 * The voter sets that stand in the log, by offset. The last one counts from the moment at which it is appended, committed or not; where it
 * is cut off again the one before it is back (KIP-853).
 */
import { type Voter, VoterSet } from './voter-set.js'

export interface VotersAt {
  /** Of the batch in which they stand. */
  readonly offset: number
  readonly voters: VoterSet
}

/** As plain data. */
export interface VoterHistoryState {
  readonly initial: readonly Voter[] | undefined
  readonly entries: readonly { readonly offset: number; readonly voters: readonly Voter[] }[]
}

export class VoterHistory {
  /** Before the first that stands in the log: those the cluster was formed with, or of the snapshot. */
  #initial: VoterSet | undefined
  readonly #entries: VotersAt[]

  constructor(initial: VoterSet | undefined, entries: readonly VotersAt[]) {
    this.#initial = initial
    this.#entries = [...entries]
  }

  capture(): VoterHistoryState {
    return {
      initial: this.#initial?.voters,
      entries: this.#entries.map(({ offset, voters }) => ({ offset, voters: voters.voters })),
    }
  }

  static restore({ initial, entries }: VoterHistoryState): VoterHistory {
    return new VoterHistory(
      initial && new VoterSet(initial),
      entries.map(({ offset, voters }) => ({ offset, voters: new VoterSet(voters) })),
    )
  }

  /** Undefined: this server has not heard of any yet. */
  get latest(): VoterSet | undefined {
    return this.#entries.at(-1)?.voters ?? this.#initial
  }

  /** What would count if the latest were cut off. */
  get previous(): VoterSet | undefined {
    return this.#entries.length === 0 ? undefined : (this.#entries.at(-2)?.voters ?? this.#initial)
  }

  /** Of the latest; -1 if it stands in no batch of the log. */
  get latestOffset(): number {
    return this.#entries.at(-1)?.offset ?? -1
  }

  /** Those that count for a snapshot that ends at this offset. */
  before(endOffset: number): VoterSet | undefined {
    return this.#entries.findLast(({ offset }) => offset < endOffset)?.voters ?? this.#initial
  }

  append(offset: number, voters: VoterSet): void {
    this.#entries.push({ offset, voters })
  }

  /** The log ends at this offset. Returns whether other voters count now. */
  truncate(endOffset: number): boolean {
    const before = this.#entries.length
    while (this.#entries.length > 0 && this.#entries.at(-1)!.offset >= endOffset) this.#entries.pop()
    return this.#entries.length < before
  }

  /** The log starts at this offset. */
  trimStart(startOffset: number): void {
    this.#initial = this.before(startOffset)
    while (this.#entries.length > 0 && this.#entries[0]!.offset < startOffset) this.#entries.shift()
  }

  /** The log is empty, and a snapshot says who votes. */
  reset(voters: VoterSet): void {
    this.#initial = voters
    this.#entries.length = 0
  }
}
