/** From a directory of a run, or the file of a history alone, to the verdict and the lines that show it. Files are told apart by how they begin. */
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HistoryReader as ArrayReader, HistoryFormatError } from '../../src/check/history-reader.js'
import { EdnError, fromEdn } from './edn.js'
import { linesAt } from './evidence.js'
import { type Judgement, judge } from './judge.js'
import { judgeArrays } from './judge-arrays.js'
import { eachLine, HistoryError, HistoryReader, type Pair, type ReadHistory } from './read.js'
import { HISTORY_FILE, RUN_FILE, type RunFile, RunFileError, type RunSettings, readRunFile } from './run-file.js'

export interface Judged {
  /** Of the history. */
  readonly path: string
  readonly run: RunFile
  readonly judgement: Judgement
  /** By index: those that show findings, cut where they are long. */
  readonly lines: ReadonlyMap<number, string>
  /** Undefined: of another format, or it cannot be read. */
  readonly history: ReadHistory | undefined
}

/** What is known better than by the file of the run. */
export interface JudgeOptions {
  readonly settings?: RunSettings
  /** Is told of each operation as it ends. */
  readonly ended?: (pair: Pair) => void
}

/** `directory`: with `history.jsonl`, and `run.json` if it is there. */
export async function judgeRun(directory: string, options: JudgeOptions = {}): Promise<Judged> {
  const path = join(directory, HISTORY_FILE)
  const runPath = join(directory, RUN_FILE)
  let run: RunFile = { settings: {} }
  try {
    if (existsSync(runPath)) run = readRunFile(readFileSync(runPath, 'utf8'))
    if (!existsSync(path)) throw new RunFileError(`there is no ${HISTORY_FILE} in ${directory}`)
  } catch (error) {
    if (error instanceof RunFileError) return unreadable(path, run, error.message)
    throw error
  }
  return judgeFile(path, options, run)
}

/** `path`: a file, or the directory of a run. */
export async function judgePath(path: string, options: JudgeOptions = {}): Promise<Judged> {
  return statSync(path).isDirectory() ? judgeRun(path, options) : judgeFile(path, options)
}

async function judgeFile(path: string, options: JudgeOptions, about: RunFile = { settings: {} }): Promise<Judged> {
  const run = { ...about, settings: { ...about.settings, ...options.settings } }
  try {
    const format = formatOf(path)
    if (format === 'arrays') {
      const reader = new ArrayReader()
      await eachLine(
        path,
        (text) => reader.line(text),
        (text) => text === '' || reader.line(text),
      )
      const judgement = judgeArrays(reader.build(), reader.listed, run)
      return { path, run, judgement, lines: new Map(), history: undefined }
    }
    const history = await read(path, format, run.settings, options.ended)
    const judgement = judge(history, run)
    const indices = [...judgement.findings, ...judgement.observations].flatMap(({ operations = [] }) => operations)
    return { path, run, judgement, lines: await linesAt(path, indices), history }
  } catch (error) {
    if (error instanceof HistoryError || error instanceof HistoryFormatError)
      return unreadable(path, run, error.message)
    throw error
  }
}

/** Nothing can be said of it. */
function unreadable(path: string, run: RunFile, why: string): Judged {
  const judgement = {
    ...judge(new HistoryReader().build(), run),
    verdict: 'unknown',
    reasons: [why],
    observations: [],
    observed: {},
  } as const
  return { path, run, judgement, lines: new Map(), history: undefined }
}

async function read(
  path: string,
  format: 'json' | 'edn',
  settings: RunSettings,
  ended: ((pair: Pair) => void) | undefined,
): Promise<ReadHistory> {
  const reader = new HistoryReader(settings, ended)
  if (format === 'json') {
    await eachLine(
      path,
      (text) => reader.line(text),
      (text) => reader.lastLine(text),
    )
    return reader.build()
  }
  let at = 0
  await eachLine(
    path,
    (text) => {
      at++
      reader.operation(ednLine(text, at))
    },
    (text) => {
      if (text !== '') reader.operation(ednLine(text, at + 1))
    },
  )
  return reader.build()
}

function ednLine(text: string, line: number): unknown {
  try {
    return fromEdn(text)
  } catch (error) {
    if (error instanceof EdnError) throw new HistoryError(`line ${line} is not EDN: ${error.message}`)
    throw error
  }
}

const LOOKED_AT = 64

/** Lines of `history.jsonl` begin with a brace and a name in quotes, of EDN with a keyword; lograft's own with a bracket. */
function formatOf(path: string): 'json' | 'edn' | 'arrays' {
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(LOOKED_AT)
    const text = buffer.toString('utf8', 0, readSync(file, buffer, 0, LOOKED_AT, 0)).trimStart()
    if (/^\["h"/.test(text)) return 'arrays'
    return /^(?:#[\w.]+)?\{\s*:/.test(text) ? 'edn' : 'json'
  } finally {
    closeSync(file)
  }
}
