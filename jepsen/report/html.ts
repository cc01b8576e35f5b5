/**
 * The report of a run: one HTML file that needs nothing else, neither packages nor a network. Whatever stands in the history is escaped, and everything is bounded: at most some megabytes,
 * however long the run was.
 */
import type { Told } from '../history/judge.js'
import type { Judged } from '../history/judge-run.js'
import type { Struck } from '../history/read.js'
import { faultOf } from '../nemesis/nemesis.js'
import { type Band, chart, type Line } from './chart.js'
import { escaped } from './markup.js'
import { MOST_KEYS, offendingKeys, orderGraph } from './orders.js'
import { figureLines } from './text.js'
import { MOST_BUCKETS, type Outcome, type Timeline } from './timeline.js'

/** Told of each anomaly; lines of each finding, and characters of each line. */
const MOST_FINDINGS = 8
const MOST_LINES = 8
const LONGEST_LINE = 600
/** Of observations, reasons, faults and nodes' ends. */
const MOST_TOLD = 100
const MOST_STRUCK = 400
const QUANTILE_COLORS = ['#1b6', '#36c', '#c60', '#909']
/** Of how it ended. */
const DASHES: Readonly<Record<Outcome, string | undefined>> = { ok: undefined, fail: '5 3', info: '1 3' }
const QUANTILES = [0.5, 0.95, 0.99, 1]

export function reportHtml(judged: Judged, timeline: Timeline): string {
  const { judgement, run, history } = judged
  const bands = history === undefined ? [] : faultBands(history.struck, timeline.endMs)
  const parts = [
    `<h1 class="${judgement.verdict}">${judgement.verdict}</h1>`,
    listOf([...judgement.reasons, ...judgement.allowed]),
    aboutRun(judged),
    section('Figures', `<pre>${escaped(figureLines(judgement).join('\n'), 20_000)}</pre>`),
    ...(timeline.names.length === 0 ? [] : [operations(timeline, bands), latency(timeline, bands)]),
    ...anomalies(judged),
    ...orders(judged),
    ...(history === undefined ? [] : [faults(history.struck)]),
    section('Nodes that ended unasked', unasked(judged)),
    section('Observations, which fail nothing', observations(judgement.observations, judgement.observed)),
    ...(run.command === undefined ? [] : [section('Again', `<pre>${escaped(run.command)}</pre>`)]),
  ]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${judgement.verdict}: ${escaped(run.bed?.target ?? judged.path, 200)}</title>
<style>${STYLE}</style>
${parts.join('\n')}
</html>
`
}

const STYLE = `body{font:14px/1.45 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
h1{display:inline-block;padding:.1em .6em;border-radius:.3em;color:#fff}h1.valid{background:#197a3b}h1.invalid{background:#b3261e}h1.unknown{background:#8a6100}
h2{margin-top:2em}svg{max-width:100%;height:auto}svg.order{max-width:none}.scroll{overflow-x:auto}svg text{font:11px system-ui,sans-serif}svg .grid{stroke:#ddd}
pre{white-space:pre-wrap;word-break:break-all;background:#f6f6f6;padding:.5em;margin:.3em 0}table{border-collapse:collapse}td,th{text-align:left;padding:.15em .8em .15em 0;vertical-align:top}
.legend span{margin-right:1.2em;white-space:nowrap}.legend i{display:inline-block;width:1em;height:.7em;margin-right:.3em}`

function section(title: string, content: string): string {
  return content === '' ? '' : `<section><h2>${escaped(title)}</h2>${content}</section>`
}

function listOf(sentences: readonly string[]): string {
  if (sentences.length === 0) return ''
  const shown = sentences.slice(0, MOST_TOLD).map((each) => `<li>${escaped(each)}</li>`)
  if (sentences.length > MOST_TOLD) shown.push(`<li>and ${sentences.length - MOST_TOLD} more</li>`)
  return `<ul>${shown.join('')}</ul>`
}

function tableOf(rows: readonly (readonly string[])[]): string {
  return `<table>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('')}</table>`
}

function aboutRun({ run, path }: Judged): string {
  const { bed, drivers, seed, startedAt, settings, backends } = run
  const rows: (readonly string[])[] = [['history', path]]
  if (bed !== undefined) rows.push(['cluster', `${bed.target} (${bed.kind}, ${bed.nodes} nodes)`])
  if (drivers !== undefined) rows.push(['clients', drivers.join(', ')])
  if (seed !== undefined) rows.push(['seed', String(seed)])
  if (startedAt !== undefined) rows.push(['began', String(startedAt)])
  const set = Object.entries(settings).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  if (set.length > 0) rows.push(['settings', set.join(', ')])
  for (const { name, faults: made, why } of (backends ?? []).slice(0, MOST_TOLD)) {
    rows.push(['back-end', `${name}: ${made.join(', ')}${why === undefined ? '' : ` (${why})`}`])
  }
  return section('The run', tableOf(rows))
}

/** By name: from when it has begun until it has ended, or to the end. */
export function faultBands(struck: readonly Struck[], endMs: number): Band[] {
  const open = new Map<string, number>()
  const bands: Band[] = []
  for (const { f, timeMs, value } of struck) {
    const step = faultOf(f)
    if (step === undefined) continue
    if (step.does === 'begin') {
      // It was looked for, and there was nothing to be done.
      if ((value as { readonly what?: unknown } | null)?.what === 'nothing') open.delete(step.fault)
      else if (!open.has(step.fault)) open.set(step.fault, timeMs)
    } else if (value !== null && open.has(step.fault)) {
      bands.push({ name: step.fault, fromMs: open.get(step.fault)!, toMs: timeMs })
      open.delete(step.fault)
    }
  }
  for (const [name, fromMs] of open) bands.push({ name, fromMs, toMs: endMs })
  return bands.sort((a, b) => a.fromMs - b.fromMs)
}

function operations(timeline: Timeline, bands: readonly Band[]): string {
  const lines: Line[] = []
  for (const [at, f] of timeline.names.entries()) {
    for (const outcome of ['ok', 'fail', 'info'] as const) {
      if (timeline.total(f, outcome) > 0) lines.push(lineOf(timeline, f, outcome, at))
    }
  }
  const { bucketMs, endMs } = timeline
  return section('Operations a second', chart({ lines, bands, bucketMs, endMs, unit: '/s' }))
}

function lineOf(timeline: Timeline, f: string, outcome: Outcome, at: number): Line {
  const values = timeline.rates(f, outcome)
  const dashes = DASHES[outcome]
  const line = { name: `${f} ${outcome}`, color: colorOf(at, timeline.names.length), values }
  return dashes === undefined ? line : { ...line, dashes }
}

/** As far from each other as so many can be; neighbours differ in lightness, too. */
function colorOf(at: number, count: number): string {
  return `hsl(${Math.round((360 * at) / count)} 75% ${at % 2 === 0 ? 32 : 48}%)`
}

function latency(timeline: Timeline, bands: readonly Band[]): string {
  const { bucketMs, endMs } = timeline
  const charts = timeline.names
    .filter((f) => timeline.total(f, 'ok') > 0)
    .map((f) => {
      const lines = QUANTILES.map((quantile, at): Line => {
        const name = quantile === 1 ? 'longest' : `${quantile * 100} %`
        return { name, color: QUANTILE_COLORS[at]!, values: timeline.quantiles(f, quantile) }
      })
      return `<h3>${escaped(f)}</h3>${chart({ lines, bands, bucketMs, endMs, unit: 'ms', isLogarithmic: true })}`
    })
  const note = `<p>Of what ended well, in steps of ${(bucketMs / 1_000).toFixed(0)} s (at most ${MOST_BUCKETS}).</p>`
  return section('How long operations took', charts.length === 0 ? '' : `${note}${charts.join('')}`)
}

function anomalies({ judgement, lines }: Judged): string[] {
  return Object.entries(judgement.anomalies).map(([anomaly, count]) => {
    const told = judgement.findings.filter((each) => each.anomaly === anomaly).slice(0, MOST_FINDINGS)
    const shown = told.map(({ key, detail, operations: indices = [] }) => {
      const texts = indices.slice(0, MOST_LINES).map((index) => escaped(lines.get(index) ?? `#${index}`, LONGEST_LINE))
      const more = indices.length > MOST_LINES ? [`and ${indices.length - MOST_LINES} more`] : []
      const list = texts.length === 0 ? '' : `<pre>${[...texts, ...more].join('\n')}</pre>`
      return `<p><b>${escaped(key)}</b> ${escaped(detail)}</p>${list}`
    })
    const rest = count > told.length ? `<p>and ${count - told.length} more</p>` : ''
    return section(`${anomaly}: ${count}`, `${shown.join('')}${rest}`)
  })
}

