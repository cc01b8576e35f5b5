/**
 * A history: what clients asked and what they were told, in the order of real (or virtual) time. Fields and meanings are those of
 * Jepsen's Kafka workload, so that the same history can be checked by others' tools.
 *
 * A value is sent at most once to a key by the workload itself, and says where it belongs (see `selfDescribing`). `ok`: it happened;
 * `fail`: it certainly did not; `info`: nobody knows.
 */
export type Operation = SendOperation | PollOperation | DeleteOperation | FaultOperation

interface Common {
  /** Milliseconds since the history began. */
  readonly time: number
  /** A client: what one does, it does one after the other. A client that crashed and came back is another process. */
  readonly process: number
}

export interface SendOperation extends Common {
  readonly f: 'send'
  readonly type: 'invoke' | 'ok' | 'fail' | 'info'
  /** One partition of one topic. */
  readonly key: string
  readonly value: string
  /** With `ok`: where the broker said it stands; -1 if it did not say. */
  readonly offset?: number
  readonly acks: 0 | 1 | -1
  /** With idempotence: the producer and the place of this value in what it sent to the key. */
  readonly producer?: string
  readonly sequence?: number
  /** The key of the record, where the log is compacted: a later record of the same key may take its place. */
  readonly recordKey?: string
  /** Deletes its key: the record may go as well, after all in front of it. */
  readonly deletes?: true
}

export interface PollOperation extends Common {
  readonly f: 'poll'
  readonly type: 'ok'
  readonly key: string
  /** In the order in which they came. */
  readonly records: readonly (readonly [offset: number, value: string])[]
  /** The end (exclusive) of what was committed, as the same answer said it. */
  readonly highWatermark?: number
  /** The first poll after a seek: nothing follows from where this client was before. */
  readonly seek?: true
  /** Part of the last reading, from the beginning to the end of the log, after everything has healed. */
  readonly final?: true
  /** With `final`: where the log began then; 0 if it is not said. */
  readonly startOffset?: number
}

/** Everything in front of an offset is no longer wanted. `ok`: it is gone for good. */
export interface DeleteOperation extends Common {
  readonly f: 'delete'
  readonly type: 'invoke' | 'ok' | 'info'
  readonly key: string
  readonly offset: number
}

export interface FaultOperation extends Common {
  readonly f: 'fault'
  readonly type: 'info'
  readonly kind: string
}

/** A value that tells whether it is whole and stands where it was sent to. */
export function selfDescribing(key: string, process: number, sequence: number): string {
  const body = `${key}/${process}/${sequence}`
  return `${body}/${checksum(body)}`
}

/** Whether the value is whole and was meant for this key. */
export function belongsTo(value: string, key: string): boolean {
  const cut = value.lastIndexOf('/')
  return cut > 0 && value.startsWith(`${key}/`) && value.slice(cut + 1) === checksum(value.slice(0, cut))
}

/** Of a value that is whole and was meant for this key: by which process it was sent, and as its how manieth. */
export function placeIn(value: string, key: string): readonly [process: number, sequence: number] | undefined {
  const [process, sequence] = value
    .slice(key.length + 1)
    .split('/', 2)
    .map(Number)
  if (!Number.isSafeInteger(process) || !Number.isSafeInteger(sequence)) return undefined
  return selfDescribing(key, process!, sequence!) === value ? [process!, sequence!] : undefined
}

/** FNV-1a, 32 bits, in base 36. */
function checksum(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(36)
}
