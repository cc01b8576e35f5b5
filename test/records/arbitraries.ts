/** What the property tests of record batches draw from. */
import fc from 'fast-check'
import type { RecordInput } from '../../src/records/record-encoder.js'

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.constant(null) },
  // Something that compresses, and passes one, two and three bytes of length.
  {
    weight: 1,
    arbitrary: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat({ max: 9000 })).map(repeated),
  },
)

function repeated([pattern, length]: [Uint8Array, number]): Uint8Array {
  return Buffer.alloc(length, pattern)
}

const timestamp = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1763600000000, max: 1763600100000 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2 ** 31, 2 ** 33 + 1, 2 ** 53 - 1, 2 ** 53 - 2) },
)

export const recordInput: fc.Arbitrary<Required<Omit<RecordInput, 'offset'>>> = fc.record({
  key: bytes,
  value: bytes,
  timestamp,
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 12 }), value: bytes }), { maxLength: 3 }),
})

/** Any bytes, and bytes that look like something: what decoders must survive. */
export const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 60 }).map(doubled))

function doubled(part: Uint8Array): Uint8Array {
  return Buffer.concat([part, part, part])
}
