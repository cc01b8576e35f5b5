/** A stop in order at every moment, also in the middle of a checkpoint and while the disk is stuck: it comes to an end, and nothing is missing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOffsetCheckpoint } from '../../src/storage/offset-checkpoint.js'
import { DATA, SimulatedStore } from './simulated-store.js'

const RECOVERY_POINTS = `${DATA}/recovery-point-offset-checkpoint`
const VALUES = Array.from({ length: 20 }, (_, n) => `value ${n}`)

/** A store with checkpoints all the time, some of which meet a disk that is stuck; then a stop. True: a checkpoint was under way. */
function stopAt(seed: number, delayMs: number, stuckMs: number): boolean {
  const where = `seed ${seed}, stopped after ${delayMs} ms`
  const store = new SimulatedStore(seed, { checkpointIntervalMs: 3 }).reopened()
  const { device } = store.machine
  const appended = (n: number): boolean => store.log.flushedEndOffset >= n
  store.turn(() => {
    for (const value of VALUES.slice(0, 15)) store.append([value])
  })
  assert.ok(store.until(() => appended(15)))
  // Something that the next checkpoint has to write down.
  store.turn(() => {
    for (const value of VALUES.slice(15)) store.append([value])
  })
  store.pass(1)
  device.faults.stuckUntilMs = store.simulation.nowMs + stuckMs
  store.pass(delayMs)
  const underWay = device.find(`${RECOVERY_POINTS}.tmp`) !== undefined
  assert.equal(store.stop(), 'clean', where)
  const points = parseOffsetCheckpoint(store.file(RECOVERY_POINTS)!.content.toString())
  assert.deepEqual(points, [{ topic: 't', partition: 0, offset: VALUES.length }], where)
  // What the marker of a clean stop promises is durable.
  store.machine.losePower()
  store.reopened()
  assert.equal(store.running!.directory.lastStop, 'clean', where)
  assert.equal(store.log.nextOffset, VALUES.length, where)
  assert.equal(store.log.flushedEndOffset, VALUES.length, where)
  assert.deepEqual(store.values(), VALUES, where)
  return underWay
}

test('a stop in order succeeds at every moment of the checkpoints that are written all the time', () => {
  let underWay = 0
  for (let seed = 0; seed < 16; seed++) {
    for (let delayMs = 0; delayMs < 20; delayMs += 0.5) if (stopAt(seed, delayMs, 0)) underWay++
  }
  assert.ok(underWay > 30, `a checkpoint was under way in ${underWay}`)
})

test('a stop in order waits for a checkpoint that waits for the disk', () => {
  let underWay = 0
  for (let seed = 0; seed < 8; seed++) {
    for (let delayMs = 0; delayMs < 120; delayMs += 6) if (stopAt(seed, delayMs, 50)) underWay++
  }
  assert.ok(underWay > 10, `a checkpoint was under way in ${underWay}`)
})

test('a stop whose flush fails says so, and leaves no marker of a clean stop', () => {
  for (let seed = 0; seed < 20; seed++) {
    const store = new SimulatedStore(seed, { flushPolicy: 'os', segmentBytes: 1 << 20 }).reopened()
    store.turn(() => store.append(VALUES))
    store.machine.device.faults.failedFlushChance = 1
    assert.equal(store.stop(), 'failed')
    store.machine.device.faults.failedFlushChance = 0
    store.reopened()
    assert.equal(store.running!.directory.lastStop, 'unclean')
    assert.deepEqual(store.values(), VALUES)
  }
})

test('a stop of a log that has failed is no clean one', () => {
  const store = new SimulatedStore(1).reopened()
  store.machine.device.faults.capacityBytes = store.machine.device.usedBytes + 10
  store.turn(() => store.append(VALUES))
  assert.ok(store.until(() => store.failures === 1))
  store.machine.device.faults.capacityBytes = Number.POSITIVE_INFINITY
  assert.equal(store.stop(), 'failed')
})
