/** A line of a history as an operation, or why it is none: everything is looked at that the checkers rely on. */
import type { OperationType } from './operation.js'

/** What a line has, whatever it is about. */
export interface Parsed {
  readonly index: number
  readonly type: OperationType
  readonly time: number
  readonly process: number | 'nemesis'
  readonly f: string
  readonly value: unknown
  readonly error?: readonly [code: string, message: string]
  readonly 'rebalance-log'?: readonly {
    readonly type: 'revoked' | 'assigned' | 'lost'
    readonly keys: readonly number[]
  }[]
  readonly generation?: number
  readonly 'commit-started'?: number
  readonly markers?: Readonly<Record<string, number>>
  readonly 'seek-to-beginning?'?: boolean
  readonly group?: string
}

/** Processes are numbers of 32 bits in columns. */
const MOST_PROCESSES = 2 ** 31 - 1

const TYPES: ReadonlySet<unknown> = new Set(['invoke', 'ok', 'fail', 'info'])

/** By f: what is wrong with the value; undefined: nothing. */
const VALUES: Readonly<Record<string, (operation: Parsed) => string | undefined>> = {
  send: ({ value }) => partsOf(value, ['send']),
  poll: ({ value }) => partsOf(value, ['poll']),
  txn: ({ value }) => partsOf(value, ['send', 'poll']),
  assign: ({ value }) => keysOf(value),
  subscribe: ({ value }) => keysOf(value),
  crash: () => undefined,
  'debug-topic-partitions': () => undefined,
  'list-offsets': listed,
  commit: groupOffsets,
  committed: groupOffsets,
  'create-topic': ofTopic,
  'delete-topic': ofTopic,
  'set-config': ofTopic,
  'get-config': ofTopic,
  'describe-topic': ofTopic,
}

/** Text: why it is none. */
export function parseOperation(content: unknown): Parsed | string {
  if (!isObject(content)) return 'is not an object'
  const { index, type, time, process, f } = content
  if (!isCount(index)) return `has the index ${told(index)}`
  if (!TYPES.has(type)) return `has the type ${told(type)}`
  if (typeof time !== 'number' || !(time >= 0)) return `has the time ${told(time)}`
  if (typeof f !== 'string') return `has the f ${told(f)}`
  const operation = content as unknown as Parsed
  if (process === 'nemesis') return type === 'info' ? operation : `is of the nemesis, and of type ${told(type)}`
  if (!isCount(process) || process > MOST_PROCESSES) return `has the process ${told(process)}`
  const wrong = VALUES[f]
  if (wrong === undefined) return `has the f ${told(f)}, which is not known`
  return wrong(operation) ?? more(operation) ?? operation
}

function partsOf(value: unknown, allowed: readonly string[]): string | undefined {
  if (!Array.isArray(value)) return `has the value ${told(value)}, which is not a list of parts`
  for (const part of value as readonly unknown[]) {
    if (!Array.isArray(part) || !allowed.includes(part[0] as string)) return `has the part ${told(part)}`
    const wrong = part[0] === 'send' ? isSend(part) : isPoll(part)
    if (!wrong) return `has the part ${told(part)}`
  }
  return undefined
}

function isSend(part: readonly unknown[]): boolean {
  const [, key, value] = part
  if (part.length !== 3 || !isCount(key)) return false
  if (!Array.isArray(value)) return isValue(value)
  return value.length === 2 && (value[0] === null || isCount(value[0])) && isValue(value[1])
}

function isPoll(part: readonly unknown[]): boolean {
  if (part.length === 1) return true
  if (part.length !== 2 || !isObject(part[1])) return false
  for (const [key, records] of Object.entries(part[1])) {
    if (!isKeyName(key) || !Array.isArray(records)) return false
    for (const each of records as readonly unknown[]) {
      if (!Array.isArray(each) || each.length !== 2 || !isCount(each[0]) || !isValue(each[1])) return false
    }
  }
  return true
}

function keysOf(value: unknown): string | undefined {
  return Array.isArray(value) && value.every(isCount)
    ? undefined
    : `has the value ${told(value)}, which is no list of keys`
}

function listed({ value, type }: Parsed): string | undefined {
  const wrong = `has the value ${told(value)}`
  if (!Array.isArray(value) || value.length !== 3) return wrong
  const [key, of, offset] = value as readonly unknown[]
  if (!isCount(key) || !['earliest', 'latest', 'latest committed'].includes(of as string)) return wrong
  return isCount(offset) || (offset === null && type !== 'ok') ? undefined : wrong
}

function groupOffsets({ value, group }: Parsed): string | undefined {
  if (typeof group !== 'string') return `has the group ${told(group)}`
  const wrong = `has the value ${told(value)}`
  if (!isObject(value)) return wrong
  const isRight = Object.entries(value).every(([key, offset]) => isKeyName(key) && (isCount(offset) || offset === -1))
  return isRight ? undefined : wrong
}

function ofTopic({ value }: Parsed): string | undefined {
  const isRight =
    Array.isArray(value) &&
    value.length === 2 &&
    typeof value[0] === 'string' &&
    (value[1] === null || typeof value[1] === 'string')
  return isRight ? undefined : `has the value ${told(value)}`
}

function more(operation: Parsed): string | undefined {
  const { error, generation, markers } = operation
  const rebalances = operation['rebalance-log']
  const started = operation['commit-started']
  if (error !== undefined && !Array.isArray(error)) return `has the error ${told(error)}`
  if (generation !== undefined && !Number.isSafeInteger(generation)) return `has the generation ${told(generation)}`
  if (started !== undefined && !(started >= 0)) return `has the commit-started ${told(started)}`
  if (
    markers !== undefined &&
    !(isObject(markers) && Object.entries(markers).every(([key, at]) => isKeyName(key) && isCount(at)))
  ) {
    return `has the markers ${told(markers)}`
  }
  const isLog = (log: unknown): boolean =>
    Array.isArray(log) &&
    log.every((event) => isObject(event) && Array.isArray(event['keys']) && event['keys'].every(isCount))
  return rebalances === undefined || isLog(rebalances) ? undefined : `has the rebalance-log ${told(rebalances)}`
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Names in JSON are text. */
function isKeyName(text: string): boolean {
  return /^(?:0|[1-9]\d{0,14})$/.test(text)
}

function isValue(value: unknown): boolean {
  return isCount(value) || typeof value === 'string'
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const MOST_TOLD = 80

function told(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length <= MOST_TOLD ? text : `${text.slice(0, MOST_TOLD)}...`
}
