/** Which runs a campaign has, and what each has shown: `runs.tsv` and `ledger.tsv`, read and written as text. */
import { formatTable, parseTable, type Row } from '../table.js'

const RUN_COLUMNS = ['name', 'part', 'times', 'expected', 'arguments'] as const
const LEDGER_COLUMNS = [
  'name',
  'repetition',
  'commit',
  'result',
  'verdict',
  'ok',
  'okPerSecond',
  'recoveryMs',
  'faults',
  'anomalies',
  'reason',
] as const
const LEDGER_COMMENTS = [
  'Written by the campaign; result: whether it came out as runs.tsv expects. A commit with a + had changes beside it. ok: successful operations. Of faults that were not always done: how often of how many times.',
]
const REASON_CHARACTERS = 300
const UNASKED = 'ended unasked'

export interface PlannedRun {
  readonly name: string
  readonly part: string
  readonly repetition: number
  /** `valid`, or anomalies of which one must be found; `ended unasked`: or a node must end by itself. */
  readonly expected: readonly string[]
  readonly arguments: readonly string[]
}

/** Of what a run says of itself; undefined: it has said nothing. */
export interface Said {
  readonly counts: { readonly ok: number }
  readonly okPerSecond: number
  readonly recoveryMs?: number
  readonly faults: Readonly<
    Record<string, { readonly began: number; readonly nothing: number; readonly failed: number }>
  >
  readonly judgement: {
    readonly verdict: 'valid' | 'invalid' | 'unknown'
    readonly reasons: readonly string[]
    readonly anomalies: Readonly<Record<string, number>>
  }
}

export type LedgerRow = Row<(typeof LEDGER_COLUMNS)[number]>

/** Throws where a line is none. */
export function plannedRuns(text: string): PlannedRun[] {
  return parseTable(text, RUN_COLUMNS, 'runs.tsv').flatMap(({ name, part, times, expected, arguments: words }) => {
    const count = Number(times)
    if (!Number.isSafeInteger(count) || count < 1) throw new Error(`runs.tsv: ${name}: ${times} times`)
    return Array.from({ length: count }, (_, at) => ({
      name,
      part,
      repetition: at + 1,
      expected: expected.split(','),
      arguments: splitWords(words),
    }))
  })
}

export function parseLedger(text: string): LedgerRow[] {
  return parseTable(text, LEDGER_COLUMNS, 'ledger.tsv')
}

export function formatLedger(rows: Iterable<LedgerRow>): string {
  return formatTable(LEDGER_COMMENTS, LEDGER_COLUMNS, rows)
}

/** What another run of the same has said before is replaced. */
export function withRow(rows: readonly LedgerRow[], row: LedgerRow): LedgerRow[] {
  const others = rows.filter(({ name, repetition }) => name !== row.name || repetition !== row.repetition)
  return [...others, row]
}

export function isIn(rows: readonly LedgerRow[], { name, repetition }: PlannedRun): boolean {
  return rows.some((row) => row.name === name && row.repetition === String(repetition) && row.result === 'as expected')
}

/** `why`: where a run has ended without saying anything. */
export function rowOf(planned: PlannedRun, commit: string, said: Said | undefined, why = ''): LedgerRow {
  const { name, repetition, expected } = planned
  const anomalies = Object.entries(said?.judgement.anomalies ?? {})
  const result = said !== undefined && cameOut(expected, said) ? 'as expected' : 'OTHERWISE'
  return {
    name,
    repetition: String(repetition),
    commit,
    result,
    verdict: said?.judgement.verdict ?? 'none',
    ok: String(said?.counts.ok ?? 0),
    okPerSecond: String(said?.okPerSecond ?? 0),
    recoveryMs: said?.recoveryMs === undefined ? '' : String(said.recoveryMs),
    faults: Object.entries(said?.faults ?? {})
      .map(faultTold)
      .join(', '),
    anomalies: anomalies.map(([anomaly, count]) => `${anomaly} ${count}`).join(', '),
    reason: (said === undefined ? why : (said.judgement.reasons[0] ?? '')).slice(0, REASON_CHARACTERS),
  }
}

function faultTold([name, { began, nothing, failed }]: [string, Said['faults'][string]]): string {
  const tries = began + nothing + failed
  return tries === began ? `${name} ${began}` : `${name} ${began} of ${tries}`
}

function cameOut(expected: readonly string[], { judgement: { verdict, anomalies, reasons } }: Said): boolean {
  if (expected.includes('valid')) return verdict === 'valid'
  if (verdict !== 'invalid') return false
  if (expected.includes(UNASKED) && reasons.some((reason) => reason.includes(UNASKED))) return true
  return expected.some((anomaly) => (anomalies[anomaly] ?? 0) > 0)
}

/** As a shell would, of words in double quotes. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
}
