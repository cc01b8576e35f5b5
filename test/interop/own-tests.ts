/**
 * The tests that the makers of a client wrote for it, as a table: a test a line, with what it needs that is not here, or `run`; `groups`, `classic groups`
 * and `newer groups` are run too, as tests of groups. What is run must have been run and have passed: a test that its runner left out counts as one that failed.
 */
import { readFileSync } from 'node:fs'
import { sourcePath } from './client.js'

/** What tests need that a broker of this version has not, or that this suite does not give them. */
const NEEDS = {
  'share groups': 'share groups',
  'settings of groups': 'settings of single groups',
  transactions: 'transactions',
  'log directories': 'moves between log directories',
  security: 'SASL, SSL or ACLs',
  'old Kafka': 'a Kafka before 4',
  RapidJSON: 'RapidJSON in the build',
  'quiet machine': 'a quiet machine',
  'known issue': 'a known issue of theirs',
  manual: 'by hand only',
  minutes: 'minutes for one: test/suites has them',
  local: 'no broker in them',
} as const

type Need = keyof typeof NEEDS

/** What a test is run for. Of groups: with either protocol, or with the one for which there is something in it. */
const KINDS = ['run', 'groups', 'classic groups', 'newer groups'] as const

export type Kind = (typeof KINDS)[number]

export interface OwnTest {
  readonly name: string
  /** Undefined: it is run. */
  readonly needs: Need | undefined
  readonly kind: Kind | undefined
}

/** Reads `tests.tsv` of a client; a line that is not understood is an error. */
export function readTests(client: string): OwnTest[] {
  const lines = readFileSync(sourcePath(client, 'tests.tsv'), 'utf8').trimEnd().split('\n')
  const tests = lines.slice(1).map((line): OwnTest => {
    const [name = '', word = ''] = line.split('\t')
    const kind = KINDS.find((each) => each === word)
    if (kind !== undefined) return { name, needs: undefined, kind }
    if (!isNeed(word)) throw new Error(`${client}/tests.tsv: ${line}: there is no need ${word}`)
    return { name, needs: word, kind }
  })
  const names = new Set(tests.map(({ name }) => name))
  if (names.size !== tests.length) throw new Error(`${client}/tests.tsv names a test twice`)
  return tests
}

function isNeed(text: string): text is Need {
  return Object.hasOwn(NEEDS, text)
}

export function toRun(tests: readonly OwnTest[], kinds: readonly Kind[] = KINDS): string[] {
  return tests.filter(({ kind }) => kind !== undefined && kinds.includes(kind)).map(({ name }) => name)
}

/** How many are left out for what: for the line of a check. */
export function leftOut(tests: readonly OwnTest[]): string {
  const counts = new Map<Need, number>()
  for (const { needs } of tests) if (needs !== undefined) counts.set(needs, (counts.get(needs) ?? 0) + 1)
  return `left out: ${[...counts].map(([need, count]) => `${count} (${NEEDS[need]})`).join(', ')}`
}

/** Throws unless each of the wanted tests has passed; `tell` says more of those that have not. */
export function requirePassed(
  wanted: readonly string[],
  states: ReadonlyMap<string, string>,
  tell: (names: readonly string[]) => string,
): void {
  if (wanted.length === 0) throw new Error('no test was asked for')
  const others = wanted.filter((name) => states.get(name) !== 'passed')
  if (others.length === 0) return
  const lines = others.map((name) => `${name}: ${states.get(name) ?? 'not run'}`)
  throw new Error(`${others.length} of ${wanted.length} did not pass\n${lines.join('\n')}\n${tell(others)}`.trimEnd())
}
