/** What holds for every codec in every implementation that this machine has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchView } from '../../../src/records/batch.js'
import { CODEC_NAMES, type CodecImplementation, CompressionError } from '../../../src/records/compression/codec.js'
import { codecById, codecByName, implementationsOf } from '../../../src/records/compression/codecs.js'
import { anyBytes } from '../arbitraries.js'
import { goldenBatches } from '../golden-batches.js'
import { noiseOf, samples, textOf } from './samples.js'

const COMPRESSING = CODEC_NAMES.filter((name) => name !== 'none')

function eachImplementation(check: (codec: CodecImplementation, label: string) => void): void {
  for (const name of COMPRESSING) {
    for (const codec of implementationsOf(name)) check(codec, `${name} by ${codec.implementation}`)
  }
}

/** The output, or which fault; anything else that is thrown fails the test. */
function outcome(codec: CodecImplementation, bytes: Uint8Array, maxBytes: number): Buffer | string {
  try {
    return Buffer.from(codec.decompress(bytes, maxBytes))
  } catch (error) {
    assert.ok(error instanceof CompressionError, `${codec.name} by ${codec.implementation}: ${error}`)
    return error.fault
  }
}

test('every codec is there, under its id and its name', () => {
  for (const [id, name] of CODEC_NAMES.entries()) {
    const [best] = implementationsOf(name)
    assert.ok(best !== undefined, name)
    assert.equal(codecById(id), best)
    assert.equal(codecByName(name), best)
    for (const codec of implementationsOf(name)) assert.deepEqual([codec.id, codec.name], [id, name])
  }
  for (const id of [5, 6, 7]) assert.equal(codecById(id), undefined)
})

test('LOGRAFT_NATIVE=off leaves what runs everywhere', () => {
  const names = CODEC_NAMES.flatMap((name) => implementationsOf(name).map(({ implementation }) => implementation))
  if (process.env['LOGRAFT_NATIVE'] === 'off') {
    assert.deepEqual(
      names.filter((name) => !['plain', 'node:zlib', '@bokuweb/zstd-wasm'].includes(name)),
      [],
    )
  } else {
    assert.ok(names.includes('plain'))
  }
})

test('what one implementation writes, every implementation reads', () => {
  for (const { name: sample, bytes } of samples()) {
    for (const name of COMPRESSING) {
      for (const writer of implementationsOf(name)) {
        const stream = writer.compress(bytes)
        for (const reader of implementationsOf(name)) {
          const plain = reader.decompress(stream, bytes.length)
          const label = `${sample}, ${name}: ${writer.implementation} to ${reader.implementation}`
          assert.equal(Buffer.compare(plain, bytes), 0, label)
        }
      }
    }
  }
})

test('any bytes survive the way there and back', () => {
  eachImplementation((codec, label) => {
    fc.assert(
      fc.property(anyBytes, fc.integer({ min: 1, max: 300 }), (part, times) => {
        const bytes = Buffer.concat(Array.from({ length: times }, () => part))
        assert.deepEqual(Buffer.from(codec.decompress(codec.compress(bytes), bytes.length)), bytes, label)
      }),
      { seed: 11, numRuns: 60 },
    )
  })
})

test('every implementation reads what Kafka wrote', () => {
  const seen = new Set<string>()
  const view = new BatchView()
  for (const vector of goldenBatches()) {
    if (vector.codec === 'none') continue
    view.reset(vector.bytes, 0)
    const stream = vector.bytes.subarray(view.recordsStart, view.end)
    const [first, ...others] = implementationsOf(vector.codec).map((codec) => outcome(codec, stream, 1_000_000))
    assert.ok(Buffer.isBuffer(first), `${vector.case}: ${first}`)
    for (const other of others) assert.deepEqual(other, first, vector.case)
    seen.add(vector.codec)
  }
  assert.equal(seen.size, 4)
})

test('compression is worth something, and noise grows by little', () => {
  const text = textOf(1_000_000)
  const noise = noiseOf(1_000_000)
  const least = { gzip: 3, snappy: 2, lz4: 2, zstd: 3 } as const
  eachImplementation((codec, label) => {
    const ratio = text.length / codec.compress(text).length
    assert.ok(ratio > least[codec.name as keyof typeof least], `${label}: ${ratio}`)
    const growth = codec.compress(noise).length / noise.length
    assert.ok(growth < 1.002, `${label}: ${growth}`)
  })
})

