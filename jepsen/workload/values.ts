/** What stands in a record: the value, in a form that tells whether it is whole and where it was sent to. */
import { placeIn, selfDescribing } from '../../src/check/history.js'
import { type Key, placeInProcess, type Value, valueAt } from '../history/operation.js'

/** Of a record that does not describe itself, so much is told. */
const MOST_TEXT = 200

export function payloadOf(key: Key, value: number): string {
  const { process, sequence } = placeInProcess(value)
  return selfDescribing(String(key), process, sequence)
}

export function valueIn(key: Key, payload: string): Value {
  const place = placeIn(payload, String(key))
  return place === undefined ? payload.slice(0, MOST_TEXT) : valueAt(...place)
}
