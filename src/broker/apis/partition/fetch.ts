/**
 * Fetch: batches as they stand in the log, below the high watermark. Waits until `minBytes` are there or `maxWaitMs` are over. The first batch of
 * the answer comes whole, however large it is, so that a consumer always gets on. Versions below 4 get messages of magic 0 or 1 instead.
 *
 * In a session (`replication/fetch-session.ts`) all its partitions are fetched, and those are answered about which the client does not know already.
 *
 * The metadata log is fetched by other servers of the cluster: `apis/quorum/fetch-metadata.ts`.
 *
 * A replica of the partition gets what is not committed, too, and where it fetches from tells the leader what it has. It is answered when the high
 * watermark has moved, also where there is nothing to read: it may have to lead with what it knows of it; and where the leader wants to hear of it again.
 *
 * A consumer may read from a follower (KIP-392), up to where that knows of the high watermark; a leader names one where `replica.selector.class` says how it is
 * chosen.
 *
 * Left out: transactions: everything committed is stable. What a session's principal may read is asked when a partition joins it.
 */
import { oneByOne } from '../../../base/one-by-one.js'
import { DiskError } from '../../../io/disk.js'
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { Fetch } from '../../../protocol/messages/fetch.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { downConvert } from '../../../records/legacy/down-convert.js'
import type { OldMagic } from '../../../records/legacy/message.js'
import type {
  FetchContext,
  FetchedPartition,
  PartitionName,
  SessionRequest,
} from '../../../replication/fetch-session.js'
import { DamagedBatchError } from '../../../storage/log-damaged-error.js'
import type { LogRead } from '../../../storage/log-reader.js'
import type { PartitionLog } from '../../../storage/partition-log.js'
import type { Broker, WantedPartition } from '../../broker.js'
import { Partition } from '../../partition.js'
import type { DelayedOperation } from '../../purgatory.js'
import { type Call, handler } from '../../server/handler.js'
import { principalText, topic } from '../../server/stages.js'
import { fetchMetadata, isMetadataFetch } from '../quorum/fetch-metadata.js'
import { brokerOf, type Services } from '../services.js'
import { CurrentLeaders } from './current-leaders.js'
import { findObstacle, type Obstacle } from './fetch-obstacle.js'
import { type FetchingReplica, fetchingReplica, whyNotReplica } from './fetching-replica.js'
import { findPartition } from './find-partition.js'
import { nearerReplica } from './nearer-replica.js'

type Request = Infer<typeof Fetch.request>
type Response = InferInput<typeof Fetch.response>
type PartitionResult = Response['responses'][number]['partitions'][number]

const TOPIC_IDS_SINCE = 13
/** From then on clients are told who leads where they asked another. */
const CURRENT_LEADERS_SINCE = 16
/** From then on consumers are told of a replica that is nearer, and read from it. */
const READS_FROM_FOLLOWERS_SINCE = 11
/** Clients from before that do not know the error. */
const OFFSET_NOT_AVAILABLE_SINCE = 11
const MAGIC_1_SINCE = 2
const MAGIC_2_SINCE = 4
const ZSTD_SINCE = 10
/** How much of compressed batches is opened for one answer to an old client, its first batch aside: it holds up all others meanwhile. */
const MAX_CONVERTED_BYTES = 4 * 1024 * 1024
/** How often a partition is read on for one answer because nothing that was read can be said in an old format. */
const MAX_READS = 100

