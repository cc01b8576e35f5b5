/**
 * What is a function of the batches of a log and has to be kept in step with them: leader epochs, producers, digest. Fed with every batch in
 * order, by appends and by recovery alike.
 */
import { LeaderEpochCache } from '../log/leader-epoch-cache.js'
import { LARGEST_RELATIVE_OFFSET } from '../log/offset-index.js'
import { ProducerState } from '../log/producer-state.js'
import { ReplicaDigest } from '../log/replica-digest.js'
import type { TransactionMarker } from '../log/transaction-marker.js'
import type { StateSnapshot } from './log-segment.js'

/** A batch in the log; a `BatchView` serves. */
export interface LogBatch {
  readonly lastOffset: number
  readonly baseOffset: number
  readonly lastOffsetDelta: number
  readonly partitionLeaderEpoch: number
  readonly crc: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  readonly isControl: boolean
}

export class LogState {
  readonly epochs: LeaderEpochCache
  readonly producers: ProducerState
  readonly digest: ReplicaDigest

  constructor(epochs = new LeaderEpochCache(), producers = new ProducerState(), digest = new ReplicaDigest()) {
    this.epochs = epochs
    this.producers = producers
    this.digest = digest
  }

  /**
   * The next batch of the log. What a part of the state holds already (it came from a checkpoint) it is not fed again. `appendedMs` since 1970;
   * absent where the log is read again.
   */
  add(batch: LogBatch, marker?: TransactionMarker, appendedMs?: number): void {
    const { epochs, producers, digest } = this
    const { baseOffset, partitionLeaderEpoch } = batch
    if (partitionLeaderEpoch > (epochs.latestEpoch ?? -1)) epochs.assign(partitionLeaderEpoch, baseOffset)
    if (baseOffset >= producers.endOffset) {
      if (marker === undefined) producers.update(batch, appendedMs)
      else {
        const { producerId, producerEpoch, lastOffset: offset, maxTimestamp: timestamp } = batch
        const { coordinatorEpoch } = marker
        producers.applyMarker({ producerId, producerEpoch, coordinatorEpoch, offset, timestamp }, appendedMs)
      }
    }
    if (baseOffset >= digest.endOffset) {
      digest.append(partitionLeaderEpoch, baseOffset, batch.lastOffset + 1, batch.crc)
    }
  }

  /** Why a batch with offsets and epoch of its own cannot stand at `nextOffset` or behind; undefined: it can. */
  whyNotNext({ baseOffset, lastOffset, partitionLeaderEpoch }: LogBatch, nextOffset: number): string | undefined {
    const latestEpoch = this.epochs.latestEpoch ?? 0
    if (baseOffset < nextOffset) return `offset ${baseOffset} comes where ${nextOffset} is next`
    if (lastOffset - nextOffset > LARGEST_RELATIVE_OFFSET) return `offset ${lastOffset} is too far from ${nextOffset}`
    return partitionLeaderEpoch < latestEpoch ? `epoch ${partitionLeaderEpoch} after ${latestEpoch}` : undefined
  }

  /** Without what only batches in front of `offset` would tell, which nobody can read. */
  from(offset: number): LogState {
    if (this.digest.endOffset < offset) this.digest.forget()
    if (this.producers.endOffset >= offset) return this
    return new LogState(this.epochs, new ProducerState(offset), this.digest)
  }

  /** As its files hold it. */
  snapshot(): StateSnapshot {
    return { producers: this.producers.snapshot(), digest: this.digest.toText() }
  }
}
