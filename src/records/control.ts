/**
 * Control records: what brokers write between the records of clients, in batches with the control bit. The key says
 * what a record is; values are messages of the protocol (EndTxnMarker, LeaderChangeMessage, VotersRecord ...) and
 * bytes here.
 *
 *     key:  version int16, 0 | type int16
 */
import { type BatchOptions, buildBatch } from './builder.js'

export const CONTROL_TYPE = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const

export type ControlType = (typeof CONTROL_TYPE)[keyof typeof CONTROL_TYPE]

/** Not a type that this release knows: readers skip such a record. */
export const UNKNOWN_CONTROL_TYPE = -1

const KEY_VERSION = 0
const KEY_BYTES = 4
const LAST_TYPE = CONTROL_TYPE.kraftVoters

export interface ControlRecord {
  readonly type: ControlType
  readonly value: Uint8Array
  readonly timestamp: number
}

/** A batch of control records; for a transaction marker the options name the producer. */
export function buildControlBatch(
  records: readonly ControlRecord[],
  options: Omit<BatchOptions, 'control' | 'codec'> = {},
): Buffer {
  const inputs = records.map(({ type, value, timestamp }) => ({ key: controlKey(type), value, timestamp }))
  return buildBatch(inputs, { ...options, control: true })
}

export function controlKey(type: ControlType): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES)
  key.writeInt16BE(KEY_VERSION, 0)
  key.writeInt16BE(type, 2)
  return key
}

/**
 * The type that a control record's key names; later versions of the key may be longer. `UNKNOWN_CONTROL_TYPE` for
 * types of other releases; undefined if it is no such key.
 */
export function controlTypeOf(key: Uint8Array | null): ControlType | typeof UNKNOWN_CONTROL_TYPE | undefined {
  if (key === null || key.length < KEY_BYTES) return undefined
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  if (view.getInt16(0) < KEY_VERSION) return undefined
  const type = view.getInt16(2)
  return type >= 0 && type <= LAST_TYPE ? (type as ControlType) : UNKNOWN_CONTROL_TYPE
}
