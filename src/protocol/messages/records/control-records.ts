/**
 * What stands in the control records of transactions. Each is preceded by an int16 that is its version. (Those of a quorum: `quorum-records.ts`;
 * key and types: `records/control.ts`.)
 */
import { int16, int32 } from '../../field.js'
import { Schema } from '../../schema.js'

/** The key of any control record. */
export const ControlRecordTypeSchema = new Schema({
  name: 'ControlRecordTypeSchema',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    type: int16,
  },
})

/** The value where a transaction ends. */
export const EndTxnMarker = new Schema({
  name: 'EndTxnMarker',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    coordinatorEpoch: int32,
  },
})
