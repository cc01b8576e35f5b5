import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatCheckpointLines, parseCheckpointLines, parseWholeNumber } from '../../src/log/checkpoint-lines.js'
import { parsedValue, reasonOf } from './parsed.js'

test('lines come back as their words', () => {
  const word = fc.stringMatching(/^[a-z0-9_.-]{1,8}$/)
  fc.assert(
    fc.property(fc.nat({ max: 3 }), fc.array(fc.array(word, { minLength: 1, maxLength: 4 })), (version, entries) => {
      const text = formatCheckpointLines(
        version,
        entries.map((words) => words.join(' ')),
      )
      assert.deepEqual(parsedValue(parseCheckpointLines(text, version)), entries)
      assert.deepEqual(parsedValue(parseCheckpointLines(text.replaceAll('\n', '\r\n'), version)), entries)
      for (let cut = 1; cut < text.length; cut++) reasonOf(parseCheckpointLines(text.slice(0, cut), version))
    }),
    { seed: 4, numRuns: 100 },
  )
})

test('the frame is as Kafka writes it', () => {
  assert.equal(formatCheckpointLines(0, ['1 0', '3 17']), '0\n2\n1 0\n3 17\n')
  assert.equal(formatCheckpointLines(0, []), '0\n0\n')
})

test('a file that was never written is empty; a wrong version or count is damage', () => {
  assert.deepEqual(parsedValue(parseCheckpointLines('', 0)), [])
  assert.match(reasonOf(parseCheckpointLines('1\n0\n', 0)), /version '1'/)
  assert.match(reasonOf(parseCheckpointLines('0\n', 0)), /announces ''/)
  assert.match(reasonOf(parseCheckpointLines('0\n2\n1 0\n', 0)), /announces '2' entries and has 1/)
  assert.match(reasonOf(parseCheckpointLines('0\n0\n1 0\n', 0)), /announces '0' entries and has 1/)
  assert.match(reasonOf(parseCheckpointLines('0\n01\n1 0\n', 0)), /announces '01'/)
})

test('whole numbers are decimal digits up to a limit', () => {
  assert.equal(parseWholeNumber('0'), 0)
  assert.equal(parseWholeNumber('9007199254740991'), Number.MAX_SAFE_INTEGER)
  assert.equal(parseWholeNumber('9007199254740992'), undefined)
  assert.equal(parseWholeNumber('2147483648', 0x7fff_ffff), undefined)
  for (const text of ['', '-1', '+1', '1.0', '1e3', '0x10', ' 1', '99999999999999999', undefined]) {
    assert.equal(parseWholeNumber(text), undefined)
  }
})
