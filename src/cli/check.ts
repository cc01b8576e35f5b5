/** `lograft check`: whether a cluster keeps what it promises to clients, tried on it; or whether a history that is there already shows that one did not. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { CommandModule } from 'yargs'
import type { Judged } from '../../jepsen/history/judge-run.js'
import { type SettingsOptions, settingsOf, settingsOptions } from '../../jepsen/history/settings-options.js'
import { ClientError } from '../client/client-error.js'
import { NodeRandom } from '../io/node/random.js'
import { endQuietlyWithReader, text } from './cluster-options.js'
import { misuse } from './fail.js'

interface CheckOptions extends SettingsOptions {
  readonly history: string | undefined
  readonly bootstrap: string | undefined
  readonly time: string
  readonly rate: number
  readonly seed: string | undefined
  readonly out: string | undefined
  readonly json: boolean
  readonly report: string | undefined
  readonly edn: string | undefined
}

const EXIT_CODES = { valid: 0, invalid: 1, unknown: 2 } as const
const SIGNAL_EXIT = 130
const MOST_RATE = 100_000

export const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check',
  describe: 'Try whether a cluster loses, doubles or reorders records, or judge a history of one',
  builder: (yargs) =>
    yargs
      .option('bootstrap', {
        ...text,
        alias: 'bootstrap-server',
        describe: 'Clients send to and read from this cluster for a while: host:port, several with commas between',
      })
      .option('time', { ...text, default: '60s', describe: 'With --bootstrap: how long there is load: 500ms, 60s, 5m' })
      .option('rate', {
        type: 'number',
        requiresArg: true,
        default: 200,
        describe: 'With --bootstrap: operations a second',
      })
      .option('seed', { ...text, describe: 'With --bootstrap: what the load is drawn from; default: a new one' })
      .option('out', {
        ...text,
        describe: 'With --bootstrap: a directory for history and report; default: a new one for temporary files',
      })
      .option('history', {
        ...text,
        describe:
          'Judge this history: history.jsonl, the directory of a run, history.edn of Jepsen, or one of lograft sim',
      })
      .option('report', { ...text, describe: 'With --history: write a report as HTML to this file' })
      .option('edn', { ...text, describe: "With --history: write it as EDN, for Jepsen's own tools, to this file" })
      .options(settingsOptions)
      .option('json', { type: 'boolean', default: false, describe: 'Print the verdict as one JSON object' })
      .example('$0 check --bootstrap localhost:9092', 'A minute of load; its topics are deleted at the end')
      .example('$0 check --bootstrap localhost:9092 --time 5m --out run', 'Longer, and keep what was found')
      .example('$0 check --history run', 'Judge it again')
      .example('$0 check --history history.jsonl --json', 'For programs: verdict, anomalies, the lines that show them')
      .epilogue('Ends with 0: no anomaly, and enough was tried; 1: anomalies; 2: it could not be judged.')
      .check(({ history, bootstrap }) => {
        if ((history === undefined) !== (bootstrap === undefined)) return true
        throw new Error('say one of --bootstrap, --history')
      }),
  handler: async (options) => {
    endQuietlyWithReader()
    const judged =
      options.history === undefined ? await checkCluster(options) : await checkHistory(options.history, options)
    const { judgedJson, judgedText } = await import('../../jepsen/report/text.js')
    process.stdout.write(options.json ? `${JSON.stringify(judgedJson(judged))}\n` : judgedText(judged))
    process.exitCode = EXIT_CODES[judged.judgement.verdict]
  },
}

async function checkHistory(file: string, options: CheckOptions): Promise<Judged> {
  if (!fs.existsSync(file)) misuse(`--history ${file}: there is no such file`)
  const { operations, report, edn } = options
  if (operations !== undefined && !(Number.isSafeInteger(operations) && operations >= 1)) {
    misuse('--operations must be a whole number from 1 on')
  }
  const { judgePath } = await import('../../jepsen/history/judge-run.js')
  const { Timeline } = await import('../../jepsen/report/timeline.js')
  const timeline = new Timeline()
  const judged = await judgePath(file, { settings: settingsOf(options), ended: (pair) => timeline.ended(pair) })
  if (report !== undefined) {
    const { reportHtml } = await import('../../jepsen/report/html.js')
    fs.writeFileSync(report, reportHtml(judged, timeline))
  }
  if (edn !== undefined) {
    const { writeEdn } = await import('../../jepsen/history/edn-file.js')
    await writeEdn(judged.path, edn)
  }
  return judged
}

async function checkCluster(options: CheckOptions): Promise<Judged> {
  const { bootstrap, rate, json } = options
  const timeMs = durationMs(options.time)
  if (!(Number.isSafeInteger(rate) && rate >= 1 && rate <= MOST_RATE)) {
    misuse(`--rate must be a whole number from 1 to ${MOST_RATE}`)
  }
  const seed = options.seed ?? Buffer.from(new NodeRandom().bytes(4)).toString('hex')
  const directory = options.out ?? fs.mkdtempSync(path.join(tmpdir(), 'lograft-check-'))
  const { ClusterCheck } = await import('../../jepsen/check-cluster.js')
  // What is printed as JSON is read by a program.
  const say = (line: string): void => void (json ? process.stderr : process.stdout).write(`${line}\n`)
  const command = `lograft check --bootstrap ${bootstrap} --time ${options.time} --rate ${rate} --seed ${seed}`
  let check: InstanceType<typeof ClusterCheck> | undefined
  const broken = (): void => {
    void check?.breakOff().finally(() => process.exit(SIGNAL_EXIT))
  }
  process.once('SIGINT', broken).once('SIGTERM', broken)
  try {
    check = new ClusterCheck({ bootstrap: bootstrap!, timeMs, rate, seed, directory, command, say })
    const judged = await check.run()
    say(`report: ${judged.report}`)
    return judged
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    return misuse(error.error === 'INVALID_CONFIG' ? `--bootstrap: ${error.message}` : error.message)
  } finally {
    process.off('SIGINT', broken).off('SIGTERM', broken)
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function durationMs(given: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(given) ?? []
  const ms = Number(count) * (UNITS[unit ?? ''] ?? Number.NaN)
  return ms >= 1 ? ms : misuse(`--time ${given} is not allowed: it must be as 500ms, 60s, 5m`)
}
