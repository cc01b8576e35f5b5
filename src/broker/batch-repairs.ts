/**
 * BatchRepairs: batches that have rotted on this broker's disks are fetched once more, from another replica that has them, and written into their place. The range
 * is asked for as a consumer asks, so it is committed; leader and follower are mended alike. One after the other; until then nobody is given the batch.
 *
 * What nobody else has stays as it is, and is looked for again when somebody wants it.
 */
import type { Clock } from '../io/clock.js'
import type { Logger } from '../io/logger.js'
import type { Network } from '../io/network.js'
import type { MetadataImage } from '../metadata/image.js'
import { ErrorCode } from '../protocol/errors.js'
import { Fetch } from '../protocol/messages/fetch.js'
import type { InferInput } from '../protocol/schema.js'
import { BatchValidator } from '../records/validator.js'
import { ClientConnection } from '../rpc/client-connection.js'
import { type Damage, findDamage } from '../storage/batch-mending.js'
import type { LogCuts } from '../storage/log-cuts.js'
import type { LeaderPlace } from './leader-fetcher.js'
import type { Partition } from './partition.js'

export interface BatchRepairsOptions {
  readonly nodeId: number
  readonly image: () => MetadataImage
  readonly place: (brokerId: number) => LeaderPlace | undefined
  /** Who is at the files of the partition's log; undefined: it has no directory any more. */
  readonly cuts: (partition: Partition) => LogCuts | undefined
}

/** Partitions that wait; who wants one of further ones makes it known again. */
const MOST_WAITING = 1000
/** So long a partition is left alone that could not be mended. */
const AGAIN_MS = 5000
const TIMEOUT_MS = 10_000
/** As much as a batch can have. */
const MAX_BYTES = 0x7fff_ffff
const WITHOUT_SESSION = -1

const validator = new BatchValidator()

export class BatchRepairs {
  readonly #ports: { readonly clock: Clock; readonly network: Network; readonly logger: Logger }
  readonly #options: BatchRepairsOptions
  /** By partition, where to look. */
  readonly #waiting = new Map<Partition, number>()
  readonly #notBeforeMs = new WeakMap<Partition, number>()
  #busy = false
  #connection: ClientConnection | undefined
  #stopped = false
  /** Batches, since the start. */
  mended = 0

  constructor(
    ports: { readonly clock: Clock; readonly network: Network; readonly logger: Logger },
    options: BatchRepairsOptions,
  ) {
    this.#ports = ports
    this.#options = options
  }

  /** A batch at this offset, or before it in its segment, has rotted. */
  rotted(partition: Partition, offset: number): void {
    const isEarly = this.#ports.clock.monotonicMs() < (this.#notBeforeMs.get(partition) ?? 0)
    if (this.#stopped || isEarly || this.#waiting.has(partition) || this.#waiting.size >= MOST_WAITING) return
    this.#waiting.set(partition, offset)
    if (!this.#busy) this.#next()
  }

  stop(): void {
    this.#stopped = true
    this.#waiting.clear()
    this.#connection?.close()
  }

  #next(): void {
    const [first] = this.#waiting
    this.#busy = first !== undefined && !this.#stopped
    if (!this.#busy) return
    const [partition, offset] = first!
    this.#waiting.delete(partition)
    this.#ports.clock.defer(() => this.#repair(partition, offset))
  }

  #repair(partition: Partition, offset: number): void {
    if (this.#stopped || partition.log.closed) return this.#next()
    findDamage(partition.log, offset, (error, damage) => {
      if (error !== undefined || damage === undefined) return this.#next()
      const { directory } = partition.log
      this.#ports.logger.error({ directory, offset: damage.offset }, 'a batch has rotted')
      this.#askNext(partition, damage, [...this.#sources(partition)])
    })
  }

  /** Who may have it: the leader before the others who are in sync. */
  #sources({ id }: Partition): Set<number> {
    const state = this.#options.image().topicsById.get(id.topicId)?.partitions[id.partition]
    const sources = new Set(state === undefined ? [] : [state.leader, ...state.isr])
    sources.delete(this.#options.nodeId)
    return sources
  }

  #askNext(partition: Partition, damage: Damage, sources: number[]): void {
    const brokerId = sources.shift()
    const cuts = this.#options.cuts(partition)
    if (brokerId === undefined || cuts === undefined) {
      const { directory } = partition.log
      const { offset } = damage
      this.#ports.logger.error({ directory, offset }, 'no other replica has what has rotted here')
      this.#notBeforeMs.set(partition, this.#ports.clock.monotonicMs() + AGAIN_MS)
      return this.#next()
    }
    this.#ask(brokerId, partition, damage.offset, (batch) => {
      if (this.#stopped) return
      if (batch === undefined) return this.#askNext(partition, damage, sources)
      cuts.mend(partition.log, damage, batch, (mended) => {
        if (mended !== 'mended') return this.#askNext(partition, damage, mended === 'gone' ? [] : sources)
        this.mended++
        const { directory } = partition.log
        this.#ports.logger.warn({ directory, offset: damage.offset, brokerId }, 'what had rotted was fetched again')
        // There may be more of it.
        this.#repair(partition, damage.offset)
      })
    })
  }

  /** Has a broker send the batch that begins at `offset`; undefined: it has none, or cannot be asked. */
  #ask(brokerId: number, { id, log }: Partition, offset: number, done: (batch: Uint8Array | undefined) => void): void {
    const place = this.#options.place(brokerId)
    if (place === undefined) return done(undefined)
    const { clock, network } = this.#ports
    // The log may start in the middle of it: it comes whole all the same.
    const fetchOffset = Math.max(offset, log.startOffset)
    let answered = false
    const answer = (batch: Uint8Array | undefined): void => {
      if (answered) return
      answered = true
      connection.close()
      done(batch)
    }
    const connection = new ClientConnection({
      clock,
      network,
      address: place.address,
      clientId: `broker-${this.#options.nodeId}-repairs`,
      requestTimeoutMs: TIMEOUT_MS,
      closed: () => answer(undefined),
    })
    this.#connection = connection
    const request: InferInput<typeof Fetch.request> = {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: MAX_BYTES,
      sessionEpoch: WITHOUT_SESSION,
      topics: [
        {
          topic: id.topic,
          topicId: id.topicId,
          // The first batch comes whole.
          partitions: [{ partition: id.partition, fetchOffset, partitionMaxBytes: 1 }],
        },
      ],
      forgottenTopicsData: [],
    }
    connection.negotiate((error) => {
      if (error !== undefined) return answer(undefined)
      connection.call(Fetch, request, (_, response) => {
        const part = response?.responses[0]?.partitions[0]
        answer(
          part?.errorCode === ErrorCode.NONE && part.records !== null ? firstBatch(part.records, offset) : undefined,
        )
      })
    })
  }
}

/** A copy. */
function firstBatch(records: Uint8Array, offset: number): Uint8Array | undefined {
  if (records.length === 0 || validator.checkStored(records, 0, records.length) !== 'ok') return undefined
  const { baseOffset, sizeBytes } = validator.batch
  return baseOffset === offset ? Uint8Array.from(records.subarray(0, sizeBytes)) : undefined
}
