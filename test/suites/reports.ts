/** What the runners of other projects report, as results by test. */
import type { Outcome, Result } from './ledger.js'

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (all, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name] ?? all
  })
}

function attributesOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/([\w:.-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, unescapeXml(value!)]))
}

const TEST_CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g
const FAULT = /<(failure|error|skipped)\b([^>]*)/

export interface JUnitCase {
  readonly className: string
  readonly name: string
  readonly result: Outcome
  readonly seconds: number
  readonly reason: string
}

/** Cases of a report in the notation of JUnit, as pytest and Node write it. */
export function readJUnit(xml: string): JUnitCase[] {
  return [...xml.matchAll(TEST_CASE)].map(([, head, body = '']) => {
    const attributes = attributesOf(head!)
    const fault = FAULT.exec(body)
    const result = fault === null ? 'pass' : fault[1] === 'skipped' ? 'skip' : 'fail'
    return {
      className: attributes.get('classname') ?? '',
      name: (attributes.get('name') ?? '').trim(),
      result,
      seconds: Number(attributes.get('time') ?? 0),
      reason: fault === null ? '' : (attributesOf(fault[2]!).get('message') ?? ''),
    }
  })
}

const PYTEST_LINE = /^(test\/\S+?)\.py::(\S+)(?: (PASSED|FAILED|SKIPPED|ERROR))?/gm
const PYTEST_RESULTS: Readonly<Record<string, Outcome>> = {
  PASSED: 'pass',
  FAILED: 'fail',
  SKIPPED: 'skip',
  ERROR: 'fail',
}

/** What `pytest -v` has printed until it was ended: the test that has no word behind it was under way. */
export function readPytestLines(output: string): Result[] {
  const results = new Map<string, Result>()
  for (const [, file, name, word] of output.matchAll(PYTEST_LINE)) {
    const test = `${file!.replaceAll('/', '.')}::${name}`
    const result = word === undefined ? 'hang' : PYTEST_RESULTS[word]!
    if (result !== 'hang' || !results.has(test)) results.set(test, { test, result, seconds: 0, reason: '' })
  }
  return [...results.values()]
}

const GO_LINE = /^\s*--- (PASS|FAIL|SKIP): (\S+) \((\d+(?:\.\d+)?)s\)/
const GO_RESULTS: Readonly<Record<string, Outcome>> = { PASS: 'pass', FAIL: 'fail', SKIP: 'skip' }
const GO_RUNS = /^=== (?:RUN|CONT|NAME)\s+(\S+)/
/** What franz-go says of the topics of a test. */
const GO_ASIDE = /^deleting |^FAILED TESTING -- NOT DELETING/
const GO_SAYS = /^\s+\w+_test\.go:\d+: (.*)/

/** What `go test -v` prints; tests that began and have no end, as after a panic or the time limit, did hang. */
export function readGo(output: string): Result[] {
  const results = new Map<string, Result>()
  const said = new Map<string, string>()
  const begun = new Set<string>()
  let current = ''
  for (const line of output.split('\n')) {
    const runs = GO_RUNS.exec(line)?.[1]
    const ends = GO_LINE.exec(line)
    const says = GO_SAYS.exec(line)?.[1]
    if (runs !== undefined) {
      current = runs
      begun.add(runs)
    } else if (ends !== null) {
      const [, word, test, seconds] = ends
      current = test!
      results.set(test!, { test: test!, result: GO_RESULTS[word!]!, seconds: Number(seconds), reason: '' })
    } else if (says !== undefined && !GO_ASIDE.test(says) && !said.has(current)) said.set(current, says)
  }
  for (const test of begun) {
    if (!results.has(test)) results.set(test, { test, result: 'hang', seconds: 0, reason: '' })
  }
  return [...results.values()].map((each) =>
    each.result === 'pass' ? each : { ...each, reason: said.get(each.test) ?? '' },
  )
}

interface JestReport {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly duration?: number | null
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const JEST_RESULTS: Readonly<Record<string, Outcome>> = { passed: 'pass', failed: 'fail' }
/** Ends of lines that colour them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const COLOURS = /\u001b\[[0-9;]*m/g

/** A report of jest on one file; `file` goes in front of the names. */
export function readJest(json: string, file: string): Result[] {
  const { testResults } = JSON.parse(json) as JestReport
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(
      ({ fullName, status, duration, failureMessages }): Result => ({
        test: `${file} :: ${fullName.trim()}`,
        result: JEST_RESULTS[status] ?? 'skip',
        seconds: (duration ?? 0) / 1000,
        reason: failureMessages.join(' ').replace(COLOURS, ''),
      }),
    ),
  )
}

const RDKAFKA_RESULTS: Readonly<Record<string, Outcome>> = { PASSED: 'pass', SKIPPED: 'skip' }

/** The report of librdkafka's runner. */
export function readRdkafka(json: string): Result[] {
  const { tests } = JSON.parse(json) as { tests: Record<string, { state: string; duration: number }> }
  return Object.entries(tests)
    .filter(([test]) => test !== '<MAIN>')
    .map(([test, { state, duration }]) => ({
      test,
      result: RDKAFKA_RESULTS[state] ?? 'fail',
      seconds: duration,
      reason: '',
    }))
}
