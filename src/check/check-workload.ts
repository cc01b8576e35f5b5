/**
 * Checks a history of clients that send to and poll several keys, in transactions or not: everything of Jepsen's Kafka workload, and what it leaves out
 * (`anomalies.ts` lists it). It takes time linear in the history, but for sorting, and knows nothing of brokers. Of single sends and polls with a last reading,
 * deletions and compaction `checkLog` knows more.
 */

import { type Anomaly, type Finding, Findings } from './anomalies.js'
import { checkCycles } from './check-cycles.js'
import { checkLoss, type LossOptions } from './check-loss.js'
import { checkOrder } from './check-order.js'
import { checkTransactions } from './check-transactions.js'
import type { ClientOperation } from './client-history.js'
import { type HistoryColumns, INFO, isMessages, LEFT_OUT, OK, POLL } from './history-columns.js'
import { consumeCounts, type RealtimeLag, type UnseenPoint, unseenSeries, worstRealtimeLag } from './lag.js'
import { ObservedLog } from './observed-log.js'
import { columnsOfClients } from './to-columns.js'

export interface WorkloadOptions extends LossOptions {
  /** Clients read what is not committed, too: that they see it is only observed. */
  readonly isolation?: 'read_uncommitted'
}

export interface WorkloadVerdict {
  readonly valid: boolean
  readonly findings: readonly Finding[]
  /** What happens where nothing is wrong. */
  readonly observations: readonly Finding[]
  /** How many there were of each, told in full or not. */
  readonly counts: ReadonlyMap<Anomaly, number>
  /** How many of them are observations. */
  readonly observed: ReadonlyMap<Anomaly, number>
  readonly acknowledged: number
  readonly unknown: number
  readonly keys: number
  readonly unseen: readonly UnseenPoint[]
  readonly worstRealtimeLag: RealtimeLag | undefined
  readonly consumeCounts: ReadonlyMap<number, number>
}

/** `history` in the order in which operations ended. */
export function checkWorkload(history: readonly ClientOperation[], options: WorkloadOptions = {}): WorkloadVerdict {
  return checkWorkloadColumns(columnsOfClients(history), options)
}

export function checkWorkloadColumns(history: HistoryColumns, options: WorkloadOptions = {}): WorkloadVerdict {
  const findings = new Findings()
  const observations = new Findings()
  const log = new ObservedLog(history)
  checkLoss(log, options, findings)
  checkOrder(log, { findings, observations })
  const ofVisibility = options.isolation === 'read_uncommitted' ? observations : findings
  checkTransactions(log, ofVisibility)
  checkCycles(log, ofVisibility, observations)
  const { kind } = history
  let acknowledged = 0
  let unknown = 0
  let operations = 0
  let isVacuous = true
  for (let row = 0; row < kind.length; row++) {
    if (kind[row] === LEFT_OUT) continue
    operations++
    if (!isMessages(history, row)) continue
    if (log.outcome[row] === OK && hasValues(history, row)) isVacuous = false
    if (kind[row] === POLL) continue
    if (log.outcome[row] === OK) acknowledged++
    else if (log.outcome[row] === INFO) unknown++
  }
  if (isVacuous)
    findings.add('empty-transaction-graph', '', () => `nothing was sent or polled in ${operations} operations`)
  return {
    valid: findings.told.length === 0,
    findings: findings.told,
    observations: observations.told,
    counts: sums(observations.counts, findings.counts),
    observed: observations.counts,
    acknowledged,
    unknown,
    keys: log.keys.filter((key) => key !== undefined).length,
    unseen: unseenSeries(history),
    worstRealtimeLag: worstRealtimeLag(history),
    consumeCounts: consumeCounts(history),
  }
}

function hasValues({ firstPart, firstValue }: HistoryColumns, row: number): boolean {
  return firstValue[firstPart[row + 1]!]! > firstValue[firstPart[row]!]!
}

function sums<Key>(a: ReadonlyMap<Key, number>, b: ReadonlyMap<Key, number>): ReadonlyMap<Key, number> {
  const sum = new Map(a)
  for (const [key, count] of b) sum.set(key, count + (a.get(key) ?? 0))
  return sum
}
