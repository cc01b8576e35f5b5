/**
 * Fetch sessions (KIP-227): what a client fetches is remembered here, so that it names only what changes, and is answered only what has. The rules
 * are those of Kafka's FetchManager: a session begins with a full fetch (epoch 0), each further one bears the next epoch, and one that does not is
 * refused; a client that is refused begins anew.
 *
 * There are at most so many sessions. When all are taken, one that was not used for a while goes; else one of less value that had its time: replicas
 * before consumers, more partitions before fewer. Who gets none is answered in full each time.
 *
 * Further than Kafka: the partitions of all sessions and the sessions of one connection are bounded too, and a session belongs to a principal.
 */
import { assert } from '../base/assert.js'

/** Epochs of a full fetch: one that may begin a session, and one that wants none. */
export const INITIAL_SESSION_EPOCH = 0
export const FINAL_SESSION_EPOCH = -1
/** Kafka's `min.incremental.fetch.session.eviction.ms`, which is no setting there either. */
export const MIN_EVICTION_MS = 120_000
/** Partitions of all sessions together; each takes some 200 bytes. */
export const MAX_SESSION_PARTITIONS = 500_000
/** A client has one. */
export const MAX_SESSIONS_OF_CONNECTION = 16

const NO_SESSION = 0
const MAX_EPOCH = 0x7fff_ffff
const UNKNOWN_OFFSET = -1
const NO_ANSWER = -1

/** A partition as requests name it: the topic by its name, or by its id in versions that do so; the other is empty then. */
export interface PartitionName {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/** What is fetched of a partition. */
export interface FetchedPartition<Wanted> extends PartitionName {
  readonly wanted: Wanted
}

export interface SessionRequest<Wanted> {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  /** A replica's, not a consumer's: worth more. */
  readonly privileged: boolean
  readonly principal: string
  /** The same object for all requests of a connection. */
  readonly connection: object
  readonly partitions: readonly FetchedPartition<Wanted>[]
  readonly forgotten: readonly PartitionName[]
}

/** What was found for a partition, as far as it decides whether the client is told. */
export interface PartitionOutcome {
  readonly errorCode: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly recordsBytes: number
  /** The client's log parts from this one, or it should read elsewhere. */
  readonly mustKnow: boolean
}

export type SessionError = 'FETCH_SESSION_ID_NOT_FOUND' | 'INVALID_FETCH_SESSION_EPOCH' | 'FETCH_SESSION_TOPIC_ID_ERROR'

export interface SessionAnswer {
  readonly error: SessionError | undefined
  /** 0: none. */
  readonly sessionId: number
  /** Which of the context's partitions are answered, by their places. */
  readonly answered: readonly number[]
}

/** One fetch. */
export interface FetchContext<Wanted> {
  /** What is to be fetched, in this order. */
  readonly partitions: readonly FetchedPartition<Wanted>[]
  /** The answer after which it was asked, as `FetchSessions.answers` counts them; -1: nobody knows. */
  readonly after: number
  /** Whether the client can go on after the answer to this one, as far as it is known now. */
  readonly goesOn: boolean
  /** Whether the client was told other offsets of the partition in this place last; undefined without a session: nobody knows. */
  isNews(
    place: number,
    offsets: { readonly highWatermark: number; readonly logStartOffset: number },
  ): boolean | undefined
  /** To be asked once, with an outcome for each of the partitions. */
  finish(outcomes: readonly PartitionOutcome[], nowMs: number): SessionAnswer
}

interface CachedPartition<Wanted> extends PartitionName {
  readonly key: string
  wanted: Wanted
  /** As the client was told last. */
  highWatermark: number
  logStartOffset: number
}

interface Session<Wanted> {
  readonly id: number
  readonly usesTopicIds: boolean
  readonly privileged: boolean
  readonly principal: string
  readonly creationMs: number
  readonly partitions: Map<string, CachedPartition<Wanted>>
  connection: object
  /** What the next fetch must bear. */
  epoch: number
  /** The number of the latest answer. */
  answer: number
  lastUsedMs: number
  /** It had its time when it was last used. */
  hadItsTime: boolean
  /** As counted in the sum. */
  countedPartitions: number
}

export interface FetchSessionOptions {
  /** `max.incremental.fetch.session.cache.slots`; 0: none. */
  readonly maxSessions: number
  /** A random whole number in [0, 2^31). */
  readonly randomId: () => number
  readonly maxPartitions?: number
}

export class FetchSessions<Wanted> {
  readonly #maxSessions: number
  readonly #maxPartitions: number
  readonly #randomId: () => number
  /** The one that was not used for longest first. */
  readonly #sessions = new Map<number, Session<Wanted>>()
  #partitions = 0
  #answers = 0
  #evictions = 0
  #incrementalFetches = 0

