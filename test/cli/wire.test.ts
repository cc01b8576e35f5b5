/** `lograft wire` against Kafka's own bytes: every golden body, header, record and batch, what is damaged, and the command as a process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Answer, answerLine } from '../../src/cli/wire-codec.js'
import { golden } from '../golden.js'

type Json = Readonly<Record<string, unknown>>

interface Vector extends Json {
  readonly api: string
  readonly kind: string
  readonly version: number
  readonly case: string
  readonly json: Json
  readonly hex: string
}

const BODIES = ['data', 'topics-configs', 'transactions', 'cluster', 'groups', 'security', 'share', 'streams']
const WITH_JSON = [...BODIES, 'headers', 'old-versions', 'records', 'metadata-records'].map(
  (name) => `${name}.jsonl.gz`,
)

function vectors<T extends Vector>(files: readonly string[]): T[] {
  return files.flatMap((file) => golden<T>(file))
}

function decode(line: object): Answer {
  return answerLine('decode', JSON.stringify(line))
}

function encode(line: object): Answer {
  return answerLine('encode', JSON.stringify(line))
}

function errorOf(answer: Answer): string {
  assert.ok('error' in answer, JSON.stringify(answer))
  return answer.error
}

test('every body, header and record, both directions', () => {
  const all = vectors(WITH_JSON)
  assert.equal(all.length, 4963 + 448 + 609 + 280)
  for (const { api, kind, version, json, hex, case: name } of all) {
    const where = `${kind} ${api} v${version} ${name}`
    assert.deepEqual(decode({ api, kind, version, hex }), { json }, where)
    assert.deepEqual(encode({ api, kind, version, json }), { hex }, where)
  }
})

test('an int64 that no number holds is refused in both directions', () => {
  const all = vectors(['int64-extreme.jsonl.gz', 'old-int64-extreme.jsonl.gz'])
  assert.equal(all.length, 685)
  for (const { api, kind, version, json, hex } of all) {
    assert.match(errorOf(decode({ api, kind, version, hex })), /beyond \+-\(2\^53 - 1\)/)
    assert.match(errorOf(encode({ api, kind, version, json })), /not a whole number from -9007199254740991 to 9007/)
  }
})

test('tagged fields that no release knows yet are skipped', () => {
  const all = vectors<Vector & { decodesTo: Json }>(['unknown-tags.jsonl.gz'])
  assert.equal(all.length, 591)
  for (const { api, version, hex, decodesTo, kind } of all) {
    assert.deepEqual(decode({ api, kind, version, hex }), { json: decodesTo }, `${api} v${version}`)
  }
})

interface Mutated extends Vector {
  readonly accepted: boolean
  readonly decodesTo?: Json
  readonly unread?: number
  readonly int64OutOfRange?: boolean
}

test('damaged bodies: what is to be refused is, and of the others what they say and how much is left', () => {
  const all = vectors<Mutated>(['mutated.jsonl.gz'])
  assert.equal(all.length, 2175)
  let refused = 0
  for (const { api, kind, version, hex, accepted, decodesTo, unread, int64OutOfRange, case: name } of all) {
    const answer = decode({ api, kind: kind.replace('mutated-', ''), version, hex })
    const where = `${kind} ${api} v${version} ${name}: ${JSON.stringify(answer)}`
    if ('error' in answer) {
      refused++
      // Stricter than Kafka on purpose: where a tagged field does not fill its size, or a length is below -1.
      if (accepted && !int64OutOfRange) assert.match(answer.error, /tagged field|-\d+ (bytes|elements)|a length of -/)
    } else {
      assert.ok(accepted, where)
      assert.deepEqual(answer, unread ? { json: decodesTo, unread } : { json: decodesTo }, where)
    }
  }
  assert.ok(refused > all.filter(({ accepted }) => !accepted).length)
})

interface Batch {
  readonly magic: number
  readonly codec: string
  readonly timestampType: string
}

test('record batches and messages of older formats, both directions', () => {
  let older = 0
  let exact = 0
  for (const { kind, case: name, hex, ...json } of golden<Vector & Batch & { batches?: Batch[] }>('batches.jsonl.gz')) {
    const { magic, codec, timestampType } = json.batches?.[0] ?? json
    if (magic < 2) older++
    assert.deepEqual(decode({ kind, hex }), { json }, name)
    const again = encode({ kind, json })
    assert.ok('hex' in again, `${name}: ${JSON.stringify(again)}`)
    if (codec === 'none') {
      exact++
      assert.equal(again.hex, hex, name)
    }
    // Another compressor gives other bytes, and with LogAppendTime the records do not show their own times.
    const lost = timestampType === 'LogAppendTime' ? [...RESULTS, 'baseTimestamp'] : RESULTS
    assert.deepEqual(without(lost, decode({ kind, hex: again.hex })), without(lost, { json }), name)
  }
  assert.deepEqual([older, exact], [49, 32])
})

const RESULTS = ['crc', 'sizeInBytes']

function without(names: readonly string[], value: object): unknown {
  return JSON.parse(JSON.stringify(value, (key, each) => (names.includes(key) ? undefined : each)))
}

interface BadBatch {
  readonly case: string
  readonly hex: string
  readonly batches: number
  readonly at: { readonly split: string; readonly ensureValid: string; readonly iterate: string }
}

test('bad batches are refused where Kafka cannot read them, or has found the CRC wrong', () => {
  const all = golden<BadBatch>('bad-batches.jsonl.gz')
  assert.equal(all.length, 120)
  for (const { case: name, hex, batches, at } of all) {
    const answer = decode({ kind: 'batch', hex })
    const unreadable = [at.split, at.ensureValid, at.iterate].some((verdict) => verdict !== 'ok')
    const stricter = STRICTER.some((each) => name.startsWith(each))
    assert.equal('error' in answer, unreadable || batches === 0 || stricter, `${name}: ${JSON.stringify(answer)}`)
  }
})

/** Records behind a count of 0, and a timestamp that no number holds. */
const STRICTER = ['record count 0', 'record: timestamp delta at 64 bits']

