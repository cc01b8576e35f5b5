import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchSizeAt, SIZE_CORRUPT, SIZE_UNKNOWN } from '../../src/records/batch-size.js'
import { goldenVectors } from './golden-batches.js'

test('splits every golden vector, also of magic 0 and 1, into what it is made of', () => {
  for (const { case: name, hex, batches } of goldenVectors()) {
    const bytes = Buffer.from(hex, 'hex')
    const sizes: number[] = []
    for (let at = 0; at < bytes.length; ) {
      const size = batchSizeAt(bytes, at, bytes.length)
      assert.ok(size > 0, name)
      sizes.push(size)
      at += size
    }
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      bytes.length,
      name,
    )
    if (batches !== undefined)
      assert.deepEqual(
        sizes,
        batches.map(({ sizeInBytes }) => sizeInBytes),
        name,
      )
    else assert.equal(sizes.length, 1, name)
  }
})

test('17 bytes tell the size, fewer do not', () => {
  const bytes = Buffer.from(goldenVectors()[0]!.hex, 'hex')
  for (let end = 0; end <= 16; end++) assert.equal(batchSizeAt(bytes, 0, end), SIZE_UNKNOWN)
  for (let end = 17; end <= bytes.length; end++) assert.equal(batchSizeAt(bytes, 0, end), bytes.length)
})

test('impossible lengths and magics are corrupt, as soon as they can be seen', () => {
  const good = Buffer.from(goldenVectors()[0]!.hex, 'hex')
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }
  for (const length of [-(2 ** 31), -1, 0, 13]) {
    const bytes = changed((b) => b.writeInt32BE(length, 8))
    assert.equal(batchSizeAt(bytes, 0, 12), SIZE_CORRUPT, `length ${length}`)
  }
  for (const length of [14, 48]) {
    const bytes = changed((b) => b.writeInt32BE(length, 8))
    assert.equal(batchSizeAt(bytes, 0, bytes.length), SIZE_CORRUPT, `length ${length} with magic 2`)
    bytes[16] = 1
    assert.equal(batchSizeAt(bytes, 0, bytes.length), length + 12, `length ${length} with magic 1`)
  }
  for (const magic of [3, 127, 128, 255]) {
    assert.equal(
      batchSizeAt(
        changed((b) => b.writeUInt8(magic, 16)),
        0,
        good.length,
      ),
      SIZE_CORRUPT,
      `magic ${magic}`,
    )
  }
  const huge = changed((b) => b.writeInt32BE(2 ** 31 - 1, 8))
  assert.equal(batchSizeAt(huge, 0, huge.length), 2 ** 31 + 11)
})
