/** What the first record of each type reserves is explained by its bytes. In a file of its own: it has to be the first in its process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../src/base/bytes/reader.js'
import { decodeRecord, UnknownRecordError } from '../../src/metadata/record-codec.js'
import { withinMemory } from '../fuzz/meter.js'

const LAST_TYPE = 63
const LONGEST_BYTES = 1024

test('the first record of each type reserves no more than the next ones', () => {
  let known = 0
  for (let type = 0; type <= LAST_TYPE; type++) {
    try {
      withinMemory(`type ${type}`, LONGEST_BYTES, () => decodeRecord(Buffer.from([1, type, 0, 0x7c])))
      assert.fail('a field that does not end was taken')
    } catch (error) {
      if (error instanceof UnknownRecordError) continue
      if (!(error instanceof DecodeError)) throw error
      known++
    }
  }
  assert.ok(known > 5)
})
