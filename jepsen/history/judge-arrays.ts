/** The verdict on a history in lograft's own format, of single sends and polls with a last reading, as the simulator writes it. */
import type { OffsetListed } from '../../src/check/check-watermarks.js'
import { type HistoryColumns, OF_FINAL, OK, POLL, SEND } from '../../src/check/history-columns.js'
import { judgeHistory } from '../../src/check/judge-history.js'
import type { Judgement } from './judge.js'
import { DEFAULT_SETTINGS, type RunFile } from './run-file.js'

/** Told in full of one anomaly. */
const MOST_TOLD = 32

/** As if nothing that was acknowledged might ever be lost, whatever the settings of that run promised. */
export function judgeArrays(
  history: HistoryColumns,
  listed: readonly OffsetListed[],
  { settings }: RunFile,
): Judgement {
  const { findings, acknowledged, unknown, keys, listed: compared } = judgeHistory(history, listed, () => true)
  const anomalies: Record<string, number> = {}
  const told = findings.filter(({ anomaly }) => (anomalies[anomaly] = (anomalies[anomaly] ?? 0) + 1) <= MOST_TOLD)
  const { polls, unread } = pollsOf(history)
  const operations = acknowledged + polls
  const enough = settings.operations ?? DEFAULT_SETTINGS.operations
  const doubts = [
    ...(operations < enough ? [`${operations} operations succeeded, and ${enough} are enough`] : []),
    ...(acknowledged === 0 ? ['never successful: send'] : []),
    ...(polls === 0 ? ['never successful: poll'] : []),
    ...(unread.length > 0 ? [`there is no last reading of ${unread.length} keys, ${unread[0]} among them`] : []),
  ]
  const faults = Object.entries(anomalies).map(([anomaly, count]) => {
    const { key, detail } = told.find((each) => each.anomaly === anomaly)!
    return `${anomaly}, ${count === 1 ? 'once' : `${count} times`}: key ${key}: ${detail}`
  })
  return {
    verdict: faults.length > 0 ? 'invalid' : doubts.length > 0 ? 'unknown' : 'valid',
    reasons: [...faults, ...doubts],
    findings: told,
    observations: [],
    anomalies,
    observed: {},
    allowed: [],
    figures: {
      lines: 0,
      operations,
      counts: {},
      keys,
      acknowledged,
      unknown,
      listed: compared,
      groupOffsets: 0,
      ownerships: 0,
      topics: 0,
      settings: 0,
      durationMs: history.completedMs.at(-1) ?? 0,
      consumed: {},
    },
  }
}

/** Polls that were given something, and keys with sends that nobody has read to the end. */
function pollsOf({ kind, outcome, part, key, firstPart, firstValue, values }: HistoryColumns) {
  let polls = 0
  const sent = new Set<number>()
  const read = new Set<number>()
  for (let row = 0; row < kind.length; row++) {
    const at = firstPart[row]!
    if (kind[row] === SEND && outcome[row] === OK) sent.add(key[at]!)
    if (kind[row] !== POLL) continue
    if (firstValue[at + 1]! > firstValue[at]!) polls++
    if ((part[at]! & OF_FINAL) !== 0) read.add(key[at]!)
  }
  return { polls, unread: [...sent].filter((each) => !read.has(each)).map((each) => values.keys[each]!) }
}
