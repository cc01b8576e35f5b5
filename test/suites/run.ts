/**
 * Runs the tests that the makers of a client wrote, against brokers of this build: `node dist/test/suites/run.js SUITE [--nodes 1|3] [--tests PART...] [--again failed|all]
 * [--excluded] [--set KEY=VALUE...]`. What was recorded at this commit is not run again unless asked for. Results go to `ledger.tsv`, what the runners print to `.interop/logs`. Ends well
 * if every test that counts has passed.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine, notAllowed, refuse } from '../../jepsen/command-line.js'
import { cachePath } from '../interop/client.js'
import { type Control, readControl } from './control.js'
import { Ledger, type Result } from './ledger.js'
import { needOf, readNeeds } from './needs.js'
import { type Clusters, Place } from './place.js'
import { choose, limitMsOf, type Picked } from './selection.js'
import type { Job, Suite } from './suite.js'
import { SUITES } from './suites.js'
import { suitesPath } from './table.js'

const NEVER_RUN: Result['result'] = 'notrun'

function commitOf(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', suitesPath(), ...args], { encoding: 'utf8' }).trim()
  const dirty = git('status', '--porcelain', '--', ':/src') !== ''
  return `${git('rev-parse', '--short=9', 'HEAD')}${dirty ? '+' : ''}`
}

/** Of the tests of a job that its runner says nothing of. */
function withSilent(tests: readonly string[], results: readonly Result[], why: string): readonly Result[] {
  const known = new Set(results.map(({ test }) => test))
  const silent = tests.filter((test) => !known.has(test))
  return [...results, ...silent.map((test): Result => ({ test, result: NEVER_RUN, seconds: 0, reason: why }))]
}

/** Behind its own, for who looks for a cause. */
function withSettings(clusters: Clusters, more: readonly string[]): Clusters {
  const entries = Object.entries(clusters).map(([name, cluster]) => {
    return [name, { ...cluster, settings: [...(cluster.settings ?? []), ...more] }] as const
  })
  return Object.fromEntries(entries)
}

class Run {
  readonly #suite: Suite
  readonly #nodes: 1 | 3
  readonly #control: Control
  readonly #commit = commitOf()
  readonly #root = mkdtempSync(join(tmpdir(), 'lograft-suites-'))
  readonly #logs: string
  readonly #ledger = new Ledger()
  #shared: Promise<Place> | undefined
  #places = 0
  #done = 0
  failed = 0

