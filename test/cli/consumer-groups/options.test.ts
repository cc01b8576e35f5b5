/** A command line of consumer-groups: what is to be done is said once, and the rest fits to it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOptions, type GroupOptions } from '../../../src/cli/consumer-groups/options.js'
import { runCommand } from '../run-command.js'

/** As yargs gives them: flags are false where they are not said. */
function optionsOf(line: string): GroupOptions {
  const options: Record<string, unknown> = {}
  const words = line.split(' ').filter((word) => word !== '')
  for (let at = 0; at < words.length; at++) {
    const name = words[at]!.slice(2)
    const next = words[at + 1]
    const value = next === undefined || next.startsWith('--') ? (name === 'state' ? '' : true) : next
    if (value === next) at++
    if (name === 'group' || name === 'topic') options[name] = [...((options[name] as string[]) ?? []), value]
    else options[name] = value
  }
  return options as unknown as GroupOptions
}

test('what fits together is taken', () => {
  for (const line of [
    '--list',
    '--validate-regex a.*',
    '--list --state --type',
    '--describe --group g',
    '--describe --all-groups --members --verbose',
    '--describe --group g --state',
    '--describe --group g --explain',
    '--delete --group g --group h',
    '--delete-offsets --group g --topic t',
    '--reset-offsets --group g --all-topics --to-current',
    '--reset-offsets --all-groups --topic t --to-latest --execute --export',
    '--reset-offsets --group g --from-file f --dry-run',
  ]) {
    assert.equal(checkOptions(optionsOf(line)), true, line)
  }
})

test('what does not is refused in a sentence', () => {
  for (const [line, sentence] of [
    ['', /^say one of --list, --describe, --delete, --delete-offsets, --reset-offsets, --validate-regex$/],
    ['--list --describe --group g', /^say one of --list/],
    ['--describe', /^--describe needs --group or --all-groups$/],
    ['--describe --group g --all-groups', /^--describe needs --group or --all-groups$/],
    ['--list --group g', /^--list is about no group in particular$/],
    ['--describe --group g --members --offsets', /^say one of --offsets, --members, --state, --explain$/],
    ['--describe --group g --state stable', /^with --describe there is no value behind --state$/],
    ['--list --verbose', /^--verbose belongs to --describe$/],
    ['--list --explain', /^--explain belongs to --describe$/],
    ['--describe --group g --type classic', /^--type belongs to --list$/],
    ['--delete --group g --state', /^--state belongs to --describe, --list$/],
    ['--delete --group g --topic t', /^--topic belongs to --reset-offsets, --delete-offsets$/],
    ['--delete --group g --execute', /^--execute belongs to --reset-offsets$/],
    ['--delete-offsets --group g', /^--delete-offsets needs --topic$/],
    ['--delete-offsets --topic t', /^--delete-offsets needs --group$/],
    ['--delete-offsets --group g --group h --topic t', /^--delete-offsets is about one --group$/],
    ['--reset-offsets --group g --topic t', /^--reset-offsets needs one of --to-earliest, /],
    ['--reset-offsets --group g --topic t --to-earliest --to-latest', /^--reset-offsets needs one of/],
    ['--reset-offsets --group g --to-earliest', /^say --topic or --all-topics$/],
    ['--reset-offsets --group g --topic t --all-topics --to-earliest', /^say --topic or --all-topics$/],
    [
      '--reset-offsets --group g --topic t --to-latest --dry-run --execute',
      /^--dry-run and --execute exclude each other$/,
    ],
    ['--reset-offsets --group g --topic t --from-file f', /^with --from-file the file names the topics$/],
  ] as const) {
    assert.throws(() => checkOptions(optionsOf(line)), { message: sentence }, line)
  }
})

test('values that are none are refused before anybody is asked', async () => {
  const reset = '--reset-offsets --group g --topic'
  for (const [line, sentence] of [
    ['', /^lograft: say one of --list.* \(see lograft consumer-groups --help\)$/],
    [`${reset} t --to-offset -1`, /^lograft: --to-offset -1 is not allowed/],
    [`${reset} t --to-datetime yesterday`, /^lograft: --to-datetime yesterday is not allowed/],
    [`${reset} t --by-duration 1h`, /^lograft: --by-duration 1h is not allowed/],
    [`${reset} t:0:1 --to-latest`, /^lograft: --topic t:0:1 is not allowed/],
    ['--describe --group g --timeout 0', /^lograft: --timeout 0 is not allowed/],
  ] as const) {
    const { status, stdout, stderr, sentence: said } = await runCommand(`consumer-groups ${line}`.trim().split(' '))
    assert.deepEqual([status, stdout, stderr], [2, '', `${said}\n`], line)
    assert.match(said, sentence)
  }
})

test('regular expressions are judged as a broker judges them', async () => {
  const judged = async (text: string) => {
    const { status, stdout } = await runCommand(['consumer-groups', '--validate-regex', text])
    return [status, stdout]
  }
  assert.deepEqual(await judged('orders-[a-z]+'), [0, 'The regular expression `orders-[a-z]+` is valid.\n'])
  const [status, said] = await judged('orders-(')
  assert.equal(status, 1)
  assert.match(String(said), /^The regular expression `orders-\(` is invalid: .+\.\n$/)
})