export const fetch = handler<Services, typeof Fetch.request.fields, typeof Fetch.response.fields>(Fetch, {
  versions: [0, 18],
  servedBy: 'partition leader',
  listeners: ['broker', 'controller'],
  early: (request) => isMetadataFetch(request, { serves: 'broker' }),
  alone: true,
  authorize: ({ topics }) => topics.map((each) => ({ operation: 'READ', resource: topic(each.topic) })),
  refuse: (request, errorCode) => ({
    errorCode,
    responses: request.topics.map(({ topic: name, topicId, partitions }) => ({
      topic: name,
      topicId,
      partitions: partitions.map(({ partition }) => failed(partition, errorCode)),
    })),
  }),
  handle: (request, services, call) => {
    if (isMetadataFetch(request, call.listener)) return fetchMetadata(request, services, call)
    // Controllers have no other log.
    if (call.listener.serves === 'controller')
      return call.reply({ errorCode: ErrorCode.INVALID_REQUEST, responses: [] })
    const broker = brokerOf(services)
    const context = broker.fetchSessions.begin(sessionRequest(request, call), broker.clock.monotonicMs())
    if (typeof context === 'string') return call.reply({ errorCode: ErrorCode[context], responses: [] })
    const operation =
      call.version >= MAGIC_2_SINCE
        ? new DelayedFetch(request, context, services, call)
        : new OldFetch(request, context, services, call)
    const { fetches, followers } = broker.replicas
    const keys = operation.isOfFollower ? [followers, ...operation.partitions] : operation.partitions
    const cancel = fetches.tryCompleteOrWatch(operation, keys, request.maxWaitMs)
    if (cancel !== undefined) call.whenGone(cancel)
  },
})

function sessionRequest(request: Request, call: Call<Response>): SessionRequest<WantedPartition> {
  const { sessionId, sessionEpoch, replicaId, replicaState } = request
  const partitions: FetchedPartition<WantedPartition>[] = []
  for (const { topic, topicId, partitions: wanted } of request.topics) {
    for (const each of wanted) partitions.push({ topic, topicId, partition: each.partition, wanted: each })
  }
  const forgotten: PartitionName[] = []
  for (const { topic, topicId, partitions: numbers } of request.forgottenTopicsData) {
    for (const partition of numbers) forgotten.push({ topic, topicId, partition })
  }
  return {
    sessionId,
    sessionEpoch,
    usesTopicIds: call.version >= TOPIC_IDS_SINCE,
    privileged: Math.max(replicaId, replicaState.replicaId) >= 0,
    principal: principalText(call.principal),
    connection: call.connection,
    partitions,
    forgotten,
  }
}

/** One partition of the request. */
interface Part {
  readonly wanted: WantedPartition
  readonly partition: Partition | undefined
  readonly error: ErrorName | undefined
}

class DelayedFetch implements DelayedOperation {
  readonly partitions: readonly Partition[]
  readonly #request: Request
  readonly #context: FetchContext<WantedPartition>
  readonly #services: Services
  readonly #broker: Broker
  readonly #call: Call<Response>
  readonly #parts: Part[] = []
  /** Undefined: a consumer fetches. */
  readonly #replica: FetchingReplica | undefined

  constructor(request: Request, context: FetchContext<WantedPartition>, services: Services, call: Call<Response>) {
    this.#request = request
    this.#replica = fetchingReplica(request, call.version)
    this.#context = context
    const broker = brokerOf(services)
    this.#services = services
    this.#broker = broker
    this.#call = call
    for (const { topic: name, topicId: id, wanted } of context.partitions) {
      const topicId = call.version < TOPIC_IDS_SINCE ? undefined : id
      const found = findPartition(broker, { name, topicId }, wanted.partition)
      const unreadable = found instanceof Partition ? unreadableBy(call.version, found) : found
      this.#parts.push(
        unreadable === undefined
          ? { wanted, partition: found as Partition, error: undefined }
          : { wanted, partition: undefined, error: unreadable },
      )
    }
    this.partitions = this.#parts.flatMap(({ partition }) => partition ?? [])
    for (const { partition, wanted } of this.#parts) this.#count(partition, wanted)
  }

  get isOfFollower(): boolean {
    return this.#replica !== undefined
  }

  /** The leader hears how far its follower has come. */
  #count(partition: Partition | undefined, wanted: WantedPartition): void {
    const replica = this.#replica
    if (replica === undefined || partition === undefined || this.#obstacle(partition, wanted) !== undefined) return
    const { fetchOffset, logStartOffset, currentLeaderEpoch } = wanted
    // Without an epoch it may be about another.
    const answer = currentLeaderEpoch === partition.leaderEpoch ? this.#context.after : -1
    partition.fetchedBy(replica.id, fetchOffset, replica.brokerEpoch, logStartOffset, answer)
  }

