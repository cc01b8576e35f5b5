/** Runs against a cluster in memory: a good one is found good, with everything tried and read; of a client that lies each lie is found, by its name. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SentRecord } from '../../jepsen/drivers/driver.js'
import { judgeRun } from '../../jepsen/history/judge-run.js'
import type { Operation } from '../../jepsen/history/operation.js'
import { type RunOptions, run } from '../../jepsen/run.js'
import { temporaryDirectory } from '../node-ports.js'
import { type Lies, MemoryCluster, MemoryDriver, memoryBed } from './memory-cluster.js'

const OPTIONS: RunOptions = {
  seed: 'run',
  timeMs: 400,
  workers: 6,
  rate: 5000,
  keys: 4,
  writesPerKey: 64,
  consume: 'assign',
  groupProtocol: 'classic',
  acks: -1,
  idempotent: true,
  isolation: 'read_committed',
  crashEveryMs: 400,
  metadata: true,
  topicSettings: {},
  prefix: 'run',
  finalReadsLimitMs: 2000,
  restMs: 0,
  recoveryLimitMs: 2000,
}

async function ran(lies: Lies, options: Partial<RunOptions> = {}) {
  const directory = temporaryDirectory('jepsen')
  try {
    const said: string[] = []
    const result = await run(
      { ...OPTIONS, ...options },
      {
        bed: memoryBed(),
        drivers: [new MemoryDriver(new MemoryCluster(), lies)],
        directory,
        about: { settings: { operations: 50, kinds: ['send', 'poll'] } },
        say: (line) => said.push(line),
      },
    )
    const lines = readFileSync(join(directory, 'history.jsonl'), 'utf8').trim().split('\n')
    const history = lines.map((line) => JSON.parse(line) as Operation)
    return { result, history, said, judgement: (await judgeRun(directory)).judgement }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('a good cluster: records go both ways, everything is read, and nothing is found', async () => {
  const { result, history, judgement } = await ran({}, { consume: 'both', timeMs: 800 })
  assert.deepEqual(result.troubles, [])
  assert.deepEqual(judgement.reasons, [])
  assert.equal(judgement.verdict, 'valid')
  assert.equal(result.finalReads?.isComplete, true)
  assert.ok(result.recoveryMs !== undefined && result.recoveryMs < OPTIONS.recoveryLimitMs)
  assert.deepEqual(
    history.map(({ index }) => index),
    history.map((_, index) => index),
  )
  for (const f of ['send', 'poll', 'assign', 'subscribe', 'crash']) {
    assert.ok(
      history.some((operation) => operation.f === f && operation.type !== 'invoke'),
      f,
    )
  }
  const phases = history.flatMap(({ f, value }) => (f === 'phase' ? [value] : []))
  assert.deepEqual(phases, ['load', 'heal', 'recovery', 'final reads', 'end'])
})

function every(count: number): (record: SentRecord) => boolean {
  let seen = 0
  return () => ++seen % count === 0
}

const LIES: readonly (readonly [string, RegExp, () => Lies])[] = [
  ['a record is acknowledged and not kept', /^(unseen|lost-write)$/, () => ({ loses: every(20) })],
  [
    'a record is given at two offsets',
    /^duplicate$/,
    () => ({ gives: (records) => records.flatMap((each) => [each, { ...each, offset: each.offset + 1000 }]) }),
  ],
  [
    'two records are given in the wrong order',
    /^int-nonmonotonic-poll$/,
    () => ({ gives: (records) => [...records].reverse() }),
  ],
  [
    'a record is damaged',
    /^phantom$/,
    () => ({ gives: (records) => records.map((each) => ({ ...each, payload: `${each.payload}?` })) }),
  ],
  [
    'a record is passed over now and then',
    /poll-skip$/,
    () => {
      let calls = 0
      return { gives: (records) => (++calls % 3 === 0 ? records.slice(1) : records) }
    },
  ],
]

for (const [lie, anomaly, lies] of LIES) {
  test(`a client that lies is found: ${lie}`, async () => {
    const { judgement } = await ran(lies())
    assert.equal(judgement.verdict, 'invalid')
    const found = Object.keys(judgement.anomalies)
    assert.ok(
      found.some((name) => anomaly.test(name)),
      found.join(', '),
    )
  })
}

test('what cannot be read in the end is said, and so is a client that breaks', async () => {
  let polls = 0
  const { result, judgement } = await ran(
    {
      gives: (records) => (++polls > 0 ? [] : records),
      opens: () => {
        if (polls === 10) throw new TypeError('a broken client')
      },
    },
    { finalReadsLimitMs: 300, crashEveryMs: 0 },
  )
  assert.notEqual(judgement.verdict, 'valid')
  assert.equal(result.finalReads?.isComplete, false)
  assert.ok(result.finalReads!.missing.length > 0)
  assert.ok(result.troubles.some((sentence) => sentence.startsWith('the final reads are not complete (memory')))
})
