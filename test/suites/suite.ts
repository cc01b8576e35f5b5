/** What the runner knows of a suite: on which brokers, with what, and how a part of it is run. */
import { existsSync } from 'node:fs'
import { cachePath } from '../interop/client.js'
import { probe } from '../interop/external.js'
import type { Control } from './control.js'
import type { Result } from './ledger.js'
import type { Clusters, Place } from './place.js'

/** What is run at once, in one process of the suite's own runner. */
export interface Job {
  readonly name: string
  /** Names of the control; what the job reports beyond them is recorded too. */
  readonly tests: readonly string[]
  /** Started instead of the suite's own brokers, for this job alone. */
  readonly clusters?: Clusters
  readonly run: (context: JobContext) => Promise<readonly Result[]>
}

export interface JobContext {
  readonly place: Place
  readonly nodes: number
  /** Removed afterwards. */
  readonly directory: string
  /** Keeps what a runner printed. */
  readonly keep: (name: string, text: string | Buffer) => void
  readonly limitMs: number
}

export interface Suite {
  readonly name: string
  readonly about: string
  /** The first is what the control ran on, as far as it goes. */
  readonly nodes: readonly (1 | 3)[]
  /** Whose results count; default: the suite's own name. */
  readonly control?: string
  readonly clusters: (nodes: 1 | 3) => Clusters
  /** What it needs and is not here; undefined if it can be run. */
  readonly missing: () => string | undefined
  /** Brings packages of registries into the cache. */
  readonly install?: () => Promise<void>
  /** `tests`: of the control, in its order. */
  readonly jobs: (tests: readonly string[], control: Control) => readonly Job[]
  /** How many jobs at a time; default: one. */
  readonly lanes?: number
}

/** Where a clone of the suite's repository has to be put: not every project's packages carry its tests. */
export function checkoutPath(suite: string, ...names: readonly string[]): string {
  return cachePath(suite, 'sources', ...names)
}

export function missingCheckout(suite: string, repository: string, commit: string): string | undefined {
  const path = checkoutPath(suite)
  if (!existsSync(path)) return `no clone of ${repository} at ${commit} in ${path}`
  const found = probe('git', '-C', path, 'rev-parse', 'HEAD')?.trim()
  return found === commit ? undefined : `the clone of ${repository} in ${path} is at ${found}, not at ${commit}`
}

/** A job for each group of tests, in the order in which they come. */
export function jobsBy(
  tests: readonly string[],
  groupOf: (test: string) => string,
  jobOf: (group: string, tests: readonly string[]) => Job,
): Job[] {
  const groups = new Map<string, string[]>()
  for (const test of tests) {
    const group = groupOf(test)
    const members = groups.get(group)
    if (members === undefined) groups.set(group, [test])
    else members.push(test)
  }
  return [...groups].map(([group, members]) => jobOf(group, members))
}

export function fileOf(test: string): string {
  return test.split(' :: ')[0]!
}

/** Finds these tests of a file by their full names. Some end with a space, which the control leaves out. */
export function patternOf(file: string, tests: readonly string[]): string {
  const names = tests.map((test) => test.slice(`${file} :: `.length).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return `^(?:${names.join('|')})\\s*$`
}