  #obstacle(partition: Partition, wanted: WantedPartition): Obstacle | undefined {
    const replica = this.#replica
    return findObstacle(partition, wanted, {
      mayFollow: replica === undefined && this.#call.version >= READS_FROM_FOLLOWERS_SINCE,
      whyNot: () => replica && whyNotReplica(this.#broker, partition, replica, wanted),
      nearer: (offset) =>
        replica === undefined
          ? nearerReplica(this.#services, this.#call, partition, this.#request.rackId, offset)
          : undefined,
    })
  }

  /** What a follower that is not in sync is given of this partition has to wait. */
  #isHeldBack(partition: Partition): boolean {
    const replica = this.#replica
    return (
      replica !== undefined &&
      partition.leading?.isr.includes(replica.id) !== true &&
      this.#broker.throttle.holdsBack(partition)
    )
  }

  /** An answer without records would say that the consumer is at the end, of which the leader before may have told more (KIP-207). */
  #mayNotBeTheEnd(partition: Partition, { fetchOffset }: WantedPartition): boolean {
    const { isLeader, knowsHighWatermark, highWatermark } = partition
    return this.#replica === undefined && isLeader && !knowsHighWatermark && fetchOffset >= highWatermark
  }

  /** The end of what is given away. */
  #readableEnd({ log, highWatermark }: Partition): number {
    return this.#replica === undefined ? highWatermark : log.settledEndOffset
  }

  tryComplete(): boolean {
    if (!this.#isReady()) return false
    this.#read()
    return true
  }

  expire(): void {
    this.#read()
  }

  get #maxBytes(): number {
    return Math.min(this.#request.maxBytes, this.#broker.settings['fetch.max.bytes'])
  }

  /** Whether there is enough to answer, or something that must be said at once. */
  #isReady(): boolean {
    const minBytes = Math.min(this.#request.minBytes, this.#maxBytes)
    if (this.#parts.length === 0 || minBytes <= 0) return true
    let bytes = 0
    for (const [place, { wanted, partition, error }] of this.#parts.entries()) {
      if (partition === undefined || error !== undefined || this.#obstacle(partition, wanted) !== undefined) return true
      if (this.#replica !== undefined) {
        if (this.#isNews(partition, wanted, place)) return true
        const { goesOn, after } = this.#context
        if (goesOn && partition.wantsWordAfter(after)) return true
      }
      if (this.#isHeldBack(partition)) continue
      bytes += bytesThere(partition.log, wanted.fetchOffset, this.#readableEnd(partition), minBytes)
      if (bytes >= minBytes) return true
    }
    return false
  }

  /** Whether the follower knows another high watermark, as it was told in its session or, without one, as it says itself (KIP-1166). */
  #isNews({ log, highWatermark }: Partition, wanted: WantedPartition, place: number): boolean {
    const { highWatermark: known = highWatermark } = wanted
    return this.#context.isNews(place, { highWatermark, logStartOffset: log.startOffset }) ?? known < highWatermark
  }

  protected readPart(
    { wanted, partition, error: refused }: Part,
    bytesLeft: number,
    wholeFirstBatch: boolean,
    done: PartDone,
  ): void {
    const index = wanted.partition
    if (partition === undefined) return done(failed(index, ErrorCode[refused!]))
    const { log, highWatermark } = partition
    const offsets = { highWatermark, lastStableOffset: highWatermark, logStartOffset: log.startOffset }
    const obstacle = this.#obstacle(partition, wanted)
    if (obstacle !== undefined) {
      const { error: found = 'NONE', divergingEpoch, preferredReplica } = obstacle
      return done({
        ...failed(index, ErrorCode[found]),
        ...(partition.isLeader ? offsets : {}),
        ...(divergingEpoch === undefined ? {} : { divergingEpoch }),
        ...(preferredReplica === undefined ? {} : { preferredReadReplica: preferredReplica }),
      })
    }
    if (this.#isHeldBack(partition)) return done({ ...failed(index, ErrorCode.NONE), ...offsets })
    if (this.#mayNotBeTheEnd(partition, wanted)) {
      const isKnown = this.#call.version >= OFFSET_NOT_AVAILABLE_SINCE
      return done(failed(index, isKnown ? ErrorCode.OFFSET_NOT_AVAILABLE : ErrorCode.NOT_LEADER_OR_FOLLOWER))
    }
    const maxBytes = Math.min(wanted.partitionMaxBytes, bytesLeft)
    const upToOffset = this.#readableEnd(partition)
    const request = { offset: wanted.fetchOffset, upToOffset, maxBytes, wholeFirstBatch }
    log.read(request, (error, read) => {
      // It may be mended soon: the client comes again.
      if (error instanceof DamagedBatchError) partition.rotted(error.offset)
      if (read === undefined) return done(failed(index, ErrorCode.KAFKA_STORAGE_ERROR))
      const result = {
        partitionIndex: index,
        errorCode: ErrorCode.NONE,
        ...offsets,
        abortedTransactions: null,
        records: read.bytes,
      }
      done(result, read)
    })
  }

  /** Partition after partition, each with what the ones before have left. */
  #read(): void {
    const reservedBytes = this.#broker.fetchMemory.reserve(this.#maxBytes)
    let left = reservedBytes
    const results: PartitionResult[] = []
    const reads: LogRead[] = []
    let some = false
    oneByOne(
      this.#parts,
      (part, next) =>
        this.readPart(part, left, !some, (result, read) => {
          if (read !== undefined) {
            reads.push(read)
            left -= read.bytes.length
            if (read.bytes.length > 0) some = true
          }
          results.push(result)
          next()
        }),
      () => this.#answer(results, reads, reservedBytes),
    )
  }

  #answer(results: readonly PartitionResult[], reads: readonly LogRead[], reservedBytes: number): void {
    const { fetchMemory, traffic, throttle } = this.#broker
    const bytes = reads.reduce((sum, read) => sum + read.bytes.length, 0)
    fetchMemory.adjust(reservedBytes, bytes)
    for (const [index, { partition }] of this.#parts.entries()) {
      const read = results[index]!.records
      if (partition === undefined || read == null) continue
      if (this.#replica === undefined) traffic.fetched(partition.id.topic, read.length)
      else throttle.passed(partition, read.length)
    }
    const outcomes = results.map((result) => ({
      errorCode: result.errorCode,
      highWatermark: result.highWatermark,
      logStartOffset: result.logStartOffset ?? -1,
      recordsBytes: result.records?.length ?? 0,
      mustKnow: result.divergingEpoch !== undefined || result.preferredReadReplica !== undefined,
    }))
    const { error = 'NONE', sessionId, answered } = this.#context.finish(outcomes, this.#broker.clock.monotonicMs())
    const responses = byTopic(this.#context.partitions, results, answered)
    this.#call.reply({ errorCode: ErrorCode[error], sessionId, ...this.#withLeaders(responses) }, () => {
      for (const { release } of reads) release()
      fetchMemory.release(bytes)
    })
  }

  #withLeaders(responses: Response['responses']): Pick<Response, 'responses' | 'nodeEndpoints'> {
    const isRight = ({ errorCode }: PartitionResult): boolean => errorCode === ErrorCode.NONE
    if (this.#call.version < CURRENT_LEADERS_SINCE || responses.every(({ partitions }) => partitions.every(isRight))) {
      return { responses }
    }
    const leaders = new CurrentLeaders(this.#services, this.#call)
    const hinted = responses.map(({ topic: name, topicId, partitions }) => ({
      topic: name,
      topicId,
      partitions: partitions.map((each) => {
        const currentLeader = leaders.hint(each.errorCode, { name: name!, topicId }, each.partitionIndex)
        return currentLeader === undefined ? each : { ...each, currentLeader }
      }),
    }))
    return { responses: hinted, nodeEndpoints: leaders.endpoints }
  }
}

/** Neighbours of one topic stand together; a topic may come again. */
function byTopic(
  partitions: readonly FetchedPartition<WantedPartition>[],
  results: readonly PartitionResult[],
  answered: readonly number[],
): Response['responses'] {
  const topics: { readonly topic: string; readonly topicId: string; readonly partitions: PartitionResult[] }[] = []
  for (const index of answered) {
    const { topic, topicId } = partitions[index]!
    const last = topics.at(-1)
    if (last?.topic === topic && last.topicId === topicId) last.partitions.push(results[index]!)
    else topics.push({ topic, topicId, partitions: [results[index]!] })
  }
  return topics
}

/** A client of that version may not know zstd, where the topic says that it is what it would get (KIP-110). */
function unreadableBy(version: number, { settings }: Partition): ErrorName | undefined {
  return version < ZSTD_SINCE && settings['compression.type'] === 'zstd' ? 'UNSUPPORTED_COMPRESSION_TYPE' : undefined
}

type PartDone = (result: PartitionResult, read?: LogRead) => void

/** A client from before record batches: what is read becomes messages, a copy. */
class OldFetch extends DelayedFetch {
  readonly #magic: OldMagic
  #maxPlainBytes = MAX_CONVERTED_BYTES

  constructor(request: Request, context: FetchContext<WantedPartition>, services: Services, call: Call<Response>) {
    super(request, context, services, call)
    this.#magic = call.version >= MAGIC_1_SINCE ? 1 : 0
  }

  protected override readPart(part: Part, bytesLeft: number, wholeFirstBatch: boolean, done: PartDone): void {
    // Where what may be converted is used up, the others have their turn when the client asks again.
    const some = this.#maxPlainBytes > 0
    this.#readFrom(part.wanted.fetchOffset, part, some ? bytesLeft : 0, some && wholeFirstBatch, MAX_READS, done)
  }

  #readFrom(
    offset: number,
    part: Part,
    bytesLeft: number,
    wholeFirstBatch: boolean,
    readsLeft: number,
    done: PartDone,
  ): void {
    const { wanted } = part
    super.readPart(
      { ...part, wanted: { ...wanted, fetchOffset: offset } },
      bytesLeft,
      wholeFirstBatch,
      (result, read) => {
        if (read === undefined) return done(result)
        const converted = downConvert(read.bytes, {
          magic: this.#magic,
          fromOffset: offset,
          maxBytes: Math.min(wanted.partitionMaxBytes, bytesLeft),
          maxPlainBytes: this.#maxPlainBytes,
        })
        read.release()
        this.#maxPlainBytes -= converted.plainBytes
        const { bytes, nextOffset, error } = converted
        if (error !== undefined) return done({ ...result, errorCode: ErrorCode[error], records: NOTHING })
        if (bytes.length === 0 && nextOffset !== undefined && nextOffset > offset && readsLeft > 1) {
          // Control batches only: a client that hears nothing would ask for the same for ever.
          return this.#readFrom(nextOffset, part, bytesLeft, wholeFirstBatch, readsLeft - 1, done)
        }
        done({ ...result, records: bytes }, { bytes, release: () => {} })
      },
    )
  }
}

/** A log that cannot be looked at is read at once: the error belongs into the answer. */
function bytesThere(log: PartitionLog, fetchOffset: number, upToOffset: number, wantedBytes: number): number {
  try {
    return log.bytesBetween(fetchOffset, upToOffset, wantedBytes)
  } catch (error) {
    if (error instanceof DiskError) return wantedBytes
    throw error
  }
}

function failed(partitionIndex: number, errorCode: number): PartitionResult {
  return { partitionIndex, errorCode, highWatermark: -1, abortedTransactions: null, records: NOTHING }
}

const NOTHING = new Uint8Array(0)
