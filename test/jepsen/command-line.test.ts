/** Command lines of runners: what they say of themselves, and what they do not take. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandLineEnd, parseCommandLine } from '../../jepsen/command-line.js'

const USAGE = 'usage: run [--seed TEXT] [--no-skips] [PART ...]'

function parsed(...words: readonly string[]) {
  return parseCommandLine(words, USAGE, { seed: { type: 'string' }, 'no-skips': { type: 'boolean', default: false } })
}

test('what is asked for is taken, with what stands for itself', () => {
  const line = parsed('kill', '--seed', 'abc', 'start')
  assert.ok(!(line instanceof CommandLineEnd))
  assert.deepEqual([line.values.seed, line.values['no-skips'], line.positionals], ['abc', false, ['kill', 'start']])
})

test('help is the usage and no error; what is not understood is one sentence, and an error', () => {
  assert.deepEqual(parsed('kill', '--help'), new CommandLineEnd(0, USAGE))
  const refused = (...words: readonly string[]): unknown => parsed(...words)
  assert.deepEqual(refused('--nope'), new CommandLineEnd(2, "Unknown option '--nope'; --help says what there is"))
  assert.deepEqual(refused('-x'), new CommandLineEnd(2, "Unknown option '-x'; --help says what there is"))
  assert.deepEqual(
    refused('--seed'),
    new CommandLineEnd(2, "Option '--seed <value>' argument missing; --help says what there is"),
  )
  assert.deepEqual(
    refused('--no-skips=yes'),
    new CommandLineEnd(2, "Option '--no-skips' does not take an argument; --help says what there is"),
  )
})