test('a batch is cut off: what is left is counted', () => {
  const batch = encode({ kind: 'batch', json: { records: [{ key: 'a2V5', headers: [{ key: 'h' }] }] } })
  assert.ok('hex' in batch)
  const read = decode({ kind: 'batch', hex: `${batch.hex}0000` })
  assert.ok('json' in read)
  assert.equal(read.unread, 2)
  const [record] = read.json['records'] as Json[]
  assert.deepEqual(record, {
    offset: 0,
    timestamp: -1,
    key: 'a2V5',
    value: null,
    headers: [{ key: 'h', value: null }],
  })
})

test('a batch that says what does not follow from its records is refused', () => {
  const refused = (json: object, pattern: RegExp): void =>
    assert.match(errorOf(encode({ kind: 'batch', json })), pattern)
  const records = [{ offset: 5, timestamp: 10 }, { offset: 7 }]
  assert.ok('hex' in encode({ kind: 'batch', json: { records } }))
  refused({ records, count: 3 }, /count is 3, and from the other fields follows 2/)
  refused({ records, baseTimestamp: 11 }, /baseTimestamp is 11/)
  refused({ records, lastOffset: 6 }, /lastOffset is 6, and the records go from 5 to 7/)
  refused({ records, baseOffset: 6 }, /offset 5 does not fit/)
  refused({ records, magic: 3 }, /magic is 3/)
  refused({ records, codec: 'brotli' }, /codec is "brotli", and not one of none, gzip/)
  refused({ records, timestampType: 'Never' }, /timestampType is "Never"/)
  refused({ records: [{ headers: [{ value: '' }] }] }, /a header without a key/)
  refused({ records: [{ headers: [{ key: null }] }] }, /records\[0\]\.headers\[0\]\.key is null/)
  refused({ records, magic: 0 }, /a message of magic 0 has no timestamp/)
  refused({ records, magic: 1 }, /a message of magic 1 holds one record/)
  refused({ records, magic: 1, codec: 'zstd' }, /codec is "zstd", and not one of none, gzip, snappy, lz4$/)
  refused({ records, magic: 1, codec: 'gzip', lastOffset: 8 }, /lastOffset is 8, and from the other fields follows 7/)
  refused({ records: [records[0]], magic: 1, maxTimestamp: 11 }, /maxTimestamp is 11/)
  refused({ records: [], magic: 1 }, /records is empty/)
  refused({ records, magic: 1, producerId: 3 }, /producerId is not a field/)
  refused({ records: [{ headers: [] }], magic: 1 }, /records\[0\]\.headers is not a field/)
  refused({ records, magic: 0, timestampType: 'LogAppendTime' }, /not one of NoTimestampType$/)
  refused({ records: {} }, /records is \{\}, and not an array/)
  refused({ records: [{ value: 'a' }] }, /records\[0\]\.value is "a", and not bytes in base64/)
})

test('what is not known is UNSUPPORTED_VERSION, in both directions', () => {
  for (const line of [
    { api: 'Heartbeat', kind: 'request', version: 5 },
    { api: 'Heartbeat', kind: 'request', version: -1 },
    { api: 'AlterPartition', kind: 'response', version: 1 },
    { api: 'NoSuchApi', kind: 'request', version: 0 },
    { api: 'RequestHeader', kind: 'request', version: 1 },
    { api: 'RequestHeader', kind: 'header', version: 3 },
    { api: 'Heartbeat', kind: 'record', version: 0 },
  ]) {
    assert.deepEqual(decode({ ...line, hex: '' }), { error: 'UNSUPPORTED_VERSION' })
    assert.deepEqual(encode({ ...line, json: {} }), { error: 'UNSUPPORTED_VERSION' })
  }
})

