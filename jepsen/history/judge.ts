/**
 * The verdict on a history. `valid`: no anomaly, and enough was tried. `invalid`: an anomaly, with the operations that show it, or a node that ended unasked. `unknown`: it cannot
 * be said, with why. What happens where nothing is wrong is told as an observation, and fails nothing.
 */
import { type Anomaly, type Finding, Findings } from '../../src/check/anomalies.js'
import { checkGroupOffsets } from '../../src/check/check-group-offsets.js'
import { checkGroupOwnership } from '../../src/check/check-group-ownership.js'
import { checkListedColumns } from '../../src/check/check-watermarks.js'
import { checkWorkloadColumns, type WorkloadVerdict } from '../../src/check/check-workload.js'
import { checkLinearizable, type Model } from '../../src/check/linearizability.js'
import {
  EXISTENCE,
  heard,
  type MetadataCall,
  type MetadataValue,
  REGISTER,
  type Version,
} from '../../src/check/models.js'
import type { Counts, ReadHistory } from './read.js'
import { DEFAULT_SETTINGS, type RunFile, type RunSettings } from './run-file.js'

export interface Judgement {
  readonly verdict: 'valid' | 'invalid' | 'unknown'
  /** Sentences: all that speaks against `valid`, what decides first. */
  readonly reasons: readonly string[]
  readonly findings: readonly Told[]
  readonly observations: readonly Told[]
  /** Of findings, by name: also those that are not told in full. */
  readonly anomalies: Readonly<Record<string, number>>
  readonly observed: Readonly<Record<string, number>>
  /** What these settings let happen, although it is an anomaly: sentences. */
  readonly allowed: readonly string[]
  readonly figures: Figures
}

/** `anomaly`: as `src/check/anomalies.ts` lists them, or `not-linearizable`. */
export interface Told extends Omit<Finding, 'anomaly'> {
  readonly anomaly: Anomaly | 'not-linearizable'
}

export interface Figures {
  /** Lines. */
  readonly lines: number
  /** Successful operations of clients, but for polls that were given nothing. */
  readonly operations: number
  readonly counts: Readonly<Record<string, Counts>>
  readonly keys: number
  /** Records that were sent by themselves, and transactions. */
  readonly acknowledged: number
  readonly unknown: number
  /** Answers of ListOffsets, about groups' offsets and topics that were compared. */
  readonly listed: number
  readonly groupOffsets: number
  readonly ownerships: number
  readonly topics: number
  readonly settings: number
  readonly durationMs: number
  readonly worstLag?: { readonly ms: number; readonly process: number; readonly key: string; readonly atMs: number }
  /** How many values were given to one member of a group once, twice and so on. */
  readonly consumed: Readonly<Record<string, number>>
}

/** Keys that are named in one sentence. */
const MOST_NAMED = 5

