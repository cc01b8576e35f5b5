/**
 * LeaderFetcher: fetches from one other broker what that leads and this one follows: one connection, one request under way, in a fetch session
 * (KIP-227) of which this is the calling side. Each answer goes to its partition; who has had an error is left alone for a while, longer each time.
 *
 * What a partition was given is flushed before it asks on, and a request may be answered late. So the next one waits a moment for those that are about to
 * be flushed, and one that waits for records is given up, once, for a partition that has come anew.
 */
import type { NodeSettings } from '../config/node-settings.js'
import type { Clock, Timer } from '../io/clock.js'
import type { Logger } from '../io/logger.js'
import type { Address, Network } from '../io/network.js'
import { ErrorCode, errorByCode } from '../protocol/errors.js'
import { Fetch } from '../protocol/messages/fetch.js'
import type { Infer, InferInput, Message } from '../protocol/schema.js'
import type { FollowerFetch, LeaderAnswer } from '../replication/partition-follower.js'
import { ClientConnection } from '../rpc/client-connection.js'
import type { FetchMemory } from './fetch-memory.js'
import type { Following } from './following.js'
import type { Partition } from './partition.js'

export interface LeaderPlace {
  readonly address: Address
  readonly brokerEpoch: number
}

export interface LeaderFetcherOptions {
  readonly ports: { readonly clock: Clock; readonly network: Network; readonly logger: Logger }
  readonly nodeId: number
  readonly leaderId: number
  readonly settings: () => NodeSettings
  /** Of this broker's registration. */
  readonly brokerEpoch: () => number
  /** Where the leader is; undefined: not known. */
  readonly place: () => LeaderPlace | undefined
  /** Of what is on its way from all leaders. */
  readonly memory: FetchMemory
  /** Whether this partition has to wait, because too much was fetched for such ones. */
  readonly holdsBack: (partition: Partition) => boolean
  /** So much was fetched for it. */
  readonly passed: (partition: Partition, bytes: number) => void
}

type Request = InferInput<typeof Fetch.request>
type Topic = Request['topics'][number]
type PartitionAnswer = Infer<typeof Fetch.response>['responses'][number]['partitions'][number]

interface Followed {
  readonly partition: Partition
  readonly following: Following
  backoffMs: number
  notBeforeMs: number
}

/** What was asked for a partition, and on whose behalf. */
interface Asked {
  readonly followed: Followed
  readonly fetch: FollowerFetch
}

/** As Kafka's `replica.socket.timeout.ms`, on top of how long the leader may wait. */
const PATIENCE_MS = 30_000
/** From then on `replica.fetch.backoff.ms` is what an error costs; the first ones are often a matter of who hears of a new leader first. */
const FIRST_BACKOFF_MS = 20
/** So long a request waits for partitions that are being flushed, or whose start is being moved: it says how far they are. */
const FLUSH_WAIT_MS = 50
/** After so long it is looked at again whether a partition can ask that could not take anything: for want of room, say. */
const LOOK_AGAIN_MS = 500
/** A request that was answered by now would have had something to answer. */
const GIVE_UP_AFTER_MS = 20
const FIRST_SESSION_EPOCH = 0
const MAX_SESSION_EPOCH = 0x7fff_ffff
/** Without replica's epoch no leader takes it back into the ISR. */
const MIN_VERSION = 15

export class LeaderFetcher {
  readonly leaderId: number
  readonly #options: LeaderFetcherOptions
  readonly #followed = new Map<Partition, Followed>()
  #connection: ClientConnection | undefined
  #place: LeaderPlace | undefined
  #state: 'unconnected' | 'connecting' | 'ready' | 'asking' = 'unconnected'
  #sessionId = 0
  /** Of the next request. */
  #sessionEpoch = FIRST_SESSION_EPOCH
  /** What the leader's session holds, by `keyOf`. */
  #session = new Map<string, Asked>()
  #answeredMs = Number.NEGATIVE_INFINITY
  /** Nothing was given up since the last answer. */
  #mayGiveUp = false
  /** Set aside for the answer that is waited for. */
  #reservedBytes = 0
  #backoffMs = 0
  #notBeforeMs = 0
  #timer: Timer | undefined
  #timerDueMs = Number.POSITIVE_INFINITY
  #poked = false
  #stopped = false

