/** Judges the run of a directory and writes what is told of it beside the history. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Judged, judgeRun } from '../history/judge-run.js'
import { reportHtml } from './html.js'
import { judgedJson } from './text.js'
import { Timeline } from './timeline.js'

const REPORT_FILE = 'report.html'
const VERDICT_FILE = 'verdict.json'

export interface Reported extends Judged {
  /** Where the report lies. */
  readonly report: string
}

/** `report.html` and `verdict.json`. */
export async function reportRun(directory: string): Promise<Reported> {
  const timeline = new Timeline()
  const judged = await judgeRun(directory, { ended: (pair) => timeline.ended(pair) })
  const report = join(directory, REPORT_FILE)
  writeFileSync(report, reportHtml(judged, timeline))
  writeFileSync(join(directory, VERDICT_FILE), `${JSON.stringify(judgedJson(judged), undefined, 2)}\n`)
  return { ...judged, report }
}
