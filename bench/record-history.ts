/**
 * A long history from the simulator, written to a file: `node dist/bench/record-history.js --file FILE [--operations N] [--seed N]`. `check-history --file FILE`
 * judges it, in a process of its own, so that its memory is that of the judgement. What counts as an operation stands in `src/sim/long-history.ts`.
 */
import fs from 'node:fs'
import { optionsOnly, refuse, wholeNumber } from '../jepsen/command-line.js'
import { recordLongHistory } from '../src/sim/long-history.js'
import { type HistoryWriter, writeHistory } from './lib/history-file.js'

const USAGE = `node dist/bench/record-history.js --file FILE [--operations COUNT] [--seed TEXT]

Writes a long history of a cluster in the simulator, for check-history.

  --file FILE          where it goes
  --operations COUNT   that have ended, at least. Default: 1000000
  --seed TEXT          what everything is drawn from. Default: 1`

const values = optionsOnly(USAGE, {
  file: { type: 'string' },
  operations: { type: 'string', default: '1000000' },
  seed: { type: 'string', default: '1' },
})
if (values.file === undefined) refuse('--file says where the history goes')
const wanted = wholeNumber('operations', values.operations, 1)

const { encoder, close } = opened(values.file, values.seed)
// The simulation takes the clock away.
const startedAt = process.cpuUsage()
const startedAtMs = performance.now()
let toldAt = 0
const report = recordLongHistory(values.seed, {
  operations: wanted,
  recorder: {
    operation: (operation) => encoder.operation(operation),
    listed: (listed) => encoder.listed(listed),
  },
  progress: ({ operations, polls, unknown }, virtualMs) => {
    if (operations - toldAt < 10_000) return
    toldAt = operations
    const cpu = process.cpuUsage(startedAt)
    const seconds = ((cpu.user + cpu.system) / 1e6).toFixed(0)
    process.stderr.write(
      `${operations} operations, ${polls} of them polls, ${unknown} unknown; ${(virtualMs / 1000).toFixed(0)} s there, cpu ${seconds} s\n`,
    )
  },
})
close()

const { operations, batches, polls, acknowledged, unknown, keys, events, virtualMs, faults, findings } = report
const { user, system } = process.cpuUsage(startedAt)
const share = ((100 * unknown) / operations).toFixed(2)
process.stdout.write(
  `seed ${report.seed}, hash ${report.hash}: ${operations} operations over ${keys} keys: ${operations - polls} sends in ${batches} requests, ${polls} polls; ` +
    `${acknowledged} acknowledged, ${unknown} unknown (${share} %)\n` +
    `${(virtualMs / 1000).toFixed(0)} s in the simulator, ${events} events, faults ${JSON.stringify(faults)}\n` +
    `${(fs.statSync(values.file).size / 1e6).toFixed(0)} MB in ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s, ` +
    `cpu ${((user + system) / 1e6).toFixed(0)} s, peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB\n`,
)
for (const { anomaly, key, detail } of findings) process.stdout.write(`${anomaly} ${key}: ${detail}\n`)
if (findings.length > 0) process.exitCode = 1

function opened(file: string, seed: string): HistoryWriter {
  try {
    return writeHistory(file, { from: 'simulator', seed })
  } catch (error) {
    return refuse(`--file ${file} cannot be written: ${(error as Error).message}`)
  }
}