  constructor(options: LeaderFetcherOptions) {
    this.#options = options
    this.leaderId = options.leaderId
  }

  /** Partitions that are followed. */
  get size(): number {
    return this.#followed.size
  }

  has(partition: Partition): boolean {
    return this.#followed.has(partition)
  }

  /** It follows this partition from now on, or can ask for it again. */
  follow(partition: Partition, following: Following): void {
    if (this.#followed.get(partition)?.following !== following) {
      this.#followed.set(partition, { partition, following, backoffMs: 0, notBeforeMs: 0 })
      if (this.#state === 'asking' && this.#mayGiveUp) this.#giveUpSoon()
    }
    this.#poke()
  }

  unfollow(partition: Partition): void {
    this.#followed.delete(partition)
    if (this.#followed.size === 0) this.#disconnect()
  }

  /** The leader may be another process now. */
  lookAgain(): void {
    const place = this.#options.place()
    const { address, brokerEpoch } = this.#place ?? {}
    if (this.#state === 'unconnected' || place === undefined) return
    const same = place.address.host === address?.host && place.address.port === address?.port
    if (same && place.brokerEpoch === brokerEpoch) return
    this.#disconnect()
    this.#backoffMs = 0
    this.#notBeforeMs = 0
    this.#poke()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#followed.clear()
    this.#disconnect()
  }

  get #nowMs(): number {
    return this.#options.ports.clock.monotonicMs()
  }

  #poke(): void {
    if (this.#poked || this.#stopped) return
    this.#poked = true
    this.#options.ports.clock.defer(() => {
      this.#poked = false
      if (!this.#stopped) this.#work()
    })
  }

  #pokeAt(dueMs: number): void {
    if (dueMs >= this.#timerDueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#options.ports.clock.timer(dueMs - this.#nowMs, () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY
      this.#poke()
    })
  }

  #work(): void {
    if (this.#followed.size === 0 || this.#state === 'connecting' || this.#state === 'asking') return
    const nowMs = this.#nowMs
    if (nowMs < this.#notBeforeMs) return this.#pokeAt(this.#notBeforeMs)
    if (this.#state === 'unconnected') return this.#connect()
    const asked: Asked[] = []
    let persisting = false
    for (const followed of this.#followed.values()) {
      if (nowMs < followed.notBeforeMs) {
        this.#pokeAt(followed.notBeforeMs)
        continue
      }
      if (this.#options.holdsBack(followed.partition)) {
        this.#pokeAt(nowMs + LOOK_AGAIN_MS)
        continue
      }
      const fetch = followed.following.next()
      if (fetch !== undefined) asked.push({ followed, fetch })
      if (followed.following.movingStart) persisting = true
      else if (fetch !== undefined) continue
      else if (followed.following.persisting) persisting = true
      else this.#pokeAt(nowMs + LOOK_AGAIN_MS)
    }
    const flushedByMs = this.#answeredMs + FLUSH_WAIT_MS
    if (persisting && nowMs < flushedByMs) return this.#pokeAt(flushedByMs)
    if (asked.length > 0) this.#ask(asked, persisting)
  }

  #connect(): void {
    const place = this.#options.place()
    if (place === undefined) return this.#backOff('its address is not known')
    const { ports, nodeId, leaderId, settings } = this.#options
    this.#state = 'connecting'
    this.#place = place
    const connection = new ClientConnection({
      clock: ports.clock,
      network: ports.network,
      address: place.address,
      clientId: `broker-${nodeId}-follows-${leaderId}`,
      requestTimeoutMs: settings()['replica.fetch.wait.max.ms'] + PATIENCE_MS,
      closed: (error) => {
        if (this.#connection !== connection) return
        this.#forget()
        this.#backOff(error.message)
      },
    })
    this.#connection = connection
    connection.negotiate((error) => {
      if (error !== undefined || this.#connection !== connection) return
      const version = connection.versionOf(Fetch as unknown as Message)
      if (version === undefined || version < MIN_VERSION) return connection.close()
      this.#state = 'ready'
      this.#poke()
    })
  }

  /** Lets go of the connection; the session of the leader ends with the first request on the next one. */
  #disconnect(): void {
    const connection = this.#connection
    this.#forget()
    connection?.close()
  }

  #forget(): void {
    this.#connection = undefined
    this.#state = 'unconnected'
    this.#giveBack()
    this.#beginAnew()
  }

  #giveBack(): void {
    this.#options.memory.release(this.#reservedBytes)
    this.#reservedBytes = 0
  }

  #beginAnew(): void {
    this.#sessionEpoch = FIRST_SESSION_EPOCH
    this.#session = new Map()
  }

  #backOff(reason: string): void {
    if (this.#stopped || this.#followed.size === 0) return
    const longestMs = this.#options.settings()['replica.fetch.backoff.ms']
    this.#backoffMs = Math.min(longestMs, Math.max(FIRST_BACKOFF_MS, 2 * this.#backoffMs))
    this.#notBeforeMs = this.#nowMs + this.#backoffMs
    const { leaderId, ports } = this.#options
    ports.logger.debug({ leaderId, reason, backoffMs: this.#backoffMs }, 'a leader cannot be fetched from')
    this.#poke()
  }

  /** A request under way that waits for records is not waited for. */
  #giveUpSoon(): void {
    const connection = this.#connection
    this.#mayGiveUp = false
    this.#options.ports.clock.timer(GIVE_UP_AFTER_MS, () => {
      if (this.#stopped || this.#connection !== connection || this.#state !== 'asking' || this.#mayGiveUp) return
      this.#disconnect()
      this.#poke()
    })
  }

  #ask(asked: readonly Asked[], persisting: boolean): void {
    const { settings, nodeId, brokerEpoch, memory } = this.#options
    const {
      'replica.fetch.wait.max.ms': maxWaitMs,
      'replica.fetch.min.bytes': minBytes,
      'replica.fetch.response.max.bytes': maxBytes,
      'replica.fetch.max.bytes': partitionMaxBytes,
    } = settings()
    const wanted = new Map(asked.map((each) => [keyOf(each.followed.partition), each]))
    const changed = asked.filter((each) => !isSame(this.#session.get(keyOf(each.followed.partition)), each))
    this.#reservedBytes = memory.reserve(maxBytes)
    const forgotten = [...this.#session].filter(([key]) => !wanted.has(key))
    const request: Request = {
      replicaState: { replicaId: nodeId, replicaEpoch: brokerEpoch() },
      maxWaitMs: persisting ? Math.min(maxWaitMs, FLUSH_WAIT_MS) : maxWaitMs,
      minBytes,
      maxBytes: this.#reservedBytes,
      sessionId: this.#sessionId,
      sessionEpoch: this.#sessionEpoch,
      topics: byTopic(changed, partitionMaxBytes),
      forgottenTopicsData: forgotten.map(([, { followed }]) => {
        const { topicId, partition } = followed.partition.id
        return { topicId, partitions: [partition] }
      }),
    }
    this.#session = wanted
    this.#state = 'asking'
    const connection = this.#connection!
    connection.call(Fetch, request, (_, response) => {
      // What has gone wrong with the connection is said when it is closed.
      if (response === undefined || this.#connection !== connection || this.#stopped) return
      this.#state = 'ready'
      this.#giveBack()
      this.#answeredMs = this.#nowMs
      this.#mayGiveUp = true
      this.#take(response)
      this.#poke()
    })
  }

  #take({ errorCode, sessionId, responses }: Infer<typeof Fetch.response>): void {
    if (errorCode !== ErrorCode.NONE) {
      const { name } = errorByCode(errorCode)
      if (name === 'FETCH_SESSION_ID_NOT_FOUND') this.#sessionId = 0
      const wasFirst = this.#sessionEpoch === FIRST_SESSION_EPOCH
      this.#beginAnew()
      // A session may have had to go; a leader that refuses the first request of one is left alone.
      if (wasFirst) this.#backOff(name)
      return
    }
    this.#backoffMs = 0
    const asked = this.#session
    this.#sessionId = sessionId
    if (sessionId === 0) this.#beginAnew()
    else this.#sessionEpoch = this.#sessionEpoch === MAX_SESSION_EPOCH ? 1 : this.#sessionEpoch + 1
    for (const { topicId, partitions } of responses) {
      for (const answer of partitions) {
        const each = asked.get(`${topicId}/${answer.partitionIndex}`)
        if (each !== undefined) this.#give(each, answer)
      }
    }
  }

  #give({ followed, fetch }: Asked, part: PartitionAnswer): void {
    const { partition, following } = followed
    this.#options.passed(partition, part.records?.length ?? 0)
    // Others lead it now, or it is gone.
    if (this.#followed.get(partition) !== followed || partition.following !== following) return
    const taken = following.take(fetch, answerOf(part), part.records)
    if (taken === 'taken') {
      followed.backoffMs = 0
      return
    }
    // The next request names it again, from where it is now.
    if (taken === 'ignored') return
    const longestMs = this.#options.settings()['replica.fetch.backoff.ms']
    followed.backoffMs = Math.min(longestMs, Math.max(FIRST_BACKOFF_MS, 2 * followed.backoffMs))
    followed.notBeforeMs = this.#nowMs + followed.backoffMs
    const { name: error } = errorByCode(part.errorCode)
    this.#options.ports.logger.debug({ ...partition.id, leaderId: this.leaderId, error }, 'a fetch is tried again')
  }
}

function answerOf({ errorCode, highWatermark, logStartOffset, divergingEpoch }: PartitionAnswer): LeaderAnswer {
  const isOutOfRange = errorCode === ErrorCode.OFFSET_OUT_OF_RANGE
  return {
    error: errorCode === ErrorCode.NONE ? 'none' : isOutOfRange ? 'out of range' : 'other',
    highWatermark,
    logStartOffset,
    divergingEpoch: divergingEpoch.epoch < 0 ? undefined : divergingEpoch,
  }
}

function keyOf({ id }: Partition): string {
  return `${id.topicId}/${id.partition}`
}

/** Whether the leader's session asks for the same already. */
function isSame(held: Asked | undefined, { followed, fetch }: Asked): boolean {
  return (
    held?.followed === followed &&
    held.fetch.fetchOffset === fetch.fetchOffset &&
    held.fetch.lastFetchedEpoch === fetch.lastFetchedEpoch &&
    held.fetch.logStartOffset === fetch.logStartOffset
  )
}

function byTopic(asked: readonly Asked[], partitionMaxBytes: number): Topic[] {
  const topics = new Map<string, Topic['partitions'][number][]>()
  for (const { followed, fetch } of asked) {
    const { topicId, partition } = followed.partition.id
    const { leaderEpoch: currentLeaderEpoch, fetchOffset, lastFetchedEpoch, logStartOffset } = fetch
    const { highWatermark } = followed.following.core
    const offsets = { fetchOffset, lastFetchedEpoch, logStartOffset, highWatermark }
    const partitions = topics.get(topicId) ?? []
    topics.set(topicId, partitions)
    partitions.push({ partition, currentLeaderEpoch, ...offsets, partitionMaxBytes })
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}
