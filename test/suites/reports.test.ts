import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readGo, readJest, readJUnit, readPytestLines, readRdkafka } from './reports.js'

test('a JUnit report gives names, times and why a case failed', () => {
  const cases = readJUnit(`<testsuites><testsuite>
    <testcase classname="a.b" name="works[x&amp;y]" time="1.5" />
    <testcase classname="a.b" name="fails " time="0.25"><failure message="1 &lt; 2&#10;no">trace</failure></testcase>
    <testcase classname="a.b" name="breaks" time="0"><error message="no broker"></error></testcase>
    <testcase classname="a.b" name="left out" time="0"><skipped type="skip" message="too old"/></testcase>
  </testsuite></testsuites>`)
  assert.deepEqual(
    cases.map(({ name, result, seconds, reason }) => [name, result, seconds, reason]),
    [
      ['works[x&y]', 'pass', 1.5, ''],
      ['fails', 'fail', 0.25, '1 < 2\nno'],
      ['breaks', 'fail', 0, 'no broker'],
      ['left out', 'skip', 0, 'too old'],
    ],
  )
})

test('of a pytest that was ended, the test that has no word behind it did hang', () => {
  const results = readPytestLines(
    'test/integration/test_x.py::test_a PASSED  [ 3%]\ntest/integration/test_x.py::test_b[gzip] FAILED [ 6%]\ntest/integration/test_x.py::test_c ',
  )
  assert.deepEqual(
    results.map(({ test: name, result }) => [name, result]),
    [
      ['test.integration.test_x::test_a', 'pass'],
      ['test.integration.test_x::test_b[gzip]', 'fail'],
      ['test.integration.test_x::test_c', 'hang'],
    ],
  )
})

test('go: parts of tests count by themselves, what did not end did hang, and the first complaint is the reason', () => {
  const results = readGo(`=== RUN   TestA
=== RUN   TestA/x
=== RUN   TestA/y
    a_test.go:10: deleting topic t
    a_test.go:12: got 1
    a_test.go:13: and more
=== RUN   TestB
=== RUN   TestC
    c_test.go:1: not here
--- SKIP: TestC (0.00s)
--- FAIL: TestA (1.20s)
    --- PASS: TestA/x (0.70s)
    --- FAIL: TestA/y (0.50s)
panic: test timed out
`)
  assert.deepEqual(
    new Map(results.map(({ test: name, result, seconds, reason }) => [name, [result, seconds, reason]])),
    new Map([
      ['TestC', ['skip', 0, 'not here']],
      ['TestA', ['fail', 1.2, '']],
      ['TestA/x', ['pass', 0.7, '']],
      ['TestA/y', ['fail', 0.5, 'got 1']],
      ['TestB', ['hang', 0, '']],
    ]),
  )
})

test('jest: names carry their file; what is neither passed nor failed is skipped', () => {
  const json = JSON.stringify({
    testResults: [
      {
        message: '',
        assertionResults: [
          { fullName: 'A works', status: 'passed', duration: 1500, failureMessages: [] },
          {
            fullName: 'A fails ',
            status: 'failed',
            duration: null,
            failureMessages: ['\u001b[31mError\u001b[39m: no'],
          },
          { fullName: 'A waits', status: 'pending', failureMessages: [] },
        ],
      },
    ],
  })
  assert.deepEqual(readJest(json, 'src/a.spec.js'), [
    { test: 'src/a.spec.js :: A works', result: 'pass', seconds: 1.5, reason: '' },
    { test: 'src/a.spec.js :: A fails', result: 'fail', seconds: 0, reason: 'Error: no' },
    { test: 'src/a.spec.js :: A waits', result: 'skip', seconds: 0, reason: '' },
  ])
})

test("librdkafka: its runner's own entry is no test; what is still running when it ends has failed", () => {
  const json = JSON.stringify({
    tests: {
      '<MAIN>': { state: 'PASSED', duration: 3 },
      '0001_a': { state: 'PASSED', duration: 1.5 },
      '0002_b': { state: 'SKIPPED', duration: 0 },
      '0003_c': { state: 'RUNNING', duration: 9 },
    },
  })
  assert.deepEqual(
    readRdkafka(json).map(({ test: name, result }) => [name, result]),
    [
      ['0001_a', 'pass'],
      ['0002_b', 'skip'],
      ['0003_c', 'fail'],
    ],
  )
})