function orders({ judgement, history }: Judged): string[] {
  if (history === undefined) return []
  const keys = offendingKeys(judgement.findings, history.columns)
  const graphs = keys.slice(0, MOST_KEYS).flatMap((key) => {
    const graph = orderGraph(history.columns, key, judgement.findings)
    return graph === undefined ? [] : [`<h3>Key ${escaped(key)}</h3><div class="scroll">${graph}</div>`]
  })
  if (graphs.length === 0) return []
  const more = keys.length > MOST_KEYS ? `<p>and ${keys.length - MOST_KEYS} more keys</p>` : ''
  const note =
    '<p>A row for each operation, a column for each offset; w: written, w?: sent, and nobody was told where, r: read. Those that findings name are bold.</p>'
  return [section('Order of keys with anomalies', `${note}${graphs.join('')}${more}`)]
}

function faults(struck: readonly Struck[]): string {
  const rows = struck.slice(0, MOST_STRUCK).flatMap(({ timeMs, f, value }) => {
    if (value === null && faultOf(f) !== undefined) return []
    return [[`${(timeMs / 1_000).toFixed(1)} s`, f, typeof value === 'string' ? value : JSON.stringify(value ?? '')]]
  })
  if (struck.length > MOST_STRUCK) rows.push(['', `and ${struck.length - MOST_STRUCK} more`, ''])
  return section('Faults and phases', rows.length === 0 ? '' : tableOf(rows))
}

function unasked({ run: { unasked: ends = [] } }: Judged): string {
  const rows = ends.slice(0, MOST_TOLD).map(({ node, atMs, detail }) => {
    return [`node ${node}`, `${(Number(atMs) / 1_000).toFixed(1)} s`, String(detail)]
  })
  return rows.length === 0 ? '' : tableOf(rows)
}

function observations(told: readonly Told[], counts: Readonly<Record<string, number>>): string {
  return listOf(
    Object.entries(counts).map(([anomaly, count]) => {
      return `${anomaly}, ${count}: ${told.find((each) => each.anomaly === anomaly)?.detail ?? ''}`
    }),
  )
}
