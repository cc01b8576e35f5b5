/** A log that is opened, filled, rolled, checkpointed and stopped, with the process or the power gone at every single disk operation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogDamagedError } from '../../src/storage/log-damaged-error.js'
import { parsePartitionMetadata } from '../../src/storage/log-files.js'
import { atEveryOperation } from './crash-points.js'
import { DATA, PARTITION, SimulatedStore, TOPIC_ID } from './simulated-store.js'

const RECOVERY_POINTS = `${DATA}/recovery-point-offset-checkpoint`

/** `from`, `from + 1` ... as values, in batches of one to three. */
function fill(store: SimulatedStore, from: number, count: number): void {
  for (let next = from; next < from + count; ) {
    const values = Array.from({ length: Math.min(1 + (next % 3), from + count - next) }, (_, n) => `value ${next + n}`)
    assert.equal(store.append(values), next)
    next += values.length
  }
}

function assertValues(store: SimulatedStore, where: string): void {
  const values = store.values()!
  assert.deepEqual(
    values,
    values.map((_, n) => `value ${n}`),
    where,
  )
}

test('a log whose making is struck opens again, and says whose it is before there is anything in it', () => {
  const struck = atEveryOperation({
    seeds: 15,
    prepare: (store) => assert.ok(store.start()),
    run: (store) => store.open(),
    check: (store, where) => {
      const names = store.names() ?? []
      const metadata = store.file(`${PARTITION}/partition.metadata`)
      if (metadata !== undefined) {
        assert.equal(
          parsePartitionMetadata(metadata.content.toString()),
          TOPIC_ID,
          `${where}: it is whole or not there`,
        )
      }
      if (names.some((name) => name.endsWith('.log'))) assert.ok(metadata !== undefined, `${where}: ${names}`)
      store.reopened()
      assert.equal(store.log.nextOffset, 0, where)
      // What it holds then is kept.
      store.turn(() => fill(store, 0, 5))
      assert.ok(
        store.until(() => store.log.flushedEndOffset === 5),
        where,
      )
      store.machine.losePower()
      store.reopened()
      assert.equal(store.log.nextOffset, 5, where)
      assertValues(store, where)
    },
  })
  assert.ok(struck > 100, `${struck}`)
})

test('the first start of a directory that is struck is followed by one that works', () => {
  const struck = atEveryOperation({
    seeds: 15,
    prepare: () => {},
    run: (store) => store.start(),
    check: (store, where) => {
      store.reopened()
      assert.equal(store.log.nextOffset, 0, where)
    },
  })
  assert.ok(struck > 100, `${struck}`)
})

test('what is flushed after a first start that was struck survives the next power loss, with the directory itself', () => {
  const struck = atEveryOperation({
    seeds: 15,
    strikes: ['crash'],
    prepare: () => {},
    run: (store) => store.start(),
    check: (store, where) => {
      store.reopened()
      store.turn(() => fill(store, 0, 8))
      store.until(() => store.log.flushedEndOffset === 8)
      store.machine.losePower()
      store.reopened()
      assert.equal(store.log.nextOffset, 8, where)
      assertValues(store, where)
    },
  })
  assert.ok(struck > 50, `${struck}`)
})

test('what was counted as flushed survives a strike at every operation of appends, rolls, checkpoints and a stop', () => {
  let flushed = 0
  const struck = atEveryOperation({
    options: { checkpointIntervalMs: 5 },
    seeds: 2,
    prepare: (store) => {
      store.reopened()
      flushed = 0
    },
    run: (store) => {
      const { log } = store
      const look = (): boolean => {
        flushed = Math.max(flushed, log.flushedEndOffset)
        return false
      }
      for (let from = 0; from < 24 && store.alive; from += 8) {
        store.turn(() => fill(store, from, 8))
        store.until(() => look() || log.flushedEndOffset === from + 8)
        look()
        store.pass(8)
      }
      if (store.alive) store.stop()
    },
    check: (store, where) => {
      store.reopened()
      const { nextOffset, flushedEndOffset, recoveryPoint } = store.log
      assert.ok(nextOffset >= flushed, `${where}: ends at ${nextOffset}, was flushed up to ${flushed}`)
      assert.ok(flushedEndOffset <= nextOffset && recoveryPoint <= flushedEndOffset, where)
      assertValues(store, where)
    },
  })
  assert.ok(struck > 150, `${struck}`)
})

test('under `os` a strike at every operation leaves a log that opens, also where its beginning is lost', () => {
  let islands = 0
  const struck = atEveryOperation({
    options: { flushPolicy: 'os', segmentBytes: 200 },
    strikes: ['losePower'],
    seeds: 12,
    prepare: (store) => {
      store.reopened()
      // Nothing that a roll has flushed is done before the power is gone.
      store.machine.device.faults.stuckUntilMs = store.simulation.nowMs + 60_000
    },
    run: (store) => {
      store.turn(() => fill(store, 0, 10))
      store.pass(1)
      store.turn(() => fill(store, store.log.nextOffset, 10))
      store.until(() => store.log.logEndOffset === store.log.nextOffset)
    },
    check: (store, where) => {
      store.machine.device.faults.stuckUntilMs = 0
      const segments = (store.names() ?? []).filter((name) => name.endsWith('.log'))
      if (segments.length > 0 && Number.parseInt(segments[0]!, 10) > 0) islands++
      store.reopened()
      assertValues(store, where)
      const { nextOffset } = store.log
      store.turn(() => fill(store, nextOffset, 5))
      assert.ok(
        store.until(() => store.log.logEndOffset === nextOffset + 5),
        where,
      )
      assertValues(store, where)
    },
  })
  assert.ok(struck > 30, `${struck}`)
  assert.ok(islands > 0, 'in none of them the first name was lost')
})

/** A log of several segments, without the first of them, after a power loss. */
function island(recoveryPoint: number): SimulatedStore {
  const store = new SimulatedStore('island').reopened()
  store.turn(() => fill(store, 0, 30))
  assert.ok(store.until(() => store.log.flushedEndOffset === 30))
  store.machine.losePower()
  store.replaceFile(`${PARTITION}/00000000000000000000.log`, undefined)
  assert.ok(store.names()!.filter((name) => name.endsWith('.log')).length > 1)
  const checkpoint = recoveryPoint === 0 ? undefined : Buffer.from(`0\n1\nt 0 ${recoveryPoint}\n`)
  store.replaceFile(RECOVERY_POINTS, checkpoint)
  return store
}

test('a log without its beginning, of which nothing was ever counted, is removed and begins anew', () => {
  const store = island(0)
  store.reopened()
  assert.equal(store.log.nextOffset, 0)
  assert.deepEqual(
    store.names()!.filter((name) => name.endsWith('.log')),
    ['00000000000000000000.log'],
  )
  store.turn(() => fill(store, 0, 7))
  assert.ok(store.until(() => store.log.flushedEndOffset === 7))
  store.machine.losePower()
  store.reopened()
  assert.equal(store.log.nextOffset, 7)
  assertValues(store, 'anew')
})

test('a log without its beginning that was counted once is damaged, and nothing is removed', () => {
  const store = island(1)
  const before = store.names()
  assert.ok(store.start())
  assert.equal(store.open(), false)
  assert.ok(store.error instanceof LogDamagedError, `${store.error}`)
  assert.match(store.error.message, /begins at offset \d+, and was flushed up to 1: /)
  assert.deepEqual(store.names(), before)
})
