/** Records of `__consumer_offsets`: the bytes that Kafka's own classes make of them, and what is passed over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../../src/base/bytes/reader.js'
import {
  decodeGroupRecord,
  encodeGroupRecord,
  GROUP_RECORDS,
  type GroupRecord,
  type GroupRecordType,
} from '../../../src/coordinator/group/group-records.js'
import { UnknownVersionError } from '../../../src/coordinator/shard.js'
import { golden } from '../../golden.js'

interface Vector {
  readonly api: string
  readonly key: number
  readonly version: number
  readonly case: string
  readonly hex: string
}

function hexOf(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : Buffer.from(bytes).toString('hex')
}

function prefixed(prefix: number, hex: string): Buffer {
  const number = Buffer.alloc(2)
  number.writeInt16BE(prefix)
  return Buffer.concat([number, Buffer.from(hex, 'hex')])
}

const vectors = golden<Vector>('records.jsonl.gz')

function vectorsOf(api: string): readonly Vector[] {
  return vectors.filter((vector) => vector.api === api)
}

test('what Kafka has written is read, and written again it is the same, in the versions that are written', () => {
  let same = 0
  for (const [type, { type: number, valueVersion }] of Object.entries(GROUP_RECORDS)) {
    const keys = vectorsOf(`${type}Key`)
    assert.ok(keys.length > 0, type)
    for (const { hex } of keys) {
      const tombstone = decodeGroupRecord({ key: prefixed(number, hex), value: null })
      assert.equal(tombstone?.type, type)
      assert.equal(hexOf(encodeGroupRecord(tombstone!).key), hexOf(prefixed(number, hex)))
    }
    for (const { hex, version } of vectorsOf(`${type}Value`)) {
      const bytes = { key: prefixed(number, keys[0]!.hex), value: prefixed(version, hex) }
      const record = decodeGroupRecord(bytes)
      assert.equal(record?.type, type)
      const again = encodeGroupRecord(record!)
      // Where the version is another one, it says the same.
      assert.deepEqual(decodeGroupRecord(again)?.key, record!.key)
      if (version !== valueVersion || hasExpiry(record!)) continue
      assert.equal(hexOf(again.value), hexOf(bytes.value))
      same++
    }
  }
  assert.ok(same > 50, `${same} values`)
})

function hasExpiry(record: GroupRecord): boolean {
  return record.type === 'OffsetCommit' && record.value !== null && record.value.expireTimestamp !== -1
}

test('every type of group record of Kafka is known, but for those of streams and share groups', () => {
  const known = new Set<string>(Object.keys(GROUP_RECORDS).map((type: string) => `${type as GroupRecordType}Key`))
  const inKafka = new Set(
    vectors.map(({ api }) => api).filter((api) => /^(Consumer)?Group.*Key$|^OffsetCommitKey$/.test(api)),
  )
  for (const api of inKafka) assert.ok(known.has(api), api)
})

test('a time to expire at is written in the one version that has it', () => {
  const value = { offset: 5, leaderEpoch: -1, metadata: '', commitTimestamp: 1, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }
  const key = { group: 'g', topic: 't', partition: 0 }
  const version = (expireTimestamp: number) => {
    const bytes = encodeGroupRecord({ type: 'OffsetCommit', key, value: { ...value, expireTimestamp } })
    const read = decodeGroupRecord(bytes)
    assert.ok(read?.type === 'OffsetCommit')
    assert.equal(read.value?.expireTimestamp, expireTimestamp)
    return Buffer.from(bytes.value!).readInt16BE(0)
  }
  assert.deepEqual([version(-1), version(99)], [4, 1])
})

test('offsets as before Kafka 0.8.2', () => {
  for (const { hex } of vectorsOf('LegacyOffsetCommitKey')) {
    const record = decodeGroupRecord({
      key: prefixed(0, hex),
      value: prefixed(0, vectorsOf('LegacyOffsetCommitValue')[0]!.hex),
    })
    assert.ok(record?.type === 'OffsetCommit' && record.value !== null)
    assert.equal(record.value.topicId, 'AAAAAAAAAAAAAAAAAAAAAA')
  }
})

test('a type that a later release has added is passed over', () => {
  assert.equal(decodeGroupRecord({ key: prefixed(99, '0000'), value: null }), undefined)
  assert.equal(decodeGroupRecord({ key: prefixed(99, '0000'), value: prefixed(77, '00') }), undefined)
})

test('a version in which a later release writes a known type is an error that names it: what it says would be lost', () => {
  const told = (type: number, name: string) => {
    try {
      decodeGroupRecord({ key: prefixed(type, vectorsOf(name)[0]!.hex), value: prefixed(77, '00') })
      return 'nothing'
    } catch (error) {
      return error instanceof UnknownVersionError ? error.message : error
    }
  }
  assert.equal(told(2, 'GroupMetadataKey'), 'GroupMetadataValue has version 77, and here 0 to 4 are known')
  assert.equal(told(0, 'LegacyOffsetCommitKey'), 'OffsetCommitValue has version 77, and here 0 to 4 are known')
  const key = prefixed(2, vectorsOf('GroupMetadataKey')[0]!.hex)
  assert.throws(() => decodeGroupRecord({ key, value: prefixed(-1, '00') }), UnknownVersionError)
})

test('what is damaged is an error', () => {
  const key = prefixed(2, vectorsOf('GroupMetadataKey')[0]!.hex)
  assert.throws(() => decodeGroupRecord({ key: new Uint8Array(1), value: null }), DecodeError)
  assert.throws(() => decodeGroupRecord({ key: Buffer.concat([key, Buffer.alloc(1)]), value: null }), DecodeError)
  assert.throws(() => decodeGroupRecord({ key, value: prefixed(3, '0001') }), DecodeError)
})
