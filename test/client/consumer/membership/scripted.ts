/** A membership with its coordinator played by the test: what it asks is looked at one by one, and answered as the test says. */
import assert from 'node:assert/strict'
import { Reader } from '../../../../src/base/bytes/reader.js'
import { Writer } from '../../../../src/base/bytes/writer.js'
import {
  MEMBERSHIP_MESSAGES,
  type Membership,
  type MembershipAnswer,
  type MembershipAnswerOf,
  type MembershipApi,
  type MembershipEvent,
  type MembershipRequest,
  type MembershipRequestOf,
} from '../../../../src/client/consumer/membership/membership.js'
import { keyOf } from '../../../../src/client/consumer/membership/topic-partition.js'
import { ErrorCode, type ErrorName } from '../../../../src/protocol/errors.js'
import type { Fields } from '../../../../src/protocol/field.js'
import type { Schema } from '../../../../src/protocol/schema.js'

export class Scripted<Core extends Membership = Membership> {
  readonly core: Core
  nowMs = 1_000_000
  readonly #requests: MembershipRequest[] = []
  readonly #events: MembershipEvent[] = []

  constructor(core: Core) {
    this.core = core
  }

  want(...topics: string[]): void {
    this.core.want({ topics }, this.nowMs)
  }

  seen(counts: Readonly<Record<string, number>>): void {
    const topics = Object.entries(counts).map(([name, partitionCount]) => {
      return { name, topicId: `id-${name}`, partitionCount }
    })
    this.core.topicsSeen(topics, this.nowMs)
  }

  /** Lets time go by, with every deadline in it; polls all the while unless told not to. */
  pass(ms: number, polls = true): void {
    const endMs = this.nowMs + ms
    for (let ticks = 0; ; ticks++) {
      assert.ok(ticks < 1000, 'it is due again and again')
      const dueMs = this.core.nextDeadlineMs()
      if (dueMs > endMs) break
      this.nowMs = Math.max(this.nowMs, dueMs)
      this.core.tick(this.nowMs)
    }
    this.nowMs = endMs
    if (polls) this.core.polled(this.nowMs)
  }

  /** The next request, which must be of this kind. */
  asks<Api extends MembershipApi>(api: Api): MembershipRequestOf<Api> {
    this.#take()
    const request = this.#requests.shift()
    assert.equal(request?.api, api, `it asks for ${request?.api ?? 'nothing'}`)
    return request as unknown as MembershipRequestOf<Api>
  }

  asksNothing(): void {
    this.#take()
    assert.deepEqual(
      this.#requests.map(({ api }) => api),
      [],
    )
  }

  answer<Api extends MembershipApi>(
    { api, id }: MembershipRequestOf<Api>,
    body: Partial<MembershipAnswerOf<Api>['body']> & { readonly error?: ErrorName },
  ): void {
    const { error = 'NONE', ...fields } = body
    const { response, versions } = MEMBERSHIP_MESSAGES[api]
    const whole = { ...EMPTY[api], ...fields, errorCode: ErrorCode[error] }
    const decoded = passedOn(response as unknown as Schema<Fields>, versions[1], whole)
    this.core.answered({ api, id, body: decoded } as unknown as MembershipAnswer, this.nowMs)
  }

  /** Everything that has happened since, as text: `release a-0 a-1`, `lost a-0`, `assigned a-0 of a-0 a-1`, `left`, `failed GROUP_MAX_SIZE_REACHED`. */
  events(): string[] {
    this.#take()
    return this.#events.splice(0).map(textOf)
  }

  released(): void {
    this.core.released(this.nowMs)
  }

  failed({ id }: { readonly id: number }): void {
    this.core.failed(id, this.nowMs)
  }

  #take(): void {
    const { requests, events } = this.core.takeReady()
    this.#requests.push(...requests)
    this.#events.push(...events)
  }
}

/** What an answer has where a test says nothing. */
const EMPTY: Readonly<Record<MembershipApi, object>> = {
  JoinGroup: {
    throttleTimeMs: 0,
    protocolName: 'range',
    leader: 'somebody',
    skipAssignment: false,
    memberId: '',
    members: [],
  },
  SyncGroup: { throttleTimeMs: 0, assignment: new Uint8Array(0) },
  Heartbeat: { throttleTimeMs: 0 },
  LeaveGroup: { throttleTimeMs: 0, members: [] },
  ConsumerGroupHeartbeat: { throttleTimeMs: 0, memberEpoch: 0, heartbeatIntervalMs: 5000 },
}

function passedOn(schema: Schema<Fields>, version: number, value: object): object {
  const writer = new Writer()
  schema.encode(version, writer, value as never)
  return schema.decode(version, new Reader(writer.toBuffer()))
}

function textOf(event: MembershipEvent): string {
  switch (event.type) {
    case 'release':
      return `${event.lost ? 'lost' : 'release'} ${event.partitions.map(keyOf).join(' ')}`
    case 'assigned':
      return `assigned ${event.added.map(keyOf).join(' ')} of ${event.all.map(keyOf).join(' ')}`
    case 'topics wanted':
      return `topics wanted ${[...event.names, ...event.ids].join(' ')}`
    case 'failed':
      return `failed ${event.error}`
    default:
      return event.type
  }
}
