/**
 * Target `metadata`: records of the metadata log, mutated. Decoding gives a record, a `DecodeError`, or an `UnknownRecordError`; a record is encoded again
 * and decoded to the same.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DecodeError } from '../../src/base/bytes/reader.js'
import type { Prng } from '../../src/base/prng.js'
import { decodeRecord, encodeRecord, UnknownRecordError } from '../../src/metadata/record-codec.js'
import type { MetadataRecord } from '../../src/metadata/records.js'
import { metadataRecord } from '../metadata/arbitrary.js'
import { withinMemory } from './meter.js'
import { mutate, mutationCount } from './mutate.js'
import { ACCEPTED, type Outcome, REJECTED, type Target } from './target.js'

interface MetadataInput {
  readonly bytes: Buffer
  /** What it was made from, where nothing was done to it. */
  readonly record: MetadataRecord | undefined
}

/** Frame, type and version: what a mutation there makes of a record is refused at the door. */
const HEADER_BYTES = 3

export const metadata: Target<MetadataInput> = {
  name: 'metadata',
  floor: 0.2,
  draw,
  bytesOf: ({ bytes }) => bytes,
  run,
}

function draw(random: Prng): MetadataInput {
  const [record, donor] = fc.sample(metadataRecord, { seed: random.uint32() | 0, numRuns: 2 })
  const bytes = encodeRecord(record!)
  const count = mutationCount(random)
  if (count === 0) return { bytes, record }
  if (random.chance(0.2)) return { bytes: mutate(random, bytes, count, encodeRecord(donor!)), record: undefined }
  const body = mutate(random, bytes.subarray(HEADER_BYTES), count, encodeRecord(donor!))
  return { bytes: Buffer.concat([bytes.subarray(0, HEADER_BYTES), body]), record: undefined }
}

function run({ bytes, record }: MetadataInput): Outcome {
  let decoded: MetadataRecord
  try {
    decoded = withinMemory('decoding', 16 * bytes.length + 1024, () => decodeRecord(bytes))
  } catch (error) {
    if (!(error instanceof DecodeError) && !(error instanceof UnknownRecordError)) throw error
    assert.ok(record === undefined, `what is valid was refused: ${error.message}`)
    assert.notEqual(error.message, '')
    return REJECTED
  }
  if (record !== undefined) assert.deepEqual(decoded, record)
  assert.deepEqual(decodeRecord(encodeRecord(decoded)), decoded, 'encoded and decoded again it is another record')
  return ACCEPTED
}