  constructor(suite: Suite, nodes: 1 | 3, control: Control) {
    this.#suite = suite
    this.#nodes = nodes
    this.#control = control
    this.#logs = cachePath('logs', `${suite.name}-${nodes}`)
    mkdirSync(this.#logs, { recursive: true })
    process.once('exit', () => rmSync(this.#root, { recursive: true, force: true }))
  }

  async all(jobs: readonly Job[]): Promise<void> {
    const left = [...jobs]
    const worker = async (): Promise<void> => {
      for (let job = left.shift(); job !== undefined; job = left.shift()) await this.#one(job, jobs.length)
    }
    await Promise.all(Array.from({ length: this.#suite.lanes ?? 1 }, worker))
    await this.#stop(await this.#shared, 'brokers')
  }

  #start(clusters = this.#suite.clusters(this.#nodes)): Promise<Place> {
    return Place.start(join(this.#root, `data-${++this.#places}`), withSettings(clusters, values.set))
  }

  async #stop(place: Place | undefined, name: string): Promise<void> {
    await place?.stop()
    if (place !== undefined) writeFileSync(join(this.#logs, `${name}.log`), place.log)
  }

  async #one(job: Job, of: number): Promise<void> {
    const name = job.name.replace(/[^\w.-]+/g, '_')
    const own = job.clusters === undefined ? undefined : this.#start(job.clusters)
    const place = await (own ?? (this.#shared ??= this.#start()))
    const directory = join(this.#root, name)
    mkdirSync(directory, { recursive: true })
    const startedAtMs = performance.now()
    let why = 'its runner says nothing of it'
    const found = await job
      .run({
        place,
        nodes: this.#nodes,
        directory,
        keep: (file, text) => writeFileSync(join(this.#logs, `${name}.${file}`), text),
        limitMs: limitMsOf(job.tests, this.#control),
      })
      .catch((error: Error) => {
        why = error.message.slice(0, 500)
        return []
      })
    rmSync(directory, { recursive: true, force: true })
    if (own !== undefined) await this.#stop(place, name)
    else if (place.ended) {
      why = `a broker has ended: ${why}`
      process.stdout.write(`A BROKER HAS ENDED\n${place.log}\n`)
      await this.#stop(place, `${name}.brokers`)
      this.#shared = undefined
    }
    // Runners tell of tests that they were not asked for.
    const results = found.filter(({ test }) => job.tests.includes(test))
    this.#record(job, withSilent(job.tests, results, why), performance.now() - startedAtMs, of)
  }

  #record({ name, tests }: Job, results: readonly Result[], tookMs: number, of: number): void {
    const before = new Map([...this.#control].map(([test, { result }]) => [test, result]))
    this.#ledger.record({ suite: this.#suite.name, nodes: this.#nodes }, this.#commit, before, results)
    const wanted = new Set(tests)
    const others = results.filter(({ test, result }) => wanted.has(test) && result !== 'pass')
    this.failed += others.filter(({ test }) => before.get(test) === 'pass').length
    const took = `${(tookMs / 1000).toFixed(0)} s`
    const passed = results.filter(({ result }) => result === 'pass').length
    process.stdout.write(`[${++this.#done}/${of}] ${name}: ${passed} of ${results.length} passed, ${took}\n`)
    for (const { test, result, reason } of others) {
      process.stdout.write(`    ${result} (Kafka: ${before.get(test)}) ${test}: ${reason.slice(0, 300)}\n`)
    }
  }
}

const USAGE = `npm run test:suites -- SUITE [PART ...] [--nodes 1|3] [--tests PART]... [--again failed|all] [--excluded] [--set KEY=VALUE]...

The tests that the makers of a client wrote, against brokers of this build; what has a result at this commit is not run again. Suites:
${SUITES.map(({ name, nodes, about }) => `  ${name} (${nodes.join(' or ')} nodes): ${about}`).join('\n')}

  --nodes COUNT       of brokers. Default: the first that stands with the suite
  --tests PART        only those with that in their names, as PART behind the suite; may stand several times
  --again failed|all  failed: what has no result, at whatever commit, or one that is no pass; all: whatever has been recorded
  --excluded          also what does not count: it fails with Kafka, or asks for what is not served
  --set KEY=VALUE     of brokers, behind the suite's own settings; may stand several times`

const { values, positionals } = commandLine(USAGE, {
  nodes: { type: 'string' },
  tests: { type: 'string', multiple: true, default: [] },
  again: { type: 'string' },
  excluded: { type: 'boolean', default: false },
  set: { type: 'string', multiple: true, default: [] },
})
const [name, ...parts] = positionals
if (name === undefined) refuse('say which suite')
const suite = SUITES.find((each) => each.name === name) ?? refuse(`there is no suite ${name}`)
const nodes = suite.nodes.find((each) => String(each) === (values.nodes ?? String(suite.nodes[0])))
if (nodes === undefined) notAllowed('nodes', values.nodes ?? '', `${suite.nodes.join(' or ')} with ${suite.name}`)
if (values.again !== undefined && values.again !== 'failed' && values.again !== 'all') {
  notAllowed('again', values.again, 'failed or all')
}
const unset = values.set.find((each) => each.indexOf('=') < 1)
if (unset !== undefined) notAllowed('set', unset, 'KEY=VALUE')

const missing = suite.missing()
if (missing !== undefined) refuse(`${suite.name} cannot be run: ${missing}`)
await suite.install?.()

const control = readControl(suite.control ?? suite.name)
const needs = readNeeds()
/** Others are run where they are asked for: they say nothing, and what fails with Kafka takes the longest. */
function mayCount(test: string): boolean {
  const { result } = control.get(test)!
  return (result === 'pass' || result === 'flaky') && needOf(needs, suite!.control ?? suite!.name, test) === undefined
}

const picked: Picked = {
  parts: [...values.tests, ...parts],
  again: values.again,
  commit: commitOf(),
  excluded: (test) => !values.excluded && !mayCount(test),
}
const tests = choose(control, new Ledger().rowsOf({ suite: suite.name, nodes }), picked)
if (tests.length === 0) refuse('there is nothing to run: --again all runs what was run at this commit')
const run = new Run(suite, nodes, control)
await run.all(suite.jobs(tests, control))
process.stdout.write(
  `${run.failed === 0 ? 'all have passed that pass with Kafka' : `${run.failed} of those that pass with Kafka have not passed`}\n`,
)
process.exitCode = run.failed === 0 ? 0 : 1
