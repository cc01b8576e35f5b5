/**
 * ListOffsets: the ends of a partition, and the first offset at or behind a time.
 *
 * Version 0 asks for up to so many offsets before a time, the newest first. It gets the end of what is before that time and where segments begin.
 *
 * The end is told when what stood in the log as the request came is committed, or after a moment without: who was acknowledged with acks=1, which is in front of
 * that, and asks for the end then expects to find its record in front of it.
 *
 * It is told by nobody in whose place another led as the request came, and has acknowledged more (`leadership-check.ts`). Kafka's leader tells what it knows, also where it was cut off
 * and deposed.
 *
 * Left out: tiered storage: the earliest local offset is the earliest, and nothing is tiered or pending.
 */

import { oneByOne } from '../../../base/one-by-one.js'
import { DiskError } from '../../../io/disk.js'
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { ListOffsets } from '../../../protocol/messages/list-offsets.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { Broker } from '../../broker.js'
import type { Partition } from '../../partition.js'
import { type Call, handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { LeadershipCheck } from '../leadership-check.js'
import { LoopBudget } from '../loop-budget.js'
import { brokerOf, type Services } from '../services.js'
import { findPartition } from './find-partition.js'
import { type Found, findByTime, NOTHING_FOUND } from './time-lookup.js'

type Request = Infer<typeof ListOffsets.request>
type Response = InferInput<typeof ListOffsets.response>
type WantedPartition = Request['topics'][number]['partitions'][number]
type PartitionResult = Response['topics'][number]['partitions'][number]

const LATEST = -1
const EARLIEST = -2
const LARGEST_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
/** From which version on a client may mean these times. */
const SPECIAL_SINCE: ReadonlyMap<number, number> = new Map([
  [LATEST, 0],
  [EARLIEST, 0],
  [LARGEST_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])
const ONE_OFFSET_SINCE = 1
const LEADER_EPOCH_SINCE = 4
const NOT_AVAILABLE_SINCE = 5

export const listOffsets = handler<Services, typeof ListOffsets.request.fields, typeof ListOffsets.response.fields>(
  ListOffsets,
  {
    versions: [0, 11],
    servedBy: 'partition leader',
    listeners: ['broker'],
    authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'DESCRIBE', resource: topic(name) })),
    refuse: ({ topics }, errorCode) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => failed(partitionIndex, errorCode)),
      })),
    }),
    handle: ({ topics }, services, call) => new OffsetLookup(brokerOf(services), topics, call).run(),
  },
)

interface Wanted {
  readonly topic: string
  readonly place: WantedPartition
}

/** One request: partition after partition, now or, where much has to be opened, later; meanwhile the connection waits. */
class OffsetLookup {
  readonly #broker: Broker
  readonly #topics: Request['topics']
  readonly #call: Call<Response>
  readonly #budget = new LoopBudget()
  readonly #leadership: LeadershipCheck
  readonly #results: PartitionResult[] = []
  /** Partitions that the request names more than once. */
  readonly #repeated: ReadonlySet<string>
  #resume: (() => void) | undefined

  constructor(broker: Broker, topics: Request['topics'], call: Call<Response>) {
    this.#broker = broker
    this.#topics = topics
    this.#call = call
    this.#leadership = new LeadershipCheck(broker, call)
    this.#repeated = call.version < ONE_OFFSET_SINCE ? new Set() : repeatedIn(topics)
  }

