/**
 * Clients of any library behind one interface. A driver in a program of its own speaks the same in lines of JSON (`external-driver.ts`), so that an error of a client is told from one of
 * a broker: the same run with another library.
 */
import type { Place } from '../history/operation.js'

export interface ClientSettings {
  /** `host:port,host:port` */
  readonly bootstrap: string
  readonly clientId: string
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  readonly isolation: 'read_uncommitted' | 'read_committed'
  /** Without: it only assigns. */
  readonly group?: GroupSettings
  /** For one answer, and for a record or call with everything that is tried for it. The first is the smaller, so that something is tried again. */
  readonly requestTimeoutMs: number
  readonly apiTimeoutMs: number
}

export interface GroupSettings {
  readonly id: string
  readonly protocol: 'classic' | 'consumer'
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  readonly instanceId?: string
}

export interface SentRecord extends Place {
  /** UTF-8; records have no key. */
  readonly payload: string
}

export interface ReadRecord extends SentRecord {
  readonly offset: number
}

/** Undefined: with acks=0, or the library does not say. */
export type SendResult = { readonly offset: number | undefined } | DriverError

export interface Polled {
  readonly records: readonly ReadRecord[]
  readonly rebalances: readonly { readonly type: 'revoked' | 'assigned' | 'lost'; readonly places: readonly Place[] }[]
  readonly generation?: number
}

export interface Committed {
  readonly offsets: readonly (Place & { readonly offset: number })[]
  readonly generation?: number
}

export interface Driver {
  /** As it is told: `lograft`, `kafkajs 2.2.4`, ... */
  readonly name: string
  /** What this library cannot do; a workload that needs it is refused with this name. */
  readonly lacks: ReadonlySet<Ability>
  open(settings: ClientSettings): Promise<Client>
  close(): Promise<void>
}

export type Ability = 'idempotence' | 'consumer protocol' | 'static members' | 'list offsets' | 'topic settings'

/** One producer, one consumer and one admin client. What fails rejects with `DriverError`, and nothing else. Calls come one after the other. */
export interface Client {
  /** In this order; each has an end of its own. */
  send(records: readonly SentRecord[]): Promise<readonly SendResult[]>
  /** Replaces what was assigned before. `kept`: goes on where it was in what it keeps, and begins at the beginning in the rest. */
  assign(places: readonly Place[], from: 'beginning' | 'kept'): Promise<void>
  subscribe(topics: readonly string[]): Promise<void>
  /** Gives what comes first within this time, perhaps nothing. */
  poll(limitMs: number): Promise<Polled>
  /** Goes back to there; partitions that it does not have any more are passed over. */
  seek(places: readonly (Place & { readonly offset: number })[]): Promise<void>
  /** Up to where it has polled, and waits for the answer. */
  commit(): Promise<Committed>
  committed(places: readonly Place[]): Promise<Committed>
  listOffset(place: Place, of: 'earliest' | 'latest' | 'latest committed'): Promise<number>
  /** Its id, where the library tells; a topic that is there already is TOPIC_ALREADY_EXISTS. Replication factor: as the cluster has it by default. */
  createTopic(topic: string, partitions: number, settings: Readonly<Record<string, string>>): Promise<string | null>
  deleteTopic(topic: string): Promise<void>
  /** Null: there is none. */
  describeTopic(topic: string): Promise<string | null>
  setTopicConfig(topic: string, name: string, value: string): Promise<void>
  getTopicConfig(topic: string, name: string): Promise<string | null>
  /** Says goodbye. */
  close(): Promise<void>
  /** Without a goodbye: as if its process had been killed. */
  crash(): void
}

/** Why something was not done, or why nobody knows whether it was. */
export class DriverError extends Error {
  override readonly name = 'DriverError'
  /** As Kafka has it, or of our own: `DISCONNECTED`, `TIMED_OUT`. */
  readonly code: string
  readonly outcome: 'fail' | 'info'

  constructor(code: string, outcome: 'fail' | 'info', message: string) {
    super(message)
    this.code = code
    this.outcome = outcome
  }
}