export function judge(history: ReadHistory, run: RunFile = { settings: {} }): Judgement {
  const { settings } = run
  const unread = new Set(history.finalReads.unread().map(({ key }) => String(key)))
  // Whoever was to read the rest was not let.
  const isUnfinished = history.isCutOff || history.open > 0
  const workload = checkWorkloadColumns(history.columns, {
    ...(isUnfinished ? { isReadToEnd: (key: string) => !unread.has(key) } : {}),
    ...(settings.isolation === 'read_uncommitted' ? { isolation: settings.isolation } : {}),
  })
  const services = new Findings()
  const observed = new Findings()
  checkListedColumns(history.columns, history.listed, services)
  checkGroups(history, services, observed)
  if (settings.staticMembers !== true) checkGroupOwnership(history.groups.ownership, services)
  const metadata = checkMetadata(history)
  const told = [...workload.findings, ...services.told]
  // Of a key to which a value was sent twice nothing can be said.
  const spoiled = new Set(told.filter(({ anomaly }) => anomaly === 'sent-twice').map(({ key }) => key))
  const isSound = ({ anomaly, key }: Finding): boolean => !spoiled.has(key) && anomaly !== 'empty-transaction-graph'
  const findings: Told[] = [...told.filter(isSound), ...metadata.findings]
  const observations: Told[] = [...workload.observations, ...observed.told, ...told.filter((each) => !isSound(each))]
  const found = (anomaly: Anomaly): number =>
    (workload.counts.get(anomaly) ?? 0) - (workload.observed.get(anomaly) ?? 0) + (services.counts.get(anomaly) ?? 0)
  const seen = (anomaly: Anomaly): number => (workload.observed.get(anomaly) ?? 0) + (observed.counts.get(anomaly) ?? 0)
  const anomalies = countsOf(findings, found, spoiled.size > 0)
  const figures = figuresOf(history, workload)
  const faults = [...faultReasons(findings, anomalies), ...unaskedReasons(run)]
  const doubts = [
    ...[...spoiled].map((key) => `the workload sent a value twice to key ${key}, of which nothing can be said then`),
    ...metadata.doubts,
    ...(run.troubles ?? []),
    ...doubtsOf(history, figures, settings),
  ]
  return {
    verdict: faults.length > 0 ? 'invalid' : doubts.length > 0 ? 'unknown' : 'valid',
    reasons: [...faults, ...doubts],
    findings,
    observations,
    anomalies,
    observed: countsOf(observations, seen, spoiled.size > 0),
    allowed: allowedBy(settings),
    figures,
  }
}

/** How many there were of each; of what is sorted out afterwards those that are told. */
function countsOf(
  told: readonly Told[],
  all: (anomaly: Anomaly) => number,
  isSortedOut: boolean,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { anomaly } of told) counts[anomaly] = (counts[anomaly] ?? 0) + 1
  if (isSortedOut) return counts
  for (const [anomaly, count] of Object.entries(counts)) counts[anomaly] = Math.max(count, all(anomaly as Anomaly))
  return counts
}

/** An offset that nobody asked to be committed is none, unless a commit was lost of which nobody knows what it was of. */
function checkGroups({ groups }: ReadHistory, findings: Findings, observations: Findings): void {
  const clear = groups.offsets.filter(({ group }) => !groups.unclear.has(group))
  checkGroupOffsets(clear, findings)
  if (clear.length === groups.offsets.length) return
  const found = new Findings()
  checkGroupOffsets(
    groups.offsets.filter(({ group }) => groups.unclear.has(group)),
    found,
  )
  for (const { anomaly, key, detail, operations = [] } of found.told) {
    const to = anomaly === 'offset-phantom' ? observations : findings
    to.add(
      anomaly,
      key,
      () => detail,
      () => operations,
    )
  }
}

interface MetadataVerdict {
  readonly findings: readonly Told[]
  readonly doubts: readonly string[]
}

function checkMetadata({ topics }: ReadHistory): MetadataVerdict {
  const findings: Told[] = []
  const doubts: string[] = []
  const look = (
    name: string,
    calls: readonly MetadataCall[],
    model: Model<readonly Version[], MetadataValue>,
  ): void => {
    const judgement = checkLinearizable(calls, model)
    if (judgement.verdict === 'not linearizable') {
      const operations = calls.flatMap(({ value: { change } }) => change ?? []).slice(0, MOST_OPERATIONS)
      findings.push({ anomaly: 'not-linearizable', key: name, detail: judgement.detail, operations })
    } else if (judgement.verdict === 'could not judge') {
      doubts.push(`whether ${name} is linearizable was not found out: ${judgement.detail}`)
    }
  }
  for (const [topic, calls] of topics.existence) look(`topic ${topic}`, calls, heard(EXISTENCE))
  for (const [topic, calls] of topics.settings) {
    if (calls.every(({ f }) => f !== 'read')) continue
    look(`the setting of topic ${topic}`, calls, heard({ ...REGISTER, initial: initialOf(calls) }))
  }
  return { findings, doubts }
}

const MOST_OPERATIONS = 64

/** What somebody was told and nobody has written was there from the beginning. */
function initialOf(calls: readonly MetadataCall[]): Version {
  const written = new Set(calls.filter(({ f }) => f === 'write').map(({ value }) => value.version))
  return calls.find(({ f, value }) => f === 'read' && value.version !== undefined && !written.has(value.version))?.value
    .version
}

