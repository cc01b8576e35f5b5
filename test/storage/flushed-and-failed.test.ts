/** What a log says of its ends while it is written, after a flush that failed, and after an append that failed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/io/disk.js'
import { batchOf, SimulatedStore } from './simulated-store.js'

const SEEDS = 40

const valuesUpTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `value ${n}`)

for (const flushPolicy of ['commit', 'os'] as const) {
  test(`after a failed flush and a crash of the process nothing that is then counted as flushed is lost (${flushPolicy})`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const store = new SimulatedStore(seed, { flushPolicy, segmentBytes: 1500 }).reopened()
      const { device } = store.machine
      store.turn(() => {
        for (const value of valuesUpTo(3)) store.append([value])
      })
      assert.ok(store.until(() => store.log.logEndOffset === 3))
      // The names are durable; what comes now is dropped by the flush that fails.
      store.turn(() => store.log.flush())
      assert.ok(store.until(() => store.log.flushedEndOffset === 3))
      device.faults.failedFlushChance = 1
      store.turn(() => {
        for (const value of valuesUpTo(30).slice(3)) store.append([value])
      })
      assert.ok(store.until(() => store.log.logEndOffset === 30 || store.running!.directory.offline))
      store.turn(() => store.log.flush())
      assert.ok(store.until(() => store.running!.directory.offline))
      store.until(() => store.log.logEndOffset === store.log.nextOffset)
      assert.equal(store.log.flushedEndOffset, 3, 'a failed flush counts nothing')
      device.faults.failedFlushChance = 0
      store.machine.crash()

      store.reopened()
      assert.equal(store.running!.directory.lastStop, 'unclean')
      const { nextOffset } = store.log
      assert.deepEqual(store.values(), valuesUpTo(nextOffset), `seed ${seed}`)
      assert.ok(nextOffset >= 3)
      if (flushPolicy === 'commit') assert.equal(store.log.flushedEndOffset, nextOffset, 'recovered is durable')
      store.turn(() => store.append([`value ${nextOffset}`]))
      assert.ok(store.until(() => store.log.logEndOffset === nextOffset + 1))
      store.turn(() => store.log.flush())
      assert.ok(store.until(() => store.log.flushedEndOffset === nextOffset + 1))
      store.machine.losePower()

      store.reopened()
      assert.equal(store.log.nextOffset, nextOffset + 1, `seed ${seed}: what was flushed is gone`)
      assert.deepEqual(store.values(), valuesUpTo(nextOffset + 1), `seed ${seed}`)
    }
  })

  test(`flushed is never ahead of written, nor written of what was appended (${flushPolicy})`, () => {
    let events = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      const store = new SimulatedStore(seed, { flushPolicy, segmentBytes: 400, checkpointIntervalMs: 10 }).reopened()
      const { log } = store
      const look = (): boolean => {
        events++
        const { recoveryPoint, flushedEndOffset, logEndOffset, nextOffset } = log
        const numbers = `seed ${seed}: ${recoveryPoint}, ${flushedEndOffset}, ${logEndOffset}, ${nextOffset}`
        assert.ok(recoveryPoint <= flushedEndOffset && flushedEndOffset <= logEndOffset, numbers)
        assert.ok(logEndOffset <= nextOffset, numbers)
        return false
      }
      const never = (): never => assert.fail()
      log.observer = { written: look, flushed: look, startMoved: never, failed: never, repaired: never }
      for (let round = 0; round < 8; round++) {
        if (round === 4) store.machine.device.faults.stuckUntilMs = store.simulation.nowMs + 20
        store.turn(() => {
          for (let n = 0; n < 9; n++) store.append([`value ${log.nextOffset}`])
          if (round % 3 === 0) log.flush()
        })
        const endMs = store.simulation.nowMs + 4
        store.simulation.runUntil(look, endMs)
      }
      assert.ok(store.until(() => look() || log.logEndOffset === 72))
      store.turn(() => log.flush())
      assert.ok(store.until(() => look() || log.flushedEndOffset === 72))
      assert.deepEqual(store.values(), valuesUpTo(72))
    }
    assert.ok(events > 20 * SEEDS, `looked ${events} times`)
  })
}

test('a roll within a turn does not give away memory that is still to be written', () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const store = new SimulatedStore(seed, { flushPolicy: 'os', segmentBytes: 300 }).reopened()
    const { device } = store.machine
    device.faults.stuckUntilMs = store.simulation.nowMs + 30
    // Several rolls in one turn, and turns while the writes of earlier ones are on their way: the simulated disk finds bytes that change.
    for (let turn = 0; turn < 6; turn++) {
      store.turn(() => {
        for (let n = 0; n < 12; n++) store.append([`value ${store.log.nextOffset}`])
      })
      store.pass(2)
    }
    assert.ok(store.until(() => store.log.logEndOffset === 72))
    assert.deepEqual(store.values(), valuesUpTo(72))
    store.machine.crash()
    store.reopened()
    assert.deepEqual(store.values(), valuesUpTo(72))
  }
})

test('lent bytes are released when they are written, or lost, each once', () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const store = new SimulatedStore(seed, { segmentBytes: 300 }).reopened()
    const held = new Map<number, number>()
    const owner = (n: number): { retain: () => void; release: () => void } => ({
      retain: () => void held.set(n, (held.get(n) ?? 0) + 1),
      release: () => void held.set(n, held.get(n)! - 1),
    })
    store.turn(() => {
      for (let n = 0; n < 10; n++) store.log.append(batchOf([`value ${n}`]), 3, owner(n))
      assert.equal([...held.values()].filter((count) => count === 1).length > 0, true)
    })
    assert.ok(store.until(() => store.log.flushedEndOffset === 10))
    store.machine.device.faults.capacityBytes = store.machine.device.usedBytes + 5
    store.turn(() => {
      for (let n = 10; n < 13; n++) {
        try {
          store.log.append(batchOf([`value ${n}`]), 3, owner(n))
        } catch (error) {
          assert.ok(error instanceof DiskError)
        }
      }
    })
    assert.ok(store.until(() => store.failures === 1))
    assert.ok(held.size > 10)
    assert.deepEqual(
      [...held.values()],
      Array.from(held, () => 0),
    )
  }
})

test('while a log has failed it takes nothing, and afterwards it does not know what was lost', () => {
  let lostSome = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const store = new SimulatedStore(seed, { segmentBytes: 500 }).reopened()
    const { device } = store.machine
    const producer = (sequence: number): { id: number; sequence: number } => ({ id: 7, sequence })
    store.turn(() => {
      for (let n = 0; n < 5; n++) store.append([`value ${n}`], producer(n))
    })
    assert.ok(store.until(() => store.log.flushedEndOffset === 5))
    device.faults.capacityBytes = device.usedBytes + ((seed * 7) % 250)
    let appended = 5
    store.turn(() => {
      try {
        for (; appended < 11; appended++) store.append([`value ${appended}`], producer(appended))
      } catch (error) {
        assert.ok(error instanceof DiskError, `${error}`)
      }
    })
    assert.ok(store.until(() => store.failures === 1))
    const { log } = store
    const written = log.logEndOffset
    assert.ok(written >= 5 && written < 11)
    assert.ok(log.failed)
    // The state speaks of batches that are lost: whoever asked it now would answer them as duplicates. So the log says that it has failed.
    if (appended > written) lostSome++
    for (let sequence = written; sequence < 11; sequence++) {
      store.turn(() => assert.throws(() => store.append(['again'], producer(sequence)), DiskError))
    }
    assert.equal(log.logEndOffset, written)

    device.faults.capacityBytes = Number.POSITIVE_INFINITY
    assert.ok(
      store.until(() => store.repairs === 1),
      `seed ${seed}: not repaired`,
    )
    assert.equal(log.failed, false)
    assert.equal(log.nextOffset, written)
    assert.equal(log.state.producers.entry(7)?.lastSequence, written - 1)
    // Sent again by a producer that knows nothing of it.
    for (let sequence = 4; sequence < 11; sequence++) {
      const verdict = log.state.producers.check(batchOf([`value ${sequence}`], producer(sequence)))
      assert.equal(verdict.kind, sequence < written ? 'duplicate' : 'append', `seed ${seed}: sequence ${sequence}`)
      if (verdict.kind === 'append') store.turn(() => store.append([`value ${sequence}`], producer(sequence)))
    }
    assert.ok(store.until(() => log.flushedEndOffset === 11))
    assert.deepEqual(store.values(), valuesUpTo(11))
    store.machine.losePower()
    store.reopened()
    assert.deepEqual(store.values(), valuesUpTo(11))
    assert.equal(store.log.state.producers.entry(7)?.lastSequence, 10)
  }
  assert.ok(lostSome > SEEDS / 4, `something was lost in ${lostSome}`)
})
