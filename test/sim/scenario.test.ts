/** Whole runs: what a seed gives twice is the same, and not trivial; a promise that is not made is seen to be broken. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSeed, type SeedReport } from '../../src/sim/scenario.js'
import { Tally } from '../../src/sim/tally.js'

const SEEDS = [1, 5, 12]

test('a seed is one run: hash, history and everything else are the same when it is run again', () => {
  const tally = new Tally()
  const hashes = new Set<string>()
  let starts = 0
  for (const seed of SEEDS) {
    const first = runSeed(seed)
    assert.deepEqual(runSeed(seed), first)
    assert.deepEqual(first.findings, [])
    assert.ok(first.acknowledged > 100, `seed ${seed} acknowledges ${first.acknowledged}`)
    assert.ok(first.events > 1000 && first.virtualMs > 2000)
    starts += first.starts
    const kinds = new Set(first.history.map(({ f, type }) => `${f} ${type}`))
    for (const kind of ['send invoke', 'send ok', 'poll ok']) assert.ok(kinds.has(kind), `seed ${seed}: no ${kind}`)
    tally.add(first)
    hashes.add(first.hash)
  }
  assert.equal(hashes.size, SEEDS.length)
  assert.ok(starts > 2 * SEEDS.length)
  assert.ok(tally.fault('power-loss').seedsInFlight > 0, 'power is lost while somebody waits')
  assert.ok((tally.checks.get('committed is flushed') ?? 0) > 1000)
  assert.ok((tally.checks.get('flushed is on the device') ?? 0) > 10)
  assert.ok((tally.checks.get('digest is that of the bytes') ?? 0) > 10)
  assert.ok((tally.checks.get('high watermark rises') ?? 0) > 100)
})

test('every record of the last reading is told of in order, and none twice', () => {
  const { history } = runSeed(SEEDS[0]!)
  const next = new Map<string, number>()
  let read = 0
  for (const operation of history) {
    if (operation.f !== 'poll' || operation.final !== true) continue
    for (const [offset] of operation.records) {
      assert.ok(offset >= (next.get(operation.key) ?? 0), `${operation.key}: ${offset}`)
      next.set(operation.key, offset + 1)
      read++
    }
  }
  assert.ok(read > 100)
})

function report(seed: number, strict: boolean): SeedReport {
  return runSeed(seed, { flushPolicy: 'os', faults: ['power-loss'], strict })
}

/** The first seed in which something was lost that nothing has made up for. */
function strictLoss(): { readonly seed: number; readonly strict: SeedReport } {
  const seen: string[] = []
  for (let seed = 11; seed < 16; seed++) {
    const strict = report(seed, true)
    if (strict.findings.some(({ anomaly }) => anomaly === 'lost-write')) return { seed, strict }
    seen.push(...strict.findings.map(({ anomaly }) => anomaly))
  }
  assert.fail(`nothing was lost: ${seen.slice(0, 5)}`)
}

test('where nothing is flushed a power loss takes what was acknowledged: strictly judged that is a loss, as promised it is none', () => {
  const { seed, strict } = strictLoss()
  assert.ok((strict.faults['power-loss']?.total ?? 0) > 0)
  const promised = report(seed, false)
  assert.deepEqual(promised.findings, [])
  assert.equal(promised.hash, strict.hash, 'the judge does not change what happens')
})

test('without faults nothing dies, and all is acknowledged', () => {
  const { starts, exits, findings, faults, unknown, acknowledged } = runSeed(5, { faults: [], acks: -1 })
  assert.deepEqual(
    { starts, exits, findings, faults, unknown },
    { starts: 1, exits: 0, findings: [], faults: {}, unknown: 0 },
  )
  assert.ok(acknowledged > 100)
})
