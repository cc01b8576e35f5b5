/**
 * Runs the benchmarks: `node dist/bench/run.js [--json] [--data DIR] [--nodes N] [--minutes M] [--alone] [NAME ...]`. Prints what it ran on, then medians; README.md says what
 * each row means. Nothing here fails because something is slow, only because something is wrong.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine, numberWithin, wholeNumber } from '../jepsen/command-line.js'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { compaction } from './compaction.js'
import { ends } from './ends.js'
import { failover } from './failover.js'
import { groups } from './groups.js'
import { describeMachine } from './lib/machine.js'
import { manyPartitions } from './many-partitions.js'
import { produceCompressed } from './produce-compressed.js'
import { produceSmall } from './produce-small.js'
import { quorum } from './quorum.js'
import { replication } from './replication.js'
import { machineText, tableText } from './report.js'
import { start } from './start.js'

const BENCHMARKS: readonly Benchmark[] = [
  start,
  produceSmall,
  produceCompressed,
  manyPartitions,
  compaction,
  groups,
  quorum,
  ends,
  failover,
  replication,
]

const MOST_MINUTES = 7 * 24 * 60

const KNOWN = BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(20)}${about}`).join('\n')
const USAGE = `npm run bench -- [--json] [--data DIR] [--nodes COUNT] [--minutes COUNT] [--alone] [NAME ...]

Benchmarks: those that are named, or all but ${BENCHMARKS.filter(({ onDemand }) => onDemand)
  .map(({ name }) => name)
  .join(', ')}, which are run only if they are named. There are
${KNOWN}

  --json            print the figures as JSON, and what people read on standard error
  --data DIR        where brokers keep their data. Default: ${tmpdir()}
  --nodes COUNT     of failover and replication. Default: 3
  --minutes COUNT   of failover. Default: 2
  --alone           without Apache Kafka next to it, where that is compared`

const { values: options, positionals } = commandLine(USAGE, {
  json: { type: 'boolean', default: false },
  data: { type: 'string', default: tmpdir() },
  nodes: { type: 'string' },
  minutes: { type: 'string' },
  alone: { type: 'boolean', default: false },
})
const nodes = options.nodes === undefined ? undefined : wholeNumber('nodes', options.nodes, 1)
const minutes = options.minutes === undefined ? undefined : numberWithin('minutes', options.minutes, 0, MOST_MINUTES)

const unknown = positionals.filter((wanted) => !BENCHMARKS.some(({ name }) => name === wanted))
if (unknown.length > 0) {
  process.stderr.write(`there is no benchmark ${unknown.join(', ')}; there are\n${KNOWN}\n`)
  process.exit(2)
}
const wanted = BENCHMARKS.filter(({ name, onDemand }) =>
  positionals.length === 0 ? onDemand !== true : positionals.includes(name),
)

mkdirSync(options.data, { recursive: true })
const root = mkdtempSync(join(options.data, 'lograft-bench-'))
process.once('exit', () => rmSync(root, { recursive: true, force: true }))

const print = (text: string): void => void (options.json ? process.stderr : process.stdout).write(`${text}\n`)
const startedAtMs = performance.now()
const machine = describeMachine(root)
print(machineText(machine))

const results: { readonly name: string; readonly about: string; readonly rows: readonly Row[] }[] = []
for (const { name, about, run } of wanted) {
  print(`\n${name}: ${about}`)
  const directories: string[] = []
  const context: BenchmarkContext = {
    ...(nodes !== undefined && { nodes }),
    ...(minutes !== undefined && { minutes }),
    alone: options.alone,
    directory: () => {
      const made = mkdtempSync(join(root, `${name}-`))
      directories.push(made)
      return made
    },
    note: (sentence) => void (process.stderr.isTTY && process.stderr.write(`  ${sentence}\n`)),
  }
  const rows = await run(context)
  for (const made of directories) rmSync(made, { recursive: true, force: true })
  results.push({ name, about, rows })
  print(tableText(rows))
}
const tookSeconds = (performance.now() - startedAtMs) / 1000
print(`\n${tookSeconds.toFixed(0)} s`)
if (options.json) process.stdout.write(`${JSON.stringify({ machine, tookSeconds, results }, undefined, 2)}\n`)
