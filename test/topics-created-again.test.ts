/** Which log of librdkafka's test is taken for its own race: what is below interop is not run by `npm test`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deletedAndFound } from './interop/topics-created-again.js'

const at = (seconds: string, what: string) => `[0033_regex_subscribe        / ${seconds}s] ${what}`
const deleting = (topic: string) => at('16.273', `Deleting topic "${topic}" (timeout=10000)`)
const found = (topic: string) =>
  at('34.013', `WARN: roundrobin: multiple regex 1&2 matches: got unexpected topic match: ${topic}`)
const SUMMARY = at('34.013', 'WARN: roundrobin: multiple regex 1&2 matches: see 4 previous failures')

const failedBy = (why: string) =>
  `### Test "0033_regex_subscribe" failed at 0033-regex_subscribe.c:447:do_test() ###\n${why}`

test('what a test deleted and found again says that it was created again', () => {
  const summary = [SUMMARY, failedBy('See 4 previous failures')]
  const log = [deleting('one_7'), deleting('two_7'), found('two_7'), found('two_7'), ...summary].join('\n')
  assert.deepEqual(deletedAndFound(log), ['one_7', 'two_7'])
})

test('anything else that goes wrong in the test is not taken for that', () => {
  const missing = at('20.1', 'WARN: range: regex 0&1: expected topic not found in assignment: one_8')
  const elsewhere = found('two_7').replace('0033_regex_subscribe', '0034_offset_reset   ')
  for (const lines of [
    [deleting('two_7'), SUMMARY],
    [deleting('two_7'), elsewhere, SUMMARY],
    [deleting('one_7'), found('two_7'), SUMMARY],
    [found('two_7'), SUMMARY, deleting('two_7')],
    [deleting('two_7'), found('two_7'), missing, SUMMARY],
    [
      deleting('two_7'),
      found('two_7'),
      SUMMARY,
      failedBy('consumer_poll_once(): two_7 [0] error (offset 3): it broke'),
    ],
  ]) {
    assert.equal(deletedAndFound(lines.join('\n')), undefined)
  }
})
