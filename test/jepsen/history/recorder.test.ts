/** What the recorder writes is what it was given, in its order, with places and times. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Operation } from '../../../jepsen/history/operation.js'
import { Recorder } from '../../../jepsen/history/recorder.js'
import { temporaryDirectory } from '../../node-ports.js'

test('lines in order, in nanoseconds since it began; little is held back, and nothing after the end', () => {
  const directory = temporaryDirectory('recorder')
  const path = join(directory, 'history.jsonl')
  let nowMs = 1000
  const recorder = new Recorder(path, { nowMs: () => nowMs, wait: async () => {} })
  nowMs = 2000
  recorder.begin()
  const heard: Operation[] = []
  recorder.listen((operation) => heard.push(operation))
  try {
    for (let n = 0; n < 5000; n++) {
      nowMs += 0.25
      recorder.record({ type: 'invoke', process: n, f: 'send', value: [['send', 1, n]] })
    }
    assert.ok(statSync(path).size > 5000 * 60 - 64 * 1024, 'most of it is on the disk')
    nowMs += 1000
    recorder.record({ type: 'fail', process: 1, f: 'poll', value: [['poll']], error: ['CODE', 'why'], generation: 3 })
    recorder.close()
    const written = readFileSync(path, 'utf8').trim().split('\n')
    assert.deepEqual(
      written.map((line) => JSON.parse(line)),
      heard,
    )
    assert.deepEqual(
      heard.map(({ index }) => index),
      heard.map((_, index) => index),
    )
    assert.equal(heard[0]!.time, 250_000)
    assert.equal(
      written.at(-1),
      '{"index":5000,"type":"fail","process":1,"f":"poll","value":[["poll"]],"time":2250000000,"error":["CODE","why"],"generation":3}',
    )
    recorder.close()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
