/** What control records and records of the metadata log say. */
import { DecodeError, Reader } from '../../base/bytes/reader.js'
import { decodeRecord, UnknownRecordError } from '../../metadata/record-codec.js'
import type { Fields } from '../../protocol/field.js'
import { EndTxnMarker } from '../../protocol/messages/records/control-records.js'
import {
  KRaftVersionRecord,
  LeaderChangeMessage,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord,
} from '../../protocol/quorum-records.js'
import type { Schema } from '../../protocol/schema.js'
import { CONTROL_TYPE, type controlTypeOf } from '../../records/control.js'

const QUORUM: Readonly<Record<number, readonly [string, Schema<Fields>]>> = {
  [CONTROL_TYPE.leaderChange]: ['LeaderChange', LeaderChangeMessage as unknown as Schema<Fields>],
  [CONTROL_TYPE.snapshotHeader]: ['SnapshotHeader', SnapshotHeaderRecord as unknown as Schema<Fields>],
  [CONTROL_TYPE.snapshotFooter]: ['SnapshotFooter', SnapshotFooterRecord as unknown as Schema<Fields>],
  [CONTROL_TYPE.kraftVersion]: ['KRaftVersion', KRaftVersionRecord as unknown as Schema<Fields>],
  [CONTROL_TYPE.kraftVoters]: ['KRaftVoters', VotersRecord as unknown as Schema<Fields>],
}

/** `endTxnMarker: COMMIT coordinatorEpoch: 0`, `LeaderChange: {...}` */
export function controlText(type: ReturnType<typeof controlTypeOf>, value: Uint8Array | null): string {
  if (type === undefined || type < 0 || value === null) return 'controlType: UNKNOWN'
  try {
    const reader = new Reader(value)
    if (type === CONTROL_TYPE.abort || type === CONTROL_TYPE.commit) {
      reader.int16()
      const { coordinatorEpoch } = EndTxnMarker.decode(0, reader)
      return `endTxnMarker: ${type === CONTROL_TYPE.abort ? 'ABORT' : 'COMMIT'} coordinatorEpoch: ${coordinatorEpoch}`
    }
    const [name, schema] = QUORUM[type]!
    return `${name}: ${JSON.stringify(schema.decode(new Reader(value).int16(), reader))}`
  } catch (error) {
    if (error instanceof DecodeError) return `controlType: ${type}, which cannot be read: ${error.message}`
    throw error
  }
}

/** A record of lograft's metadata log as JSON; of another's, that it is none. */
export function metadataText(value: Uint8Array | null): string {
  if (value === null) return 'null'
  try {
    const { type, ...data } = decodeRecord(value)
    return JSON.stringify({ type, data })
  } catch (error) {
    if (error instanceof UnknownRecordError || error instanceof DecodeError)
      return `(no record of lograft's: ${error.message})`
    throw error
  }
}
