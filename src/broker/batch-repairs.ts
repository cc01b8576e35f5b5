/**
 * BatchRepairs: batches that have rotted on this broker's disks are fetched once more, from another replica that has them, and written into their place. The range
 * is asked for as a consumer asks, so it is committed; leader and follower are mended alike, in place: so nobody has to lead instead, and nothing else has to be
 * fetched. One after the other; until then nobody is given the batch.
 *
 * Where what others have does not fit into the place, because more is damaged there than batches, all from there on is fetched again: by a leader when it
 * has given the lead to one of them (`replica-rebuilds.ts`). What nobody else has stays as it is, and is looked for again when somebody wants it.
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
import type { ReplicaRebuilds } from './replica-rebuilds.js'

export interface BatchRepairsOptions {
  readonly nodeId: number
  readonly image: () => MetadataImage
  readonly place: (brokerId: number) => LeaderPlace | undefined
  /** Who is at the files of the partition's log; undefined: it has no directory any more. */
  readonly cuts: (partition: Partition) => LogCuts | undefined
  readonly rebuilds: ReplicaRebuilds
}

/** Partitions that wait; who wants one of further ones makes it known again. */
const MOST_WAITING = 1000
/** So long a partition is left alone that could not be mended. */
const AGAIN_MS = 5000
const TIMEOUT_MS = 10_000
/** As much as a batch can have. */
const MAX_BYTES = 0x7fff_ffff
const WITHOUT_SESSION = -1

/** What a broker has there: `nothing` also where it cannot be asked, `another`: a batch, and not the one that stood here. */
type Answered = { readonly kind: 'batch'; readonly batch: Uint8Array } | { readonly kind: 'another' | 'nothing' }

/** What is known of a batch that has rotted. */
interface Search {
  readonly damage: Damage
  /** Who has still to be asked. */
  readonly sources: number[]
  /** Who has something there that cannot be written into the place. */
  readonly whole: number[]
}

const NOTHING: Answered = { kind: 'nothing' }

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
      this.#askNext(partition, { damage, sources: [...this.#sources(partition)], whole: [] })
    })
  }

  /** Who may have it: the leader before the others who are in sync. */
  #sources({ id }: Partition): Set<number> {
    const state = this.#options.image().topicsById.get(id.topicId)?.partitions[id.partition]
    const sources = new Set(state === undefined ? [] : [state.leader, ...state.isr])
    sources.delete(this.#options.nodeId)
    return sources
  }

  #askNext(partition: Partition, search: Search): void {
    const { damage, sources, whole } = search
    const brokerId = sources.shift()
    const cuts = this.#options.cuts(partition)
    if (brokerId === undefined || cuts === undefined) return this.#giveUp(partition, damage.offset, whole)
    this.#ask(brokerId, partition, damage.offset, (answered) => {
      if (this.#stopped) return
      if (answered.kind !== 'batch') {
        if (answered.kind === 'another') whole.push(brokerId)
        return this.#askNext(partition, search)
      }
      cuts.mend(partition.log, damage, answered.batch, (mended) => {
        if (mended === 'misfit') whole.push(brokerId)
        if (mended === 'gone') return this.#giveUp(partition, damage.offset, [])
        if (mended !== 'mended') return this.#askNext(partition, search)
        this.mended++
        const { directory } = partition.log
        this.#ports.logger.warn({ directory, offset: damage.offset, brokerId }, 'what had rotted was fetched again')
        // There may be more of it.
        this.#repair(partition, damage.offset)
      })
    })
  }

  #giveUp(partition: Partition, offset: number, whole: readonly number[]): void {
    const { directory } = partition.log
    this.#notBeforeMs.set(partition, this.#ports.clock.monotonicMs() + AGAIN_MS)
    if (whole.length === 0) this.#ports.logger.error({ directory, offset }, 'no other replica has what has rotted here')
    else {
      this.#ports.logger.error({ directory, offset, whole }, 'what has rotted cannot be mended where it stands')
      this.#options.rebuilds.beyondMending(partition, offset, whole)
    }
    this.#next()
  }

  /** Has a broker send the batch that begins at `offset`. */
  #ask(brokerId: number, { id, log }: Partition, offset: number, done: (answered: Answered) => void): void {
    const place = this.#options.place(brokerId)
    if (place === undefined) return done(NOTHING)
    const { clock, network } = this.#ports
    // The log may start in the middle of it: it comes whole all the same.
    const fetchOffset = Math.max(offset, log.startOffset)
    let answered = false
    const answer = (came: Answered): void => {
      if (answered) return
      answered = true
      connection.close()
      done(came)
    }
    const connection = new ClientConnection({
      clock,
      network,
      address: place.address,
      clientId: `broker-${this.#options.nodeId}-repairs`,
      requestTimeoutMs: TIMEOUT_MS,
      closed: () => answer(NOTHING),
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
      if (error !== undefined) return answer(NOTHING)
      connection.call(Fetch, request, (_, response) => {
        const part = response?.responses[0]?.partitions[0]
        const isThere = part?.errorCode === ErrorCode.NONE && part.records !== null
        answer(isThere ? firstBatch(part.records, offset) : NOTHING)
      })
    })
  }
}

/** A copy. */
function firstBatch(records: Uint8Array, offset: number): Answered {
  if (records.length === 0 || validator.checkStored(records, 0, records.length) !== 'ok') return NOTHING
  const { baseOffset, sizeBytes } = validator.batch
  if (baseOffset !== offset) return { kind: 'another' }
  return { kind: 'batch', batch: Uint8Array.from(records.subarray(0, sizeBytes)) }
}