  run(): void {
    const wanted = this.#topics.flatMap(({ name: topic, partitions }) => partitions.map((place) => ({ topic, place })))
    this.#leadership.begin(
      wanted.flatMap(({ topic: name, place: { partitionIndex, timestamp } }) => {
        const found = findPartition(this.#broker, { name, topicId: undefined }, partitionIndex)
        const mayBeEnd = timestamp === LATEST || (timestamp >= 0 && this.#call.version < ONE_OFFSET_SINCE)
        return mayBeEnd && typeof found !== 'string' ? [found] : []
      }),
    )
    oneByOne(
      wanted,
      (each, next) =>
        this.#find(each, (result) => {
          this.#results.push(result)
          next()
        }),
      () => this.#answer(),
    )
  }

  #answer(): void {
    let at = 0
    this.#call.reply({
      topics: this.#topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(() => this.#results[at++]!),
      })),
    })
    this.#resume?.()
  }

  #find({ topic: name, place }: Wanted, done: (result: PartitionResult) => void): void {
    const { version } = this.#call
    const { partitionIndex, currentLeaderEpoch, timestamp } = place
    const refuse = (error: ErrorName): void => done(failed(partitionIndex, ErrorCode[error]))
    if (this.#repeated.has(placeOf(name, partitionIndex))) return refuse('INVALID_REQUEST')
    const partition = (): Partition | ErrorName => {
      const found = findPartition(this.#broker, { name, topicId: undefined }, partitionIndex)
      return typeof found === 'string' ? found : (found.checkEpoch(currentLeaderEpoch) ?? found)
    }
    const found = partition()
    if (typeof found === 'string') return refuse(found)
    if (timestamp < 0 && version < (SPECIAL_SINCE.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
      return refuse('UNSUPPORTED_VERSION')
    }
    this.#lookUp(found, partition, timestamp, (error, { offset, timestamp: time }) => {
      if (error !== undefined) return refuse(error)
      const result = { partitionIndex, errorCode: ErrorCode.NONE }
      if (version < ONE_OFFSET_SINCE) return done({ ...result, oldStyleOffsets: offsetsBefore(found, place, offset) })
      if (version < LEADER_EPOCH_SINCE || offset === -1) return done({ ...result, offset, timestamp: time })
      const leaderEpoch = found.log.state.epochs.epochOf(offset) ?? found.leaderEpoch
      done({ ...result, offset, timestamp: time, leaderEpoch })
    })
  }

  #lookUp(
    found: Partition,
    partition: () => Partition | ErrorName,
    timestamp: number,
    done: (error: ErrorName | undefined, found: Found) => void,
  ): void {
    const { log } = found
    const { version } = this.#call
    const endOffset = log.settledEndOffset
    switch (timestamp) {
      case LATEST:
        return this.#leadership.when(
          found,
          () => isCommitted(found, endOffset),
          (isKnown) => {
            const still = partition()
            if (typeof still === 'string') done(still, NOTHING_FOUND)
            else if (isKnown && still.knowsHighWatermark)
              done(undefined, { offset: still.highWatermark, timestamp: -1 })
            // The leader before, or the one after, may have told of a later one (KIP-207).
            else done(version < NOT_AVAILABLE_SINCE ? 'LEADER_NOT_AVAILABLE' : 'OFFSET_NOT_AVAILABLE', NOTHING_FOUND)
          },
        )
      case EARLIEST:
      case EARLIEST_LOCAL:
        return done(undefined, { offset: log.startOffset, timestamp: -1 })
      case LATEST_TIERED:
      case EARLIEST_PENDING_UPLOAD:
        return done(undefined, NOTHING_FOUND)
    }
    let time = timestamp
    if (timestamp === LARGEST_TIMESTAMP) {
      try {
        time = log.maxTimestamp
      } catch (error) {
        if (error instanceof DiskError) return done('KAFKA_STORAGE_ERROR', NOTHING_FOUND)
        throw error
      }
      if (time === -1) return done(undefined, NOTHING_FOUND)
    }
    const { compute } = this.#broker
    const lookup = {
      compute,
      budget: this.#budget,
      partition,
      leavesLoop: () => this.#hold(),
      abandoned: () => this.#leadership.isGone,
    }
    findByTime(lookup, time, (error, first) => {
      // To version 0 nothing as new as that says that all of it is before, up to the end.
      const isEnd = error === undefined && first.offset === -1 && version < ONE_OFFSET_SINCE
      if (isEnd) this.#lookUp(found, partition, LATEST, done)
      else done(error, first)
    })
  }

  #hold(): void {
    if (this.#resume !== undefined) return
    this.#resume = this.#call.hold()
  }
}

/** As long as that is not known it is not waited for. */
function isCommitted({ knowsHighWatermark, highWatermark }: Partition, endOffset: number): boolean {
  return !knowsHighWatermark || highWatermark >= endOffset
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

function repeatedIn(topics: Request['topics']): Set<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name, partitions } of topics) {
    for (const { partitionIndex } of partitions) {
      const place = placeOf(name, partitionIndex)
      if (seen.has(place)) repeated.add(place)
      seen.add(place)
    }
  }
  return repeated
}

/** What version 0 wants: descending. `end` is the offset of the time that was asked for. */
function offsetsBefore(partition: Partition, { timestamp, maxNumOffsets }: WantedPartition, end: number): number[] {
  const { startOffset } = partition.log
  const starts = partition.log.segments
    .map(({ baseOffset }) => baseOffset)
    .map((start) => Math.max(start, startOffset))
    .filter((start, at, all) => start < end && start !== all[at + 1])
    .reverse()
  const offsets = end > startOffset ? [end, ...starts] : timestamp < 0 ? [startOffset] : []
  return offsets.slice(0, Math.max(maxNumOffsets, 0))
}

function failed(partitionIndex: number, errorCode: number): PartitionResult {
  return { partitionIndex, errorCode, oldStyleOffsets: [] }
}
