/** The verdict on what a run has left in a directory: `history.jsonl`, and `run.json` where there is one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Judgement, judge } from './history/judge.js'
import { readHistory } from './history/read.js'
import { HISTORY_FILE, RUN_FILE, type RunFile, readRunFile } from './history/run-file.js'

/** Rejects with `HistoryError` or `RunFileError` for what cannot be. */
export async function judgeRun(directory: string): Promise<Judgement> {
  const path = join(directory, RUN_FILE)
  const run: RunFile = existsSync(path) ? readRunFile(readFileSync(path, 'utf8')) : { settings: {} }
  return judge(await readHistory(join(directory, HISTORY_FILE), run.settings), run)
}