function faultReasons(findings: readonly Told[], anomalies: Readonly<Record<string, number>>): string[] {
  return Object.entries(anomalies).map(([anomaly, count]) => {
    const { key, detail } = findings.find((each) => each.anomaly === anomaly)!
    const where = key === '' || anomaly === 'not-linearizable' ? key : `key ${key}`
    return `${anomaly}, ${count === 1 ? 'once' : `${count} times`}: ${where === '' ? '' : `${where}: `}${detail}`
  })
}

function unaskedReasons({ unasked = [] }: RunFile): string[] {
  return unasked.map(({ node, atMs, detail }) => {
    return `node ${node} ended unasked after ${(atMs / 1_000).toFixed(1)} s: ${detail}`
  })
}

function doubtsOf(history: ReadHistory, { operations }: Figures, settings: RunSettings): string[] {
  const doubts: string[] = []
  if (history.isCutOff) doubts.push(`the history is cut off in line ${history.lines + 1}`)
  const enough = settings.operations ?? DEFAULT_SETTINGS.operations
  if (operations < enough) doubts.push(`${operations} operations succeeded, and ${enough} are enough`)
  const kinds = new Set(['send', 'poll', ...(settings.kinds ?? history.counts.keys())])
  // A transaction with both does what they do.
  const isOf = (f: string): boolean => f !== 'crash' && f !== 'debug-topic-partitions'
  const never = [...kinds].filter((f) => isOf(f) && !hasHappened(f, history))
  if (never.length > 0) doubts.push(`never successful: ${never.join(', ')}`)
  const unread = history.finalReads.unread()
  if (unread.length > 0) {
    const told = unread.slice(0, MOST_NAMED).map(({ key, known, read }) => {
      const upTo =
        read === undefined ? 'was not read from its beginning' : `was read up to ${read < 0 ? 'nothing' : read}`
      return `key ${key} ${upTo}${known < 0 ? '' : `, and reaches ${known}`}`
    })
    const more = unread.length > MOST_NAMED ? `, and ${unread.length - MOST_NAMED} more` : ''
    doubts.push(`the final reads are not complete: ${told.join('; ')}${more}`)
  }
  return doubts
}

function hasHappened(f: string, { counts }: ReadHistory): boolean {
  const isDone = (each: string): boolean => {
    const { ok, empty } = counts.get(each) ?? { ok: 0, empty: 0 }
    return ok > empty
  }
  return isDone(f) || ((f === 'send' || f === 'poll') && isDone('txn') && !counts.has(f))
}

function allowedBy({ acks, uncleanElection }: RunSettings): string[] {
  const allowed: string[] = []
  if (acks === 0) allowed.push('acks=0: nothing was acknowledged, so nothing is asked to be there')
  if (acks === 1) allowed.push('acks=1: what a leader alone has acknowledged may be lost with it')
  if (uncleanElection === true) {
    allowed.push('unclean.leader.election.enable=true: who leads need not have what was acknowledged')
  }
  return allowed
}

function figuresOf(history: ReadHistory, workload: WorkloadVerdict): Figures {
  const { counts, groups, topics } = history
  let operations = 0
  for (const [f, { ok, empty }] of counts) if (f !== 'crash') operations += ok - empty
  const lag = workload.worstRealtimeLag
  return {
    lines: history.lines,
    operations,
    counts: Object.fromEntries(counts),
    keys: workload.keys,
    acknowledged: workload.acknowledged,
    unknown: workload.unknown,
    listed: history.listed.length,
    groupOffsets: groups.offsets.length,
    ownerships: groups.ownership.length,
    topics: topics.existence.size,
    settings: topics.settings.size,
    durationMs: history.endMs,
    ...(lag === undefined ? {} : { worstLag: { ms: lag.lagMs, process: lag.process, key: lag.key, atMs: lag.timeMs } }),
    consumed: Object.fromEntries([...workload.consumeCounts].sort(([a], [b]) => a - b)),
  }
}
