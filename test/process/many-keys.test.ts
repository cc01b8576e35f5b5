/** A log of ten million keys is cleaned by a broker in its own process: the memory that it takes for that follows from the settings, not from the log. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { DEDUPE_BUFFER_BYTES, watchCleaning, writeKeys } from '../../bench/lib/many-keys.js'
import { temporaryDirectory } from '../node-ports.js'
import { withoutLinux } from './linux.js'

const KEYS = 10_000_000
const MOST_OF_BUFFER = 1.25
const LONGEST_CLEANING_MS = 120_000
const MB = 1024 * 1024

test('ten million keys are cleaned within 1.25 of the dedupe buffer', {
  skip: withoutLinux,
}, async (t) => {
  const data = temporaryDirectory('many-keys')
  t.after(() => rmSync(data, { recursive: true, force: true }))
  await writeKeys(data, KEYS, () => {})
  const { tookMs, restBytes, peakBytes } = await watchCleaning(data, KEYS, LONGEST_CLEANING_MS)
  const moreBytes = peakBytes - restBytes
  const part = moreBytes / DEDUPE_BUFFER_BYTES
  t.diagnostic(
    `cleaned in ${(tookMs / 1000).toFixed(0)} s; resident ${(restBytes / MB).toFixed(0)} MB, then ${(peakBytes / MB).toFixed(0)} MB at most: ${part.toFixed(2)} of the buffer more`,
  )
  assert.ok(part > 0.5, 'the map was there to be seen')
  assert.ok(part <= MOST_OF_BUFFER, `${part}`)
})