  constructor({ maxSessions, randomId, maxPartitions = MAX_SESSION_PARTITIONS }: FetchSessionOptions) {
    this.#maxSessions = maxSessions
    this.#maxPartitions = maxPartitions
    this.#randomId = randomId
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Of all sessions. */
  get partitions(): number {
    return this.#partitions
  }

  /** Answers that were given in sessions, since the start. Whoever goes on with one has got the answer before: its fetch came later than everything that was counted then. */
  get answers(): number {
    return this.#answers
  }

  /** Sessions that had to go for others, since the start. */
  get evictions(): number {
    return this.#evictions
  }

  /** Fetches that went on with a session, since the start. */
  get incrementalFetches(): number {
    return this.#incrementalFetches
  }

  /** Takes a fetch; `nowMs` is monotonic. */
  begin(request: SessionRequest<Wanted>, nowMs: number): FetchContext<Wanted> | SessionError {
    const { sessionId, sessionEpoch, principal, usesTopicIds, partitions } = request
    const known = this.#sessions.get(sessionId)
    const session = known?.principal === principal ? known : undefined
    if (sessionEpoch === INITIAL_SESSION_EPOCH || sessionEpoch === FINAL_SESSION_EPOCH) {
      // It is the end of the one that there was.
      if (session !== undefined) this.#remove(session)
      return sessionEpoch === FINAL_SESSION_EPOCH ? withoutSession(partitions) : this.#full(request)
    }
    if (session === undefined) return 'FETCH_SESSION_ID_NOT_FOUND'
    if (session.epoch !== sessionEpoch) return 'INVALID_FETCH_SESSION_EPOCH'
    if (session.usesTopicIds !== usesTopicIds) return 'FETCH_SESSION_TOPIC_ID_ERROR'
    update(session.partitions, request)
    session.connection = request.connection
    if (session.partitions.size === 0) {
      this.#remove(session)
      return withoutSession([])
    }
    if (this.#partitions - session.countedPartitions + session.partitions.size > this.#maxPartitions) {
      this.#remove(session)
      return 'FETCH_SESSION_ID_NOT_FOUND'
    }
    this.#touch(session, nowMs)
    session.epoch = nextEpoch(sessionEpoch)
    this.#incrementalFetches++
    return this.#incremental(session, session.epoch)
  }

  #full(request: SessionRequest<Wanted>): FetchContext<Wanted> {
    const { partitions } = request
    const hasRoom = this.#sessions.size < this.#maxSessions
    return {
      partitions,
      after: NO_ANSWER,
      goesOn: hasRoom && this.#partitions + partitions.length <= this.#maxPartitions,
      isNews: () => undefined,
      finish: (outcomes, nowMs) => {
        const answered = [...partitions.keys()]
        if (partitions.length === 0 || !this.#makeRoom(request, nowMs)) {
          return { error: undefined, sessionId: NO_SESSION, answered }
        }
        const cached = new Map<string, CachedPartition<Wanted>>()
        for (const [index, partition] of partitions.entries()) {
          const outcome = outcomes[index]!
          const key = keyOf(partition)
          const { logStartOffset } = outcome
          cached.set(key, { ...partition, key, highWatermark: toldIn(outcome), logStartOffset })
        }
        const session: Session<Wanted> = {
          id: this.#newId(),
          usesTopicIds: request.usesTopicIds,
          privileged: request.privileged,
          principal: request.principal,
          connection: request.connection,
          creationMs: nowMs,
          partitions: cached,
          epoch: nextEpoch(INITIAL_SESSION_EPOCH),
          answer: ++this.#answers,
          lastUsedMs: nowMs,
          hadItsTime: false,
          countedPartitions: 0,
        }
        this.#touch(session, nowMs)
        return { error: undefined, sessionId: session.id, answered }
      },
    }
  }

  #incremental(session: Session<Wanted>, epoch: number): FetchContext<Wanted> {
    const partitions = [...session.partitions.values()]
    return {
      partitions,
      after: session.answer,
      goesOn: true,
      isNews: (place, { highWatermark, logStartOffset }) =>
        partitions[place]!.highWatermark !== highWatermark || partitions[place]!.logStartOffset !== logStartOffset,
      finish: (outcomes) => {
        assert(outcomes.length === partitions.length, 'an outcome for each partition')
        // Another fetch of the session came meanwhile.
        if (session.epoch !== epoch) {
          return { error: 'INVALID_FETCH_SESSION_EPOCH', sessionId: session.id, answered: [] }
        }
        session.answer = ++this.#answers
        const answered: number[] = []
        for (const [index, partition] of partitions.entries()) {
          const outcome = outcomes[index]!
          if (!mustTell(partition, outcome)) continue
          answered.push(index)
          if (outcome.recordsBytes === 0) continue
          // Who was given something goes behind the others, so that all get their turn.
          session.partitions.delete(partition.key)
          session.partitions.set(partition.key, partition)
        }
        return { error: undefined, sessionId: session.id, answered }
      },
    }
  }

