/** What a member of the model world has on its disk: what was written, and how much of it a crash leaves. */
import type { Prng } from '../../src/base/prng.js'
import { type ElectionState, NO_ELECTION } from '../../src/raft/election-state.js'
import { type EpochStart, LOG_BEGINNING, type OffsetAndEpoch } from '../../src/raft/epoch-chain.js'
import type { LogContent } from '../../src/raft/raft-log.js'
import type { VoterSet } from '../../src/raft/voter-set.js'

export interface ModelBatch {
  readonly baseOffset: number
  /** Exclusive. */
  readonly endOffset: number
  readonly epoch: number
  /** No other batch of the world has it. */
  readonly uid: number
  readonly voters: VoterSet | undefined
}

export interface ModelSnapshot {
  readonly id: OffsetAndEpoch
  readonly voters: VoterSet
}

export class ModelDisk {
  readonly directoryId: string
  saved: ElectionState = NO_ELECTION
  /** Being written: after a crash it is there, or the one before. */
  saving: ElectionState | undefined
  start: OffsetAndEpoch = LOG_BEGINNING
  /** Those before the first that stands in the log. */
  startVoters: VoterSet | undefined
  batches: ModelBatch[] = []
  /** No crash takes back what lies below. */
  persisted = 0
  snapshot: ModelSnapshot | undefined
  /** The snapshot is to take the log's place, and has not yet. */
  restarting = false

  constructor(directoryId: string, voters: VoterSet | undefined) {
    this.directoryId = directoryId
    this.startVoters = voters
  }

  get end(): number {
    return this.batches.at(-1)?.endOffset ?? this.start.offset
  }

  get lastEpoch(): number {
    return this.batches.at(-1)?.epoch ?? this.start.epoch
  }

  /** Whether the log, or the snapshot before it, has everything up to this place durably. */
  holds({ offset, epoch }: OffsetAndEpoch): boolean {
    if (this.persisted < offset) return false
    if (offset < this.start.offset) return true
    if (offset === this.start.offset) return this.start.epoch === epoch
    return this.batches.find(({ endOffset }) => endOffset === offset)?.epoch === epoch
  }

  truncate(endOffset: number): void {
    while (this.end > endOffset) this.batches.pop()
    this.persisted = Math.min(this.persisted, this.end)
  }

  /** Only the snapshot is left. */
  restart({ id, voters }: ModelSnapshot): void {
    this.start = id
    this.startVoters = voters
    this.batches = []
    this.persisted = id.offset
    this.restarting = false
  }

  trim(startOffset: number, epoch: number, voters: VoterSet | undefined): void {
    this.start = { offset: startOffset, epoch }
    this.startVoters = voters
    this.batches = this.batches.filter(({ endOffset }) => endOffset > startOffset)
  }

  /** The power goes: of what was not durable something is left. */
  crash(random: Prng): void {
    if (this.saving !== undefined && random.chance(0.5)) this.saved = this.saving
    this.saving = undefined
    while (this.end > this.persisted && random.chance(0.6)) this.batches.pop()
    this.persisted = this.end
    const { snapshot } = this
    this.restarting = false
    // It was saved, and the log did not come to start behind it.
    if (snapshot !== undefined && !this.holds(snapshot.id)) this.restart(snapshot)
  }

  content(): LogContent {
    const epochs: EpochStart[] = []
    let epoch = this.start.epoch
    for (const batch of this.batches) {
      if (batch.epoch > epoch) epochs.push({ epoch: batch.epoch, startOffset: batch.baseOffset })
      epoch = batch.epoch
    }
    const voterChanges = this.batches.flatMap(({ baseOffset: offset, voters }) => (voters ? [{ offset, voters }] : []))
    const { start, end: endOffset, startVoters: voters } = this
    return { start, endOffset, epochs, voters, voterChanges, snapshotId: this.snapshot?.id }
  }
}
