/** What is said on a command line of a run whose history is judged: options for a history that has no file of its run beside it. */
import type { Options } from 'yargs'
import type { RunSettings } from './run-file.js'

export const settingsOptions = {
  acks: {
    type: 'string',
    choices: ['0', '1', 'all'] as const,
    requiresArg: true,
    describe: 'Of the producers of the history; default: as its run.json says, else all',
  },
  idempotent: { type: 'boolean', describe: 'Its producers were idempotent: what each sent stands without a hole' },
  transactional: {
    type: 'boolean',
    describe: 'A send of several records was one transaction, as in histories of Jepsen',
  },
  isolation: {
    type: 'string',
    choices: ['read_uncommitted', 'read_committed'] as const,
    requiresArg: true,
    describe: 'Of its consumers; default: as its run.json says, else read_committed',
  },
  operations: {
    type: 'number',
    requiresArg: true,
    describe: 'How many successful operations are enough to call it valid; default: 1000',
  },
} as const satisfies Readonly<Record<string, Options>>

export interface SettingsOptions {
  readonly acks?: string | undefined
  readonly idempotent?: boolean | undefined
  readonly transactional?: boolean | undefined
  readonly isolation?: string | undefined
  readonly operations?: number | undefined
}

/** Only what was said. */
export function settingsOf(options: SettingsOptions): RunSettings {
  const { acks, idempotent, transactional, isolation, operations } = options
  return {
    ...(acks === undefined ? {} : { acks: acks === 'all' ? -1 : acks === '1' ? 1 : 0 }),
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(transactional === undefined ? {} : { transactional }),
    ...(isolation === undefined ? {} : { isolation: isolation as 'read_uncommitted' | 'read_committed' }),
    ...(operations === undefined ? {} : { operations }),
  }
}
