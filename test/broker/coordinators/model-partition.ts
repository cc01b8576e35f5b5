/**
 * A partition in memory for the coordinator runtime: the test says what is committed, what is refused, what is lost and who leads. And a small shard to keep
 * in it: it counts, and remembers by name what was added.
 */

import { EncodeError } from '../../../src/base/bytes/writer.js'
import { CoordinatorRuntime } from '../../../src/broker/coordinators/coordinator-runtime.js'
import type { ShardKind, ShardPartition } from '../../../src/broker/coordinators/shard-host.js'
import type { Appended, Outcome, Refused } from '../../../src/broker/partition-terms.js'
import { nodeConfig } from '../../../src/config/node-config.js'
import { resolveTopicSettings, type TopicSettings } from '../../../src/config/topic-settings.js'
import type { Now, RecordPlace, Shard, ShardDecision, Ticket } from '../../../src/coordinator/shard.js'
import { DiskError } from '../../../src/io/disk.js'
import type { MetadataImage } from '../../../src/metadata/image.js'
import { EMPTY_IMAGE } from '../../../src/metadata/image.js'
import type { ErrorName } from '../../../src/protocol/errors.js'
import type { BatchView } from '../../../src/records/batch.js'
import type { CodecName } from '../../../src/records/compression/codec.js'
import { BatchIterator } from '../../../src/records/reader.js'
import type { ReadDone, ReadRequest } from '../../../src/storage/log-reader.js'
import { FakeClock } from '../../fake-clock.js'
import { MemoryLogger } from '../../node-ports.js'

export const TOPIC = '__counts'

export class ModelPartition implements ShardPartition {
  readonly id
  readonly settings: TopicSettings
  isLeader = true
  leaderEpoch = 1
  highWatermark = 0
  /** What the next appends are refused with. */
  refuses: ErrorName | undefined
  /** Appended and not read back yet: `write` does it. */
  readonly batches: Uint8Array[] = []
  failed = false
  closed = false
  startOffset = 0
  nextOffset = 0
  logEndOffset = 0
  /** Reads wait until it is called. */
  heldReads: (() => void)[] | undefined
  readError: DiskError | undefined
  reads = 0
  released = 0
  rottedAt: number | undefined
  #failures = 0

  constructor(topic = TOPIC, partition = 0, settings: Readonly<Record<string, string>> = {}) {
    this.id = { topic, topicId: 'model', partition }
    this.settings = resolveTopicSettings(nodeConfig({}).settings, new Map(Object.entries(settings)))
  }

  get log(): ShardPartition['log'] {
    return this
  }

  /** It always leads. */
  readonly leading = { ledAt: () => 'yes' } as unknown as NonNullable<ShardPartition['leading']>
  inquire(): void {}
  giveUpInquiry(): void {}

  rotted(offset: number): void {
    this.rottedAt = offset
  }

  append(batch: BatchView): Appended | Refused {
    if (this.refuses !== undefined) return { kind: 'refused', error: this.refuses, message: undefined }
    const baseOffset = this.nextOffset
    batch.baseOffset = baseOffset
    this.nextOffset += batch.lastOffsetDelta + 1
    this.logEndOffset = this.nextOffset
    this.batches.push(Buffer.from(batch.bytes.subarray(batch.start, batch.end)))
    const { leaderEpoch } = this
    return { kind: 'appended', baseOffset, endOffset: this.nextOffset, leaderEpoch, failures: this.#failures }
  }

  /** As somebody else has written it. */
  add(bytes: Uint8Array): void {
    const batches = new BatchIterator(bytes)
    if (batches.next() === 'batch') this.append(batches.batch)
  }

  outcome({ endOffset, failures }: Appended): Outcome {
    if (!this.isLeader) return 'NOT_LEADER_OR_FOLLOWER'
    if (this.highWatermark >= endOffset) return 'done'
    return failures !== this.#failures && this.logEndOffset < endOffset ? 'KAFKA_STORAGE_ERROR' : 'pending'
  }

  /** What stands from there on is lost. */
  fail(fromOffset: number): void {
    this.#failures++
    this.failed = true
    while (this.batches.length > 0 && baseOf(this.batches.at(-1)!) >= fromOffset) this.batches.pop()
    this.logEndOffset = fromOffset
  }

  repair(): void {
    this.failed = false
    this.nextOffset = this.logEndOffset
  }

  read({ offset, upToOffset, maxBytes }: ReadRequest, done: ReadDone): void {
    const go = (): void => {
      this.reads++
      if (this.readError !== undefined) return done(this.readError, undefined)
      const wanted = this.batches.filter((each) => lastOf(each) >= offset && baseOf(each) < upToOffset)
      const all = Buffer.concat(wanted)
      const size = Math.max(maxBytes, wanted[0]?.length ?? 0)
      const bytes = Buffer.from(all.subarray(0, size))
      const release = (): void => {
        this.released++
        // Who keeps a piece of it must not.
        bytes.fill(0xee)
      }
      done(undefined, { bytes, release })
    }
    if (this.heldReads === undefined) go()
    else this.heldReads.push(go)
  }
}

export function diskError(): DiskError {
  return new DiskError('EIO', 'read', '/model')
}

function viewed(bytes: Uint8Array): BatchView {
  const batches = new BatchIterator(bytes)
  batches.next()
  return batches.batch
}

const baseOf = (bytes: Uint8Array): number => viewed(bytes).baseOffset
const lastOf = (bytes: Uint8Array): number => viewed(bytes).lastOffset

export type CountRequest =
  | { readonly kind: 'add'; readonly name: string }
  | { readonly kind: 'read' }
  /** Answered by the next `add`. */
  | { readonly kind: 'wait' }

export interface CountRecord {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface CountReply {
  readonly total: number
}

/** What the shells of such shards are told. */
export class CountingShard implements Shard<CountRequest, CountRecord, CountReply> {
  readonly applied: CountRecord[] = []
  readonly places: RecordPlace[] = []
  readonly waiting: Ticket[] = []
  readonly expired: Now[] = []
  readonly refusals: ErrorName[] = []
  readonly images: MetadataImage[] = []
  isLoaded = false
  isUnloaded = false
  dueMs = Number.POSITIVE_INFINITY
  /** What `expire` adds. */
  expiring: CountRecord[] = []
  readonly #cannotApply: () => string | undefined

