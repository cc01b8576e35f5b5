/** A verdict for a terminal, and as JSON for programs. */
import type { Judgement } from '../history/judge.js'
import type { Judged } from '../history/judge-run.js'

/** Told of each anomaly, and lines of each of them. */
const MOST_FINDINGS = 3
const MOST_LINES = 6
const LONGEST_LINE = 240

export function judgedText({ judgement, lines }: Judged): string {
  const { verdict, reasons, findings, anomalies, observed, allowed } = judgement
  const text = [verdict, ...[...reasons, ...allowed].map((each) => `  ${cut(each)}`)]
  for (const [anomaly, count] of Object.entries(anomalies)) {
    text.push(`${anomaly}: ${count}`)
    const told = findings.filter((each) => each.anomaly === anomaly).slice(0, MOST_FINDINGS)
    for (const { key, detail, operations = [] } of told) {
      text.push(`  ${key === '' ? '' : `${key}: `}${detail}`)
      for (const index of operations.slice(0, MOST_LINES)) text.push(`    ${cut(lines.get(index) ?? `#${index}`)}`)
      if (operations.length > MOST_LINES) text.push(`    and ${operations.length - MOST_LINES} more`)
    }
  }
  const seen = Object.entries(observed).map(([anomaly, count]) => `${anomaly} ${count}`)
  if (seen.length > 0) text.push(`observed, which fails nothing: ${seen.join(', ')}`)
  text.push(...figureLines(judgement))
  return `${text.join('\n')}\n`
}

function cut(line: string): string {
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE)}...`
}

export function figureLines({ figures }: Judgement): string[] {
  const { operations, keys, acknowledged, unknown, durationMs, worstLag } = figures
  const byF = Object.entries(figures.counts).map(([f, { ok, fail, info, empty }]) => {
    const told = [`${ok} ok`, ...(empty > 0 ? [`${empty} of them empty`] : []), `${fail} failed`, `${info} unknown`]
    return `  ${f}: ${told.join(', ')}`
  })
  const compared = [
    [figures.listed, 'ends of logs'],
    [figures.groupOffsets, "groups' offsets"],
    [figures.ownerships, 'ownerships'],
    [figures.topics, 'topics'],
    [figures.settings, 'settings'],
  ] as const
  const told = compared.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return [
    `${operations} operations succeeded in ${(durationMs / 1_000).toFixed(1)} s; ${keys} keys, ${acknowledged} sends acknowledged, ${unknown} unknown`,
    ...byF,
    ...(told.length > 0 ? [`also compared: ${told.join(', ')}`] : []),
    ...(worstLag === undefined
      ? []
      : [`oldest news: process ${worstLag.process} was ${worstLag.ms.toFixed(0)} ms behind in key ${worstLag.key}`]),
  ]
}

/** One object; `operations` are indices, `line` is counted from 1. */
export function judgedJson({ path, judgement, lines, run }: Judged): Readonly<Record<string, unknown>> {
  const { findings, observations, ...rest } = judgement
  const told = (all: Judgement['findings']) =>
    all.map(({ operations = [], ...finding }) => ({
      ...finding,
      operations: operations.map((index) => ({ index, line: index + 1, text: lines.get(index) })),
    }))
  return { path, ...rest, findings: told(findings), observations: told(observations), settings: run.settings }
}
