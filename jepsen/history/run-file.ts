/**
 * `run.json`, beside `history.jsonl`: what a run was set up for, and what happened beside the history. The judge must know it: what is promised depends on it. A history alone can
 * be judged too, by what is said of it on the command line.
 */
import type { UnaskedEnd } from '../beds/bed.js'

export const RUN_FILE = 'run.json'
export const HISTORY_FILE = 'history.jsonl'

export interface RunFile {
  readonly settings: RunSettings
  /** As who runs it again types it. */
  readonly command?: string
  readonly seed?: string
  /** When it began, as ISO 8601. */
  readonly startedAt?: string
  readonly bed?: { readonly kind: string; readonly target: string; readonly nodes: number }
  /** Names of drivers, with their versions. */
  readonly drivers?: readonly string[]
  /** Which means made which faults here; which there were none for, and why. */
  readonly backends?: readonly { readonly name: string; readonly faults: readonly string[]; readonly why?: string }[]
  readonly unasked?: readonly UnaskedEnd[]
  /** Other reasons for which the run is no good, as sentences: a fault that did not show at its victim, a client that nobody could open. */
  readonly troubles?: readonly string[]
}

/** What is not said is as in `DEFAULT_SETTINGS`. */
export interface RunSettings {
  readonly acks?: -1 | 0 | 1
  /** Of producers without transactions. */
  readonly idempotent?: boolean
  /** A `send` of several records is one transaction, as it is with Jepsen; else each has an end of its own. */
  readonly transactional?: boolean
  readonly isolation?: 'read_uncommitted' | 'read_committed'
  /** Whether a replica that is not in sync may lead. */
  readonly uncleanElection?: boolean
  /** Names of operations that the workload has: each must have happened. Default: those that were tried, and `send` and `poll` in any case. */
  readonly kinds?: readonly string[]
  /** Members keep their place under an instance id, also in another process. */
  readonly staticMembers?: boolean
  /** How many successful operations are enough. */
  readonly operations?: number
}

export const DEFAULT_SETTINGS = {
  acks: -1,
  idempotent: false,
  transactional: false,
  isolation: 'read_committed',
  uncleanElection: false,
  staticMembers: false,
  operations: 1_000,
} as const satisfies RunSettings

/** A run file that cannot be. */
export class RunFileError extends Error {
  override readonly name = 'RunFileError'
}

/** From the text of the file. */
export function readRunFile(text: string): RunFile {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new RunFileError(`${RUN_FILE} is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(content)) throw new RunFileError(`${RUN_FILE} is not an object`)
  const settings = content['settings'] ?? {}
  if (!isObject(settings)) throw new RunFileError(`settings in ${RUN_FILE} is not an object`)
  for (const [name, isAllowed] of Object.entries(ALLOWED)) {
    const value = settings[name]
    if (value !== undefined && !isAllowed(value)) {
      throw new RunFileError(`${name} in ${RUN_FILE} is ${JSON.stringify(value)}`)
    }
  }
  for (const name of ['drivers', 'backends', 'unasked', 'troubles']) {
    const value = content[name]
    if (value !== undefined && !Array.isArray(value)) throw new RunFileError(`${name} in ${RUN_FILE} is not a list`)
  }
  return { ...content, settings }
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean'
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

const ALLOWED: Readonly<Record<keyof RunSettings, (value: unknown) => boolean>> = {
  acks: (value) => value === -1 || value === 0 || value === 1,
  idempotent: isBoolean,
  transactional: isBoolean,
  isolation: (value) => value === 'read_uncommitted' || value === 'read_committed',
  uncleanElection: isBoolean,
  kinds: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  staticMembers: isBoolean,
  operations: isCount,
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