test('the level is used where there are levels, and any number is taken', () => {
  const text = textOf(100_000)
  eachImplementation((codec, label) => {
    for (const level of [-200_000, -1, 0, 1, 9, 12, 17, 22, 1000]) {
      const stream = codec.compress(text, level)
      assert.deepEqual(Buffer.from(codec.decompress(stream, text.length)), text, `${label} at ${level}`)
    }
  })
  for (const name of ['gzip', 'zstd'] as const) {
    for (const codec of implementationsOf(name)) {
      assert.ok(codec.compress(text, 9).length < codec.compress(text, 1).length, `${name} by ${codec.implementation}`)
    }
  }
})

test('the limit holds to the byte', () => {
  for (const size of [1, 1000, 70_000, 300_000]) {
    for (const bytes of [textOf(size), Buffer.alloc(size), noiseOf(size)]) {
      eachImplementation((codec, label) => {
        const stream = codec.compress(bytes)
        assert.equal(codec.decompress(stream, size).length, size, label)
        assert.equal(codec.decompress(stream, size + 1).length, size, label)
        for (const maxBytes of [0, 1, size >> 1, size - 1]) {
          if (maxBytes < size)
            assert.equal(outcome(codec, stream, maxBytes), 'too-large', `${label}, ${maxBytes} of ${size}`)
        }
      })
    }
  }
})

test('a bomb is refused without the memory that it asks for', () => {
  const bomb = Buffer.alloc(100_000_000)
  eachImplementation((codec, label) => {
    const stream = codec.compress(bomb)
    const before = process.memoryUsage()
    for (let round = 0; round < 5; round++) assert.equal(outcome(codec, stream, 100_000), 'too-large', label)
    const after = process.memoryUsage()
    assert.ok(after.arrayBuffers - before.arrayBuffers < 30_000_000, label)
    assert.ok(after.rss - before.rss < 60_000_000, `${label}: ${after.rss - before.rss} bytes`)
  })
})

test('every truncation is seen', () => {
  const bytes = Buffer.concat([textOf(700), noiseOf(80)])
  eachImplementation((codec, label) => {
    const stream = codec.compress(bytes)
    for (let length = 0; length < stream.length; length++) {
      const found = outcome(codec, stream.subarray(0, length), 10_000)
      // Snappy's stream has no end mark: its header alone is a whole stream of nothing.
      if (codec.name === 'snappy' && length === 16) assert.deepEqual(found, Buffer.alloc(0))
      else assert.equal(found, 'broken', `${label} cut to ${length} of ${stream.length}`)
    }
  })
})

test('random bytes and damaged streams: bytes or a CompressionError, the same for every implementation', () => {
  const intact = Object.fromEntries(
    COMPRESSING.map((name) => [
      name,
      Buffer.from(codecByName(name)!.compress(Buffer.concat([textOf(900), noiseOf(60)]))),
    ]),
  )
  for (const name of COMPRESSING) {
    let readable = 0
    const damaged = fc
      .tuple(fc.nat(), fc.nat({ max: 255 }), fc.nat(), fc.nat({ max: 255 }), fc.nat())
      .map(([at, value, at2, value2, cut]) => {
        const stream = Buffer.from(intact[name]!)
        stream[at % stream.length] = value
        if (cut % 3 > 0) stream[at2 % stream.length] = value2
        return cut % 5 === 0 ? stream.subarray(0, cut % stream.length) : stream
      })
    const input = fc.oneof(
      { weight: 6, arbitrary: damaged },
      { weight: 1, arbitrary: anyBytes },
      // The beginning of a stream, and then anything.
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.nat({ max: 40 }), anyBytes)
          .map(([length, rest]) => Buffer.concat([intact[name]!.subarray(0, length), rest])),
      },
    )
    fc.assert(
      fc.property(input, fc.constantFrom(10, 500, 100_000), (stream, maxBytes) => {
        const [first, ...others] = implementationsOf(name).map((codec) => outcome(codec, stream, maxBytes))
        for (const other of others) {
          // What is both too large and broken may be either. And versions of zstd differ in the damage that they
          // notice.
          if ((typeof other === 'string' && typeof first === 'string') || name === 'zstd') continue
          assert.deepEqual(other, first, name)
        }
        if (typeof first !== 'string') {
          assert.ok(first!.length <= maxBytes)
          readable++
        }
      }),
      { seed: 12, numRuns: 2500 },
    )
    if (name === 'lz4' || name === 'snappy') assert.ok(readable > 0, 'without a checksum some damage goes unseen')
  }
})