  #newId(): number {
    for (;;) {
      const id = this.#randomId()
      if (id > NO_SESSION && !this.#sessions.has(id)) return id
    }
  }

  #touch(session: Session<Wanted>, nowMs: number): void {
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
    session.lastUsedMs = nowMs
    session.hadItsTime = nowMs - session.creationMs > MIN_EVICTION_MS
    this.#partitions += session.partitions.size - session.countedPartitions
    session.countedPartitions = session.partitions.size
  }

  #remove(session: Session<Wanted>): void {
    if (this.#sessions.get(session.id) !== session) return
    this.#sessions.delete(session.id)
    this.#partitions -= session.countedPartitions
  }

  /** Whether there is room for a session, if need be in the place of another. */
  #makeRoom({ partitions, privileged, connection }: SessionRequest<Wanted>, nowMs: number): boolean {
    if (this.#maxSessions <= 0 || partitions.length > this.#maxPartitions) return false
    const ofConnection = [...this.#sessions.values()].filter((session) => session.connection === connection)
    if (ofConnection.length >= MAX_SESSIONS_OF_CONNECTION) this.#evict(ofConnection[0]!)
    while (this.#sessions.size >= this.#maxSessions || this.#partitions + partitions.length > this.#maxPartitions) {
      const session = this.#evictable(privileged, partitions.length, nowMs)
      if (session === undefined) return false
      this.#evict(session)
    }
    return true
  }

  #evictable(privileged: boolean, size: number, nowMs: number): Session<Wanted> | undefined {
    const [eldest] = this.#sessions.values()
    if (eldest !== undefined && nowMs - eldest.lastUsedMs > MIN_EVICTION_MS) return eldest
    let least: Session<Wanted> | undefined
    for (const session of this.#sessions.values()) {
      if (!session.hadItsTime && !(privileged && !session.privileged)) continue
      if (least === undefined || isWorthLess(session, least)) least = session
    }
    if (least === undefined) return undefined
    const { privileged: itsPrivilege, countedPartitions } = least
    return itsPrivilege === privileged ? (countedPartitions < size ? least : undefined) : privileged ? least : undefined
  }

  #evict(session: Session<Wanted>): void {
    this.#remove(session)
    this.#evictions++
  }
}

function isWorthLess<Wanted>(a: Session<Wanted>, b: Session<Wanted>): boolean {
  if (a.privileged !== b.privileged) return b.privileged
  if (a.countedPartitions !== b.countedPartitions) return a.countedPartitions < b.countedPartitions
  return a.id < b.id
}

function withoutSession<Wanted>(partitions: readonly FetchedPartition<Wanted>[]): FetchContext<Wanted> {
  return {
    partitions,
    after: NO_ANSWER,
    goesOn: false,
    isNews: () => undefined,
    finish: () => ({ error: undefined, sessionId: NO_SESSION, answered: [...partitions.keys()] }),
  }
}

/** Takes up what the client fetches otherwise, further, and no longer. */
function update<Wanted>(
  cached: Map<string, CachedPartition<Wanted>>,
  { partitions, forgotten }: SessionRequest<Wanted>,
): void {
  for (const partition of partitions) {
    const key = keyOf(partition)
    const known = cached.get(key)
    if (known !== undefined) known.wanted = partition.wanted
    else cached.set(key, { ...partition, key, highWatermark: UNKNOWN_OFFSET, logStartOffset: UNKNOWN_OFFSET })
  }
  for (const partition of forgotten) cached.delete(keyOf(partition))
}

/** Whether the client has to be told; takes note of what it is told then. */
function mustTell<Wanted>(partition: CachedPartition<Wanted>, outcome: PartitionOutcome): boolean {
  const { errorCode, highWatermark, logStartOffset, recordsBytes, mustKnow } = outcome
  const hasMoved = partition.highWatermark !== highWatermark || partition.logStartOffset !== logStartOffset
  partition.highWatermark = toldIn(outcome)
  partition.logStartOffset = logStartOffset
  return hasMoved || recordsBytes > 0 || errorCode !== 0 || mustKnow
}

/** What the client makes of it: with an error, or when its log parts from this one, nothing, and it is told again. */
function toldIn({ errorCode, highWatermark, mustKnow }: PartitionOutcome): number {
  return errorCode === 0 && !mustKnow ? highWatermark : UNKNOWN_OFFSET
}

/** After the last comes 1: 0 would begin a session. */
function nextEpoch(epoch: number): number {
  return epoch === MAX_EPOCH ? 1 : epoch + 1
}

/** A topic's name has no slash. */
function keyOf({ topic, topicId, partition }: PartitionName): string {
  return `${topic}/${topicId}/${partition}`
}
