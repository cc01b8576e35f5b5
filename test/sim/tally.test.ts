/** Tally: the figures of a few summaries that can be reckoned by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SeedReport } from '../../src/sim/scenario.js'
import { type SeedSummary, Tally } from '../../src/sim/tally.js'

function summary(seed: string, acknowledged: number, more: Partial<SeedSummary> = {}): SeedSummary {
  const nothing = { findings: [], unknown: 0, events: 10, virtualMs: 1000, starts: 1, exits: 0, faults: {}, checks: {} }
  return { seed, hash: '0', acknowledged, ...nothing, ...more }
}

function tallied(...summaries: SeedSummary[]): Tally {
  const tally = new Tally()
  for (const each of summaries) tally.add(each)
  return tally
}

test('sums', () => {
  const tally = tallied(
    summary('1', 5, { events: 100, virtualMs: 250, starts: 3, exits: 1 }),
    summary('2', 7, { events: 50, virtualMs: 750, starts: 1, exits: 0 }),
  )
  const { seeds, starts, exits, events, virtualMs, acknowledged } = tally
  assert.deepEqual([seeds, starts, exits, events, virtualMs, acknowledged], [2, 4, 1, 150, 1000, 12])
})

test('the median is that of the seeds, not of the order in which they came, and by number', () => {
  const medianOf = (...acknowledged: number[]): number =>
    tallied(...acknowledged.map((each, n) => summary(String(n), each))).medianAcknowledged
  assert.equal(medianOf(100, 9, 20), 20)
  assert.equal(medianOf(1000, 9, 20, 0, 3), 9)
  assert.equal(medianOf(7), 7)
  assert.equal(medianOf(0, 0, 0, 500), 0)
  assert.ok(Number.isNaN(medianOf()))
})

test('a share is that of the seeds in which a fault struck while appends were in flight', () => {
  const tally = tallied(
    summary('1', 1, { faults: { 'power-loss': { total: 4, inFlight: 3 } } }),
    summary('2', 1, { faults: { 'power-loss': { total: 2, inFlight: 0 }, 'io-error': { total: 1, inFlight: 1 } } }),
    summary('3', 1),
    summary('4', 1, { faults: { 'power-loss': { total: 1, inFlight: 1 } } }),
  )
  assert.deepEqual(tally.fault('power-loss'), { total: 7, seedsInFlight: 0.5 })
  assert.deepEqual(tally.fault('io-error'), { total: 1, seedsInFlight: 0.25 })
  assert.deepEqual(tally.fault('disk-full'), { total: 0, seedsInFlight: 0 })
  assert.deepEqual(new Tally().fault('power-loss'), { total: 0, seedsInFlight: 0 })
})

test('checks add up by name', () => {
  const tally = tallied(
    summary('1', 1, { checks: { digest: 3, offsets: 10 } }),
    summary('2', 1, { checks: { digest: 4, durable: 1 } }),
  )
  assert.deepEqual(Object.fromEntries(tally.checks), { digest: 7, offsets: 10, durable: 1 })
})

test('seeds with findings are kept, and the text names them', () => {
  const finding: SeedReport['findings'][number] = { anomaly: 'lost-write', key: 't-0', detail: 'one is gone' }
  const tally = tallied(
    summary('17', 3, { faults: { 'torn-write': { total: 2, inFlight: 1 } }, checks: { digest: 3 } }),
    summary('18', 5, { findings: [finding] }),
    summary('19', 4),
  )
  assert.deepEqual(
    tally.found.map(({ seed }) => seed),
    ['18'],
  )
  const lines = tally.text().split('\n')
  assert.equal(lines[0], '3 seeds, 30 events, 3 s of virtual time')
  assert.equal(lines[1], '12 records acknowledged, 4 in the median of the seeds')
  assert.ok(lines.some((line) => /torn-write +2 times, at appends in flight in 33 % of the seeds/.test(line)))
  assert.ok(lines.some((line) => /looked at +3 times: digest/.test(line)))
  assert.equal(lines.at(-1), 'seeds with findings: 18')
  assert.match(tallied(summary('1', 1)).text(), /seeds with findings: none$/)
})