  /** The name of what throws when it is applied, or `loaded`. */
  constructor(cannotApply: () => string | undefined) {
    this.#cannotApply = cannotApply
  }

  decide(request: CountRequest, ticket: Ticket): ShardDecision<CountRecord, CountReply> {
    const total = this.applied.length
    if (request.kind === 'read') return { records: [], replies: [{ ticket, reply: { total } }] }
    if (request.kind === 'wait') {
      this.waiting.push(ticket)
      return { records: [], replies: [] }
    }
    const records = [{ name: request.name, bytes: Buffer.from(request.name) }]
    const replies = [ticket, ...this.waiting.splice(0)].map((each) => ({ ticket: each, reply: { total: total + 1 } }))
    return { records, replies }
  }

  apply(record: CountRecord, place: RecordPlace): void {
    if (record.name === this.#cannotApply()) throw new Error(`${record.name} cannot be`)
    this.applied.push(record)
    this.places.push(place)
  }

  loaded(image: MetadataImage): ShardDecision<CountRecord, CountReply> {
    if (this.#cannotApply() === 'loaded') throw new Error('it cannot begin')
    this.isLoaded = true
    this.images.push(image)
    return NOTHING
  }

  metadataChanged(image: MetadataImage): ShardDecision<CountRecord, CountReply> {
    this.images.push(image)
    return NOTHING
  }

  nextDeadlineMs(): number {
    return this.dueMs
  }

  expire(now: Now): ShardDecision<CountRecord, CountReply> {
    this.expired.push(now)
    const record = this.expiring.shift()
    if (this.expiring.length === 0 && record === undefined) this.dueMs = Number.POSITIVE_INFINITY
    return { records: record === undefined ? [] : [record], replies: [] }
  }

  refused(
    { records, replies }: ShardDecision<CountRecord, CountReply>,
    error: ErrorName,
  ): ShardDecision<CountRecord, CountReply> {
    this.refusals.push(error)
    if (replies.length === 0) this.expiring.unshift(...records)
    return { records: [], replies: replies.map(({ ticket }) => ({ ticket, reply: { total: -1 } })) }
  }

  unloaded(): void {
    this.isUnloaded = true
  }
}

const NOTHING = { records: [], replies: [] }

export class RuntimeRig {
  readonly clock = new FakeClock()
  readonly logger = new MemoryLogger()
  readonly partition: ModelPartition
  readonly runtime: CoordinatorRuntime<CountRequest, CountRecord, CountReply>
  readonly shards: CountingShard[] = []
  /** In the order in which they came. */
  readonly answers: [name: string, answer: number | ErrorName][] = []
  codec: CodecName = 'none'
  cannotApply: string | undefined
  loadBytes = 1024 * 1024

  constructor(partition = new ModelPartition()) {
    this.partition = partition
    const kind: ShardKind<CountRequest, CountRecord, CountReply> = {
      topic: TOPIC,
      create: () => {
        const shard = new CountingShard(() => this.cannotApply)
        this.shards.push(shard)
        return shard
      },
      encode: ({ name, bytes }) => {
        if (name === 'unwritable') throw new EncodeError('a record that cannot be written')
        return { key: Buffer.from(name), value: bytes }
      },
      decode: ({ key, value }) => {
        const name = Buffer.from(key).toString()
        if (name === 'broken') throw new Error('a record that is broken')
        return name === 'strange' ? undefined : { name, bytes: value! }
      },
      settings: () => ({ loadBytes: this.loadBytes, codec: this.codec, commitTimeoutMs: 5000 }),
      image: () => EMPTY_IMAGE,
    }
    this.runtime = new CoordinatorRuntime({ clock: this.clock, logger: this.logger }, kind)
  }

  /** The one that is there now. */
  get shard(): CountingShard {
    return this.shards.at(-1)!
  }

  changed(): void {
    this.runtime.partitionChanged(this.partition)
  }

  load(): this {
    this.changed()
    this.clock.advance(100)
    return this
  }

  commit(offset = this.partition.nextOffset): void {
    this.partition.highWatermark = offset
    this.changed()
  }

  ask(name: string, request: CountRequest = { kind: 'add', name }): void {
    this.runtime.request(0, request, (answer) => {
      this.answers.push([name, typeof answer === 'string' ? answer : answer.total])
    })
  }

  /** Of what has come since the last time. */
  takeAnswers(): [string, number | ErrorName][] {
    return this.answers.splice(0)
  }
}
