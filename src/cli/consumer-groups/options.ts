/** What `consumer-groups` can be told, and what of it fits together. */
import type { ClusterOptions } from '../cluster-options.js'

export interface GroupOptions extends ClusterOptions {
  readonly list: boolean
  readonly describe: boolean
  readonly delete: boolean
  readonly 'delete-offsets': boolean
  readonly 'reset-offsets': boolean
  readonly 'validate-regex': string | undefined
  readonly group: readonly string[] | undefined
  readonly 'all-groups': boolean
  readonly topic: readonly string[] | undefined
  readonly 'all-topics': boolean
  readonly offsets: boolean
  readonly members: boolean
  readonly explain: boolean
  readonly state: string | undefined
  readonly type: string | undefined
  readonly verbose: boolean
  readonly timeout: string | undefined
  readonly 'dry-run': boolean
  readonly execute: boolean
  readonly export: boolean
  readonly 'to-earliest': boolean
  readonly 'to-latest': boolean
  readonly 'to-current': boolean
  readonly 'to-offset': string | undefined
  readonly 'shift-by': string | undefined
  readonly 'to-datetime': string | undefined
  readonly 'by-duration': string | undefined
  readonly 'from-file': string | undefined
}

const ACTIONS = ['list', 'describe', 'delete', 'delete-offsets', 'reset-offsets', 'validate-regex'] as const
const ASPECTS = ['offsets', 'members', 'state', 'explain'] as const
const RESETS = [
  'to-earliest',
  'to-latest',
  'to-current',
  'to-offset',
  'shift-by',
  'to-datetime',
  'by-duration',
  'from-file',
] as const

/** Throws a sentence for a command line that says too much, too little, or what belongs to something else. */
export function checkOptions(options: GroupOptions): true {
  const said = (names: readonly (keyof GroupOptions)[]): string[] =>
    names.filter((name) => options[name] !== undefined && options[name] !== false)
  const flags = (names: readonly string[]): string => names.map((name) => `--${name}`).join(', ')
  const actions = said(ACTIONS)
  if (actions.length !== 1) throw new Error(`say one of ${flags(ACTIONS)}`)
  const [action] = actions
  const isForAll = action === 'list' || action === 'validate-regex'
  if (!isForAll && said(['group', 'all-groups']).length !== 1) {
    throw new Error(`--${action} needs ${action === 'delete-offsets' ? '--group' : '--group or --all-groups'}`)
  }
  if (isForAll && said(['group', 'all-groups']).length > 0)
    throw new Error(`--${action} is about no group in particular`)
  if (said(ASPECTS).length > 1) throw new Error(`say one of ${flags(ASPECTS)}`)
  const only: readonly (readonly [readonly (keyof GroupOptions)[], readonly string[]])[] = [
    [['offsets', 'members', 'explain', 'verbose'], ['describe']],
    [['type'], ['list']],
    [['state'], ['describe', 'list']],
    [[...RESETS, 'dry-run', 'execute', 'export', 'all-topics'], ['reset-offsets']],
    [['topic'], ['reset-offsets', 'delete-offsets']],
  ]
  for (const [names, allowed] of only) {
    const [first] = allowed.includes(action!) ? [] : said(names)
    if (first !== undefined) throw new Error(`--${first} belongs to ${flags(allowed)}`)
  }
  if (action === 'describe' && options.state) throw new Error('with --describe there is no value behind --state')
  if (action === 'delete-offsets') {
    if (options['all-groups'] || options.group!.length > 1) throw new Error('--delete-offsets is about one --group')
    if (options.topic === undefined) throw new Error('--delete-offsets needs --topic')
  }
  if (action === 'reset-offsets') {
    if (said(RESETS).length !== 1) throw new Error(`--reset-offsets needs one of ${flags(RESETS)}`)
    if (options['dry-run'] && options.execute) throw new Error('--dry-run and --execute exclude each other')
    const scopes = said(['topic', 'all-topics']).length
    if (options['from-file'] === undefined && scopes !== 1) throw new Error('say --topic or --all-topics')
    if (options['from-file'] !== undefined && scopes > 0) throw new Error('with --from-file the file names the topics')
  }
  return true
}
