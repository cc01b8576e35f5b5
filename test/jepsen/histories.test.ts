/** The histories of jepsen/histories get the verdicts that stand in expected.tsv: nothing is missed, and nothing is made up. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'
import type { Judgement } from '../../jepsen/history/judge.js'
import { judgePath } from '../../jepsen/history/judge-run.js'
import { type SettingsOptions, settingsOf, settingsOptions } from '../../jepsen/history/settings-options.js'
import { histories } from './all-histories.js'

const root = new URL('../../../jepsen/histories/', import.meta.url)

interface Expected {
  readonly file: string
  readonly options: string
  readonly verdict: string
  readonly ofLittle: string
  readonly anomalies: string
  readonly observations: string
  readonly clause: string
}

const expected: readonly Expected[] = readFileSync(new URL('expected.tsv', root), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [file, options, verdict, ofLittle, anomalies, observations, clause] = line
      .split('\t')
      .map((each) => (each === '-' ? '' : each))
    return { file, options, verdict, ofLittle, anomalies, observations, clause } as Expected
  })

function judged({ file }: Expected, options: string): Promise<{ readonly judgement: Judgement }> {
  const parsed = yargs(options.split(' ').filter((word) => word !== ''))
    .options(settingsOptions)
    .strict()
    .parseSync() as SettingsOptions
  return judgePath(fileURLToPath(new URL(file, root)), { settings: settingsOf(parsed) })
}

function names(counts: Readonly<Record<string, number>>): string {
  return Object.keys(counts).sort().join(',')
}

for (const each of expected) {
  test(`${each.file}: ${each.verdict}`, async () => {
    const { judgement } = await judged(each, each.options)
    const found = {
      verdict: judgement.verdict,
      anomalies: names(judgement.anomalies),
      observations: names(judgement.observed),
    }
    const { verdict, anomalies, observations } = each
    assert.deepEqual(found, { verdict, anomalies, observations }, judgement.reasons.join('\n'))
    const ofLittle = (await judged(each, `${each.options} --operations 1`)).judgement
    assert.equal(ofLittle.verdict, each.ofLittle, ofLittle.reasons.join('\n'))
    assert.notEqual(each.clause, '')
  })
}

test('each history is expected, and each that is expected is there', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:jsonl|edn)$/.test(file))
    .map((file) => file.replace(/\/history\.jsonl$/, ''))
  assert.deepEqual(files.sort(), expected.map(({ file }) => file).sort())
  assert.ok(files.length >= 50)
})

/** Histories of clients do not show them: README.md there says so. */
const NOT_SHOWN = [
  'group-skip',
  'group-unseen',
  'not-transformed',
  'replicas-differ',
  'transformed-twice',
  'watermarks-crossed',
]

test('each anomaly that the checkers know is in one of them', () => {
  const source = readFileSync(new URL('../../../src/check/anomalies.ts', import.meta.url), 'utf8')
  const known = [...source.matchAll(/[|=] '([A-Za-z][\w-]+)'/g)].map(([, name]) => name!)
  assert.ok(known.length > 40, String(known.length))
  const shown = expected.flatMap(({ anomalies, observations }) => [anomalies, observations].join(',').split(','))
  assert.deepEqual(known.filter((name) => !shown.includes(name)).sort(), NOT_SHOWN)
  const readme = readFileSync(new URL('README.md', root), 'utf8')
  for (const name of NOT_SHOWN) assert.ok(readme.includes(`\`${name}\``), name)
})

test('histories that are told or drawn are as they are committed', () => {
  for (const [name, text] of histories()) {
    assert.ok(readFileSync(new URL(name, root), 'utf8') === text, name)
  }
})
