/**
 * The cleaning of a log with ten million keys: how long it takes, and how much memory the broker takes for it beyond what it holds at rest, as a part
 * of `log.cleaner.dedupe.buffer.size`. That the memory stays bounded is tested in `test/process`.
 */
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { figure } from './lib/figure.js'
import { DEDUPE_BUFFER_BYTES, watchCleaning, writeKeys } from './lib/many-keys.js'

const KEYS = 10_000_000
const LONGEST_MS = 15 * 60_000
const MB = 1e6

export const compaction: Benchmark = {
  name: 'compaction',
  about: `a log of ${KEYS / 1e6} million keys is cleaned: time, and memory beyond that at rest`,
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const data = context.directory()
  await writeKeys(data, KEYS, (text) => context.note(text))
  const { tookMs, restBytes, peakBytes } = await watchCleaning(data, KEYS, LONGEST_MS)
  return [
    {
      name: 'all keys cleaned',
      figures: [
        figure('took', 'ms', [tookMs]),
        figure('resident before', 'MB', [restBytes / MB]),
        figure('more at most', 'MB', [(peakBytes - restBytes) / MB]),
        figure('of the dedupe buffer', 'ratio', [(peakBytes - restBytes) / DEDUPE_BUFFER_BYTES]),
      ],
    },
  ]
}
