/**
 * One line of `history.jsonl`: what a process asked, or what became of it. Fields and meanings are those of Jepsen's Kafka workload (jepsen.tests.kafka), and of ours where it has none,
 * so that a history can be checked by others' tools too. Between an invocation and its completion a process does nothing else.
 */

/** `ok`: it happened; `fail`: it certainly did not; `info`: nobody knows. An invocation that never completes is `info`. */
export type OperationType = 'invoke' | 'ok' | 'fail' | 'info'

/** A partition: `Keyspace` says of which topic. */
export type Key = number

/** Text: a record that does not describe itself, or was sent to another partition. As nobody has sent it, it is a phantom. */
export type Value = number | string

/** Invoked with the value alone; completed with the offset, null where nobody was told. */
export type SendPart = readonly ['send', Key, Value | readonly [offset: number | null, value: Value]]

/** Invoked without more; completed with what it gave, by key (as text: names in JSON are). */
export type PollPart =
  | readonly ['poll']
  | readonly ['poll', Readonly<Record<string, readonly (readonly [offset: number, value: Value])[]>>]

interface Common {
  /** Of the line: 0, 1, 2 ... */
  readonly index: number
  readonly type: OperationType
  /** Nanoseconds since the run began. */
  readonly time: number
  /** Of a completion that is not `ok`, or where something beside it went wrong: Kafka's name of the error, and what was told. */
  readonly error?: readonly [code: string, message: string]
}

interface OfClient extends Common {
  readonly process: number
}

/**
 * A `send` is no transaction: each of its parts has an end of its own. `ok`: all were acknowledged; `fail`: certainly none happened; else `info`, and of its parts those that are completed (with an offset,
 * or null) were acknowledged, while of those that stand as they were invoked nobody knows. Only a `txn` happens as a whole.
 */
export interface RecordsOperation extends OfClient {
  readonly f: 'send' | 'poll' | 'txn'
  readonly value: readonly (SendPart | PollPart)[]
  /** What the listener of the consumer was told meanwhile. */
  readonly 'rebalance-log'?: readonly {
    readonly type: 'revoked' | 'assigned' | 'lost'
    readonly keys: readonly Key[]
  }[]
  /** Of polls of a member of a group, where its library tells. */
  readonly generation?: number
  /** Of a transaction: when it asked to be committed, as `time`; and by key the offset of the marker that ends it, as far as somebody has looked. */
  readonly 'commit-started'?: number
  readonly markers?: Readonly<Record<string, number>>
}

export interface AssignOperation extends OfClient {
  readonly f: 'assign' | 'subscribe'
  readonly value: readonly Key[]
  readonly 'seek-to-beginning?'?: true
}

/** Always completes with `info`: the client is left as it is, and its worker opens another one. */
export interface CrashOperation extends OfClient {
  readonly f: 'crash'
  readonly value: null
}

/** ListOffsets as a register. Ours. */
export interface ListOperation extends OfClient {
  readonly f: 'list-offsets'
  readonly value: readonly [key: Key, of: 'earliest' | 'latest' | 'latest committed', offset: number | null]
}

/** What a group commits, and what it is told to have committed: by key, -1 for nothing. Ours. */
export interface GroupOffsetsOperation extends OfClient {
  readonly f: 'commit' | 'committed'
  readonly group: string
  readonly value: Readonly<Record<string, number>>
  readonly generation?: number
}

/** Topics as things that are there or not, their settings as registers; beside the topics of keys. Ours. */
export interface TopicOperation extends OfClient {
  readonly f: 'create-topic' | 'delete-topic' | 'set-config' | 'get-config' | 'describe-topic'
  /** Of a setting: null where it is not set. Of a topic: its id, null where there is none. */
  readonly value: readonly [topic: string, value: string | null]
}

/**
 * A fault begins or ends: invoked, and completed with what was done and how it shows at whom it was done to. As `phase` a part of the run begins: `load`, `heal`, `recovery`,
 * `final reads`, `end`.
 */
export interface NemesisOperation extends Common {
  readonly process: 'nemesis'
  readonly type: 'info'
  readonly f: string
  readonly value: unknown
}

export type ClientOperation =
  | RecordsOperation
  | AssignOperation
  | CrashOperation
  | ListOperation
  | GroupOffsetsOperation
  | TopicOperation

export type Operation = ClientOperation | NemesisOperation

/** Before it has a place in a history. */
export type Unplaced<T extends Operation = Operation> = T extends Operation ? Omit<T, 'index' | 'time'> : never

/** Partitions of each topic of keys. */
const PARTITIONS = 2

export interface Place {
  readonly topic: string
  readonly partition: number
}

/** Which partition a key stands for. Topics are made as keys come into use: while there are faults. */
export class Keyspace {
  readonly #prefix: string

  /** `prefix`: as topics have it that are of this run alone. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  readonly partitions = PARTITIONS

  placeOf(key: Key): Place {
    return { topic: `${this.#prefix}-t${Math.floor(key / PARTITIONS)}`, partition: key % PARTITIONS }
  }

  /** Undefined: it is not of this run. */
  keyOf({ topic, partition }: Place): Key | undefined {
    const start = `${this.#prefix}-t`
    const number = topic.startsWith(start) ? Number(topic.slice(start.length)) : Number.NaN
    return Number.isSafeInteger(number) && partition < PARTITIONS ? number * PARTITIONS + partition : undefined
  }
}

const SEQUENCES = 1_000_000

export function valueAt(process: number, sequence: number): number {
  return process * SEQUENCES + sequence
}

/** Of a value that is a number: whose it is, and as its how manieth to this key. */
export function placeInProcess(value: number): { readonly process: number; readonly sequence: number } {
  return { process: Math.floor(value / SEQUENCES), sequence: value % SEQUENCES }
}
