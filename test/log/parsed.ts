/** Unwraps what a parser gave, or fails the test with the reason. */
import assert from 'node:assert/strict'
import type { Parsed } from '../../src/log/parsed.js'

export function parsedValue<T>(parsed: Parsed<T>): T {
  if (parsed.kind === 'corrupt') assert.fail(parsed.reason)
  return parsed.value
}

export function reasonOf(parsed: Parsed<unknown>): string {
  if (parsed.kind === 'ok') assert.fail('taken for good')
  return parsed.reason
}
