/**
 * Fetches a snapshot of the metadata from the leader, piece by piece (KIP-630). Where the leader says so again, it goes on from where it was; with
 * another snapshot, or of another leader, whose file may hold the same in other bytes, it begins anew.
 */
import { type ErrorName, errorByCode } from '../../protocol/errors.js'
import { FetchSnapshot } from '../../protocol/messages/fetch-snapshot.js'
import type { OffsetAndEpoch } from '../../raft/epoch-chain.js'
import type { FetchSnapshotOrder } from '../../raft/raft-state.js'
import type { ReplicaKey } from '../../raft/voter-set.js'
import { METADATA_TOPIC } from '../../storage/log-files.js'
import type { PeerCall } from './peers.js'

/** A larger one is not taken: it is put together in memory. */
const MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024

export interface SnapshotFetchOptions {
  readonly clusterId: string
  readonly replica: ReplicaKey
  readonly maxBytes: number
  /** How to ask this member; undefined: nobody knows where it is. */
  readonly call: (nodeId: number) => PeerCall | undefined
  /** A piece has come, and it is not the last. */
  readonly piece: () => void
  readonly fetched: (id: OffsetAndEpoch, bytes: Uint8Array) => void
  readonly failed: (reason: string) => void
}

interface Fetching {
  readonly order: FetchSnapshotOrder
  readonly pieces: Uint8Array[]
  position: number
}

export class SnapshotFetch {
  readonly #options: SnapshotFetchOptions
  #fetching: Fetching | undefined

  constructor(options: SnapshotFetchOptions) {
    this.#options = options
  }

  /** An earlier one is not wanted any more. */
  begin(order: FetchSnapshotOrder): void {
    const before = this.#fetching
    const goesOn =
      before?.order.leaderId === order.leaderId &&
      before.order.snapshotId.offset === order.snapshotId.offset &&
      before.order.snapshotId.epoch === order.snapshotId.epoch
    const { pieces, position } = goesOn ? before : { pieces: [], position: 0 }
    this.#fetching = { order, pieces: [...pieces], position }
    this.#next(this.#fetching)
  }

  stop(): void {
    this.#fetching = undefined
  }

  #next(fetching: Fetching): void {
    const { clusterId, replica, maxBytes } = this.#options
    const { leaderId, leaderEpoch: currentLeaderEpoch, snapshotId } = fetching.order
    const call = this.#options.call(leaderId)
    if (call === undefined) return this.#failed(fetching, 'the address of the leader is not known')
    const partition = {
      partition: 0,
      currentLeaderEpoch,
      snapshotId: { endOffset: snapshotId.offset, epoch: snapshotId.epoch },
      position: fetching.position,
      replicaDirectoryId: replica.directoryId,
    }
    const topics = [{ name: METADATA_TOPIC, partitions: [partition] }]
    call(FetchSnapshot, { clusterId, replicaId: replica.id, maxBytes, topics }, (response) => {
      if (this.#fetching !== fetching) return
      const part = response?.topics[0]?.partitions[0]
      if (response === undefined) return this.#failed(fetching, 'there is no answer')
      const error: ErrorName = errorByCode(response.errorCode || (part?.errorCode ?? 0)).name
      if (error !== 'NONE') {
        // The file may be another one when it is there again.
        fetching.pieces.length = fetching.position = 0
        return this.#failed(fetching, error)
      }
      if (part === undefined) return this.#failed(fetching, 'it answers for another log')
      const { size, position, unalignedRecords } = part
      const end = position + unalignedRecords.length
      if (position !== fetching.position || unalignedRecords.length === 0 || end > size || size > MAX_SNAPSHOT_BYTES) {
        return this.#failed(fetching, `a piece from ${position} to ${end} of ${size} bytes`)
      }
      fetching.pieces.push(Buffer.from(unalignedRecords))
      fetching.position = end
      if (end < size) {
        this.#options.piece()
        return this.#next(fetching)
      }
      this.#fetching = undefined
      this.#options.fetched(snapshotId, Buffer.concat(fetching.pieces))
    })
  }

  #failed(fetching: Fetching, reason: string): void {
    if (this.#fetching === fetching) this.#options.failed(reason)
  }
}