test('a line that is not right is answered with a sentence', () => {
  const line = { api: 'Heartbeat', kind: 'request', version: 4 }
  const refused = (answer: Answer, pattern: RegExp): void => assert.match(errorOf(answer), pattern)
  refused(answerLine('decode', '{'), /^the line is not JSON: /)
  refused(answerLine('decode', '[]'), /^the line is not an object/)
  refused(decode({ ...line, kind: 'frame', hex: '' }), /^kind must be one of request, response, header, record, batch/)
  refused(decode({ ...line, api: 12, hex: '' }), /^api must be the name/)
  refused(decode({ ...line, version: '4', hex: '' }), /^version must be a whole number/)
  refused(decode(line), /^hex must be/)
  refused(decode({ ...line, hex: '0' }), /^hex must be/)
  refused(decode({ ...line, hex: '0g' }), /^hex must be/)
  refused(decode({ ...line, hex: '0267' }), /^Heartbeat\.request v4 generationId: 4 bytes are wanted/)
  refused(encode(line), /^json is missing/)
  refused(encode({ ...line, json: { groupId: 'g', generationId: 1 } }), /^Heartbeat\.request v4: memberId is missing/)
  refused(
    encode({ ...line, version: 2, json: { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: 'i' } }),
    /version 2 does not have it/,
  )
})

/** The same JSON with one value in it replaced, for each value. */
function* withOneReplaced(json: unknown, odd: unknown): Generator<unknown> {
  yield odd
  if (Array.isArray(json)) {
    for (let at = 0; at < json.length; at++) {
      for (const each of withOneReplaced(json[at], odd)) yield json.with(at, each)
    }
  } else if (typeof json === 'object' && json !== null) {
    for (const [name, value] of Object.entries(json)) {
      for (const each of withOneReplaced(value, odd)) yield { ...json, [name]: each }
    }
  }
}

test('no value anywhere in the JSON makes it fail: it is refused, or its bytes are decoded again', () => {
  const bodies = vectors(['data.jsonl.gz', 'records.jsonl.gz']).filter((vector) => vector.case === 'all-set')
  const newest = new Map(bodies.map((vector) => [`${vector.kind} ${vector.api}`, vector]))
  const batches = golden<Vector & Batch>('batches.jsonl.gz')
    .filter((vector) => /^(none|gzip|v0-gzip|v1-lz4)\/(headers|idempotent|nulls|two-batches)$/.test(vector.case))
    .map(({ kind, hex: _, case: __, ...json }) => ({ kind, json }))
  let [refused, taken] = [0, 0]
  for (const line of [...newest.values(), ...batches]) {
    for (const odd of [null, true, -1, 0.5, 2 ** 40, 'AAAA', '\udc00', [], {}, [null]]) {
      for (const json of withOneReplaced(line.json, odd)) {
        const answer = encode({ ...line, json })
        if ('hex' in answer) {
          taken++
          assert.ok('json' in decode({ ...line, hex: answer.hex }), JSON.stringify({ ...line, json }))
        } else refused++
      }
    }
  }
  assert.ok(refused > 5000 && taken > 500, `${refused} ${taken}`)
})

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))

function wire(args: readonly string[], input: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'wire', ...args], { timeout: 60_000 })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => undefined).end(input)
  })
}

test('the command: a line of answer for each line, in order, from a file and from standard input', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lograft-wire-'))
  try {
    const all = vectors(['groups.jsonl.gz'])
    const file = path.join(folder, 'lines')
    fs.writeFileSync(file, all.map(({ json: _, ...line }) => `${JSON.stringify(line)}\n`).join('\n'))
    const decoded = await wire(['decode', file], '')
    assert.equal(decoded.stderr, '')
    assert.equal(decoded.code, 0)
    assert.equal(decoded.stdout, all.map(({ json }) => `${JSON.stringify({ json })}\n`).join(''))
    const encoded = await wire(['encode'], all.map(({ hex: _, ...line }) => JSON.stringify(line)).join('\n'))
    assert.equal(encoded.stdout, all.map(({ hex }) => `${JSON.stringify({ hex })}\n`).join(''))
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('the command: separators of Unicode end no line, errors are answers, a file that is not there ends it', async () => {
  const line = { api: 'SyncGroup', kind: 'response', version: 0, json: { errorCode: 0, assignment: '' } }
  const odd = {
    api: 'Heartbeat',
    kind: 'request',
    version: 0,
    json: { groupId: '\u2028€', generationId: 0, memberId: '' },
  }
  const { code, stdout } = await wire(['encode'], `${JSON.stringify(odd)}\r\n{\n\n${JSON.stringify(line)}`)
  assert.equal(code, 0)
  const answers = stdout.trimEnd().split('\n')
  assert.equal(answers.length, 3)
  assert.equal(answers[0], '{"hex":"0006e280a8e282ac000000000000"}')
  assert.match(answers[1]!, /^\{"error":"the line is not JSON/)
  assert.equal(answers[2], '{"hex":"000000000000"}')
  const missing = await wire(['decode', path.join(os.tmpdir(), 'lograft-no-such-file')], '')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /^lograft: cannot read the lines: ENOENT/)
  assert.equal((await wire(['translate'], '')).code, 2)
})
