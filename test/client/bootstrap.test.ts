/** Addresses, waiting times, and the view of the cluster. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../src/base/prng.js'
import { backoffMs } from '../../src/client/backoff.js'
import { formatAddress, parseBootstrapServers } from '../../src/client/bootstrap.js'
import { ClientError, serverError } from '../../src/client/client-error.js'
import { ErrorCode } from '../../src/protocol/errors.js'

test('bootstrap servers', () => {
  const addresses = parseBootstrapServers(' a:1, b.example:65535,,[::1]:9092,PLAINTEXT://c:2')
  assert.deepEqual(addresses.map(formatAddress), ['a:1', 'b.example:65535', '[::1]:9092', 'c:2'])
  for (const wrong of [
    '',
    ',',
    'a',
    'a:',
    'a:0',
    'a:65536',
    '::1:9092',
    'a:b',
    'a:1:2',
    'a b c',
    'a b:1',
    '[a b]:1',
    'a:',
  ]) {
    assert.throws(() => parseBootstrapServers(wrong), ClientError, wrong)
  }
})

test('waiting doubles up to its maximum, a fifth more or less, and two clients do not wait the same', () => {
  const random = new Prng('backoff')
  const options = { firstMs: 100, maximumMs: 1000 }
  const first = Array.from({ length: 200 }, () => backoffMs(1, options, random))
  assert.ok(first.every((ms) => ms >= 80 && ms <= 120))
  assert.ok(new Set(first).size > 10)
  assert.ok(Array.from({ length: 200 }, () => backoffMs(3, options, random)).every((ms) => ms >= 320 && ms <= 480))
  assert.ok(Array.from({ length: 200 }, () => backoffMs(1000, options, random)).every((ms) => ms >= 800 && ms <= 1000))
})

test("a server's error has its name and sentence, or what the server said", () => {
  const plain = serverError(ErrorCode.NOT_LEADER_OR_FOLLOWER, 't-0')
  assert.match(plain.message, /^t-0: .*\(NOT_LEADER_OR_FOLLOWER\)$/)
  assert.equal(plain.retriable, true)
  assert.equal(
    serverError(ErrorCode.INVALID_CONFIG, 'topic t', 'no such key').message,
    'topic t: no such key (INVALID_CONFIG)',
  )
})
