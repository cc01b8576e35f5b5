import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type AppendedBatch,
  newestUsableSnapshot,
  ProducerState,
  type ProducerVerdict,
} from '../../src/log/producer-state.js'
import { parsedValue } from './parsed.js'

const LAST_SEQUENCE = 2 ** 31 - 1

interface BatchShape {
  readonly producerId?: number
  readonly epoch?: number
  readonly sequence?: number
  readonly count?: number
  readonly offset?: number
  readonly timestamp?: number
  readonly transactional?: boolean
  readonly control?: boolean
}

function batchOf(shape: BatchShape): AppendedBatch {
  return {
    producerId: shape.producerId ?? 7,
    producerEpoch: shape.epoch ?? 0,
    baseSequence: shape.sequence ?? 0,
    lastOffsetDelta: (shape.count ?? 1) - 1,
    baseOffset: shape.offset ?? 0,
    maxTimestamp: shape.timestamp ?? 1000,
    isTransactional: shape.transactional ?? false,
    isControl: shape.control ?? false,
  }
}

function outcome(verdict: ProducerVerdict): string {
  switch (verdict.kind) {
    case 'append':
      return 'append'
    case 'duplicate':
      return `duplicate ${verdict.baseOffset}..${verdict.lastOffset} at ${verdict.timestamp}`
    case 'refuse':
      return verdict.error
  }
}

/** A log of one producer whose batches follow each other; returns what the state says of one more. */
function logOf(...shapes: BatchShape[]) {
  const state = new ProducerState()
  for (const shape of shapes) state.update(batchOf({ offset: state.endOffset, ...shape }))
  return { state, check: (shape: BatchShape) => outcome(state.check(batchOf(shape))) }
}

const OUT_OF_ORDER = 'OUT_OF_ORDER_SEQUENCE_NUMBER'

test('a producer that is not known may begin anywhere, and in any epoch', () => {
  const { check } = logOf()
  assert.equal(check({ sequence: 0 }), 'append')
  assert.equal(check({ sequence: 123, epoch: 9 }), 'append')
  assert.equal(check({ sequence: -1 }), 'INVALID_RECORD')
  assert.equal(check({ producerId: -1, epoch: -1, sequence: -1 }), 'append')
})

test('each of the last five batches, sent again, gets the offsets that it got the first time (T07, T18)', () => {
  const shapes = [3, 1, 4, 1, 5, 9, 2].map((count, at) => ({ count, timestamp: 1000 + at }))
  const { state, check } = logOf()
  let sequence = 0
  const sent = shapes.map((shape) => {
    const batch = { ...shape, sequence, offset: state.endOffset + 10 }
    state.update(batchOf(batch))
    sequence += shape.count
    return batch
  })
  sent.forEach(({ sequence, count, offset, timestamp }, at) => {
    const expected = at < 2 ? OUT_OF_ORDER : `duplicate ${offset}..${offset + count - 1} at ${timestamp}`
    assert.equal(check({ sequence, count }), expected)
  })
})

test('the answer to a duplicate does not need the log, which may be deleted by then (T12)', () => {
  const { state, check } = logOf({ sequence: 0, count: 3 })
  state.advanceTo(500)
  assert.equal(state.endOffset, 500)
  assert.equal(check({ sequence: 0, count: 3 }), 'duplicate 0..2 at 1000')
  assert.equal(check({ sequence: 3 }), 'append')
})

test('a duplicate is one in epoch, first and last sequence; what overlaps otherwise is out of order', () => {
  const { check } = logOf({ sequence: 0, count: 3 }, { sequence: 3, count: 3 })
  assert.equal(check({ sequence: 3, count: 3 }), 'duplicate 3..5 at 1000')
  assert.equal(check({ sequence: 3, count: 2 }), OUT_OF_ORDER)
  assert.equal(check({ sequence: 3, count: 4 }), OUT_OF_ORDER)
  assert.equal(check({ sequence: 4, count: 2 }), OUT_OF_ORDER)
  assert.equal(check({ sequence: 0, count: 6 }), OUT_OF_ORDER)
  assert.equal(check({ sequence: 3, count: 3, epoch: 1 }), OUT_OF_ORDER)
})

test('the next batch begins with the next sequence', () => {
  const { check } = logOf({ sequence: 0, count: 3 })
  assert.equal(check({ sequence: 3 }), 'append')
  assert.equal(check({ sequence: 4 }), OUT_OF_ORDER)
  assert.equal(check({ sequence: 2 }), OUT_OF_ORDER)
})

test('sequences wrap from 2^31 - 1 to 0, between batches and inside one', () => {
  const between = logOf({ sequence: LAST_SEQUENCE - 1, count: 2 })
  assert.equal(between.check({ sequence: 0 }), 'append')
  assert.equal(between.check({ sequence: LAST_SEQUENCE }), OUT_OF_ORDER)
  const inside = logOf({ sequence: LAST_SEQUENCE - 1, count: 5 })
  assert.equal(inside.state.entry(7)?.lastSequence, 2)
  assert.equal(inside.check({ sequence: LAST_SEQUENCE - 1, count: 5 }), 'duplicate 0..4 at 1000')
  assert.equal(inside.check({ sequence: 3 }), 'append')
  assert.equal(inside.check({ sequence: 0 }), OUT_OF_ORDER)
})

test('a new epoch begins at 0 and forgets the batches of the one before; an older one is refused', () => {
  const { state, check } = logOf({ sequence: 0, count: 3, epoch: 4 })
  assert.equal(check({ epoch: 5, sequence: 3 }), OUT_OF_ORDER)
  assert.equal(check({ epoch: 5, sequence: 0, count: 3 }), 'append')
  assert.equal(check({ epoch: 3, sequence: 3 }), 'INVALID_PRODUCER_EPOCH')
  state.update(batchOf({ epoch: 5, sequence: 0, count: 3, offset: 3 }))
  assert.equal(check({ epoch: 5, sequence: 0, count: 3 }), 'duplicate 3..5 at 1000')
  assert.equal(check({ epoch: 4, sequence: 0, count: 3 }), 'INVALID_PRODUCER_EPOCH')
})

test('a producer without an epoch may send anything, as it may to Kafka', () => {
  const { check } = logOf({ epoch: -1, sequence: 5 })
  assert.equal(check({ epoch: -1, sequence: 77 }), 'append')
  assert.equal(check({ epoch: -1, sequence: 5 }), 'duplicate 0..0 at 1000')
  assert.equal(check({ epoch: 0, sequence: 77 }), 'append')
})

test('check changes nothing', () => {
  const { state, check } = logOf({ sequence: 0, count: 2 })
  const before = state.snapshot()
  for (const shape of [{ sequence: 2 }, { sequence: 0, count: 2 }, { sequence: 9 }, { producerId: 8 }, { epoch: 1 }]) {
    check(shape)
  }
  assert.deepEqual(state.snapshot(), before)
  assert.equal(state.size, 1)
  assert.equal(state.endOffset, 2)
})

test('batches without a producer, and control batches, only move the end', () => {
  const { state } = logOf({ producerId: -1, count: 4 }, { producerId: 9, control: true })
  assert.equal(state.size, 0)
  assert.equal(state.endOffset, 5)
  assert.throws(() => state.update(batchOf({ offset: 4 })), /comes after/)
})

test('a transaction stays open from its first batch to its marker', () => {
  const { state, check } = logOf({ sequence: 0, count: 2, transactional: true })
  state.update(batchOf({ sequence: 2, offset: 2, transactional: true }))
  assert.equal(state.entry(7)?.transactionFirstOffset, 0)
  assert.equal(check({ sequence: 3 }), 'INVALID_TXN_STATE')
  assert.equal(check({ sequence: 3, transactional: true }), 'append')

  const marker = { producerId: 7, coordinatorEpoch: 3, offset: 3, timestamp: 2000 }
  assert.equal(state.applyMarker({ ...marker, producerEpoch: 0 }), 0)
  assert.deepEqual(
    { ...state.entry(7) },
    {
      producerId: 7,
      producerEpoch: 0,
      coordinatorEpoch: 3,
      lastTimestamp: 2000,
      lastAppendMs: undefined,
      transactionFirstOffset: undefined,
    },
  )
  assert.equal(check({ sequence: 2, transactional: true }), 'duplicate 2..2 at 1000')
  assert.equal(check({ sequence: 3 }), 'append')

  assert.equal(state.applyMarker({ ...marker, producerEpoch: 1, offset: 4 }), undefined)
  assert.equal(check({ epoch: 1, sequence: 3 }), OUT_OF_ORDER)
  assert.equal(check({ epoch: 1, sequence: 0 }), 'append')
  assert.equal(check({ epoch: 0, sequence: 2, transactional: true }), 'INVALID_PRODUCER_EPOCH')
})

test('a coordinator writes without sequences; only epoch and transaction count', () => {
  const { state } = logOf({ epoch: 4, sequence: 0, transactional: true })
  const check = (shape: BatchShape) => outcome(state.check(batchOf(shape), 'coordinator'))
  assert.equal(check({ epoch: 4, sequence: 0, transactional: true }), 'append')
  assert.equal(check({ epoch: 4, sequence: -1, transactional: true }), 'append')
  assert.equal(check({ epoch: 3, sequence: -1, transactional: true }), 'INVALID_PRODUCER_EPOCH')
  assert.equal(check({ epoch: 4, sequence: -1 }), 'INVALID_TXN_STATE')
  state.update(batchOf({ epoch: 4, sequence: -1, count: 3, offset: 1, transactional: true }))
  assert.equal(state.entry(7)?.lastSequence, -1)
  assert.equal(state.entry(7)?.lastOffset, 3)
})

test('producers expire by when they last appended, whatever their records say, not while a transaction is open', () => {
  const { state, check } = logOf()
  // Records of the past and of the future.
  state.update(batchOf({ offset: 0, producerId: 1, timestamp: 9_000_000 }), 1000)
  state.update(batchOf({ offset: 1, producerId: 2, timestamp: -1 }), 5000)
  state.update(batchOf({ offset: 2, producerId: 3, timestamp: 0, transactional: true }), 1000)
  assert.equal(state.expire(1999, 1000), 0)
  assert.equal(state.expire(2000, 1000), 1)
  assert.deepEqual(
    [...state.entries()].map((entry) => entry.producerId),
    [2, 3],
  )
  assert.equal(check({ producerId: 1, sequence: 55 }), 'append')
  state.applyMarker({ producerId: 3, producerEpoch: 0, coordinatorEpoch: 0, offset: 3, timestamp: 7 }, 5500)
  assert.equal(state.expire(6400, 1000), 1)
  assert.equal(state.expire(9999, 1000), 1)
  assert.equal(state.size, 0)
})

test('what was appended before counts from when it is first asked, in a state that was restored as in one that was read again', () => {
  const { state } = logOf({ producerId: 1, timestamp: 1000 }, { producerId: 2, timestamp: 1000 })
  const restored = ProducerState.restore(state.snapshot(), 2)
  assert.equal(restored.kind, 'ok')
  for (const each of [state, restored.kind === 'ok' ? restored.value : state]) {
    assert.equal(each.expire(1_000_000, 1000), 0)
    each.update(batchOf({ offset: 2, producerId: 2, sequence: 1 }), 1_000_500)
    assert.equal(each.expire(1_001_000, 1000), 1)
    assert.equal(each.expire(1_001_499, 1000), 0)
    assert.equal(each.expire(1_001_500, 1000), 1)
  }
})

test('one producer too many: who has written nothing for longest is forgotten, not within a transaction', () => {
  const state = new ProducerState(0, 3)
  const ids = (of: ProducerState): number[] => [...of.entries()].map(({ producerId }) => producerId).sort()
  state.update(batchOf({ offset: 0, producerId: 1, transactional: true }))
  for (const [index, producerId] of [2, 3].entries()) state.update(batchOf({ offset: 1 + index, producerId }))
  state.update(batchOf({ offset: 3, producerId: 2, sequence: 1 }))
  state.update(batchOf({ offset: 4, producerId: 4 }))
  assert.deepEqual(ids(state), [1, 2, 4])
  state.update(batchOf({ offset: 5, producerId: 5 }))
  assert.deepEqual(ids(state), [1, 4, 5])
  const restored = ProducerState.restore(state.snapshot(), 6, 2)
  assert.ok(restored.kind === 'ok')
  assert.deepEqual(ids(restored.value), [1, 5])
  restored.value.update(batchOf({ offset: 6, producerId: 6 }))
  assert.deepEqual(ids(restored.value), [1, 6])
})

test('the newest snapshot within the log is the one to build on', () => {
  assert.equal(newestUsableSnapshot([0, 10, 40, 25, 60], 5, 50), 40)
  assert.equal(newestUsableSnapshot([10, 40, 25, 60], 5, 25), 25)
  assert.equal(newestUsableSnapshot([10, 60], 10, 50), undefined)
  assert.equal(newestUsableSnapshot([], 0, 50), undefined)
  const { state } = logOf({ count: 20 })
  assert.deepEqual(state.planTruncation(0, 20, [10]), { kind: 'keep', replayFrom: 20 })
  assert.deepEqual(state.planTruncation(0, 30, [10]), { kind: 'keep', replayFrom: 20 })
  assert.deepEqual(state.planTruncation(0, 19, [10, 20]), { kind: 'restore', snapshotOffset: 10, replayFrom: 10 })
  assert.deepEqual(state.planTruncation(12, 19, [10, 20]), { kind: 'start empty', replayFrom: 12 })
})

/** What was appended, in the words of the naive model. */
type Entry =
  | { readonly kind: 'data'; readonly batch: AppendedBatch }
  | { readonly kind: 'marker'; readonly producerId: number; readonly producerEpoch: number; readonly offset: number }

/** The verdict by searching the whole log. Markers reset what came before only when they bring a new epoch. */
function naiveVerdict(log: readonly Entry[], batch: AppendedBatch): string {
  let epoch: number | undefined
  let batches: AppendedBatch[] = []
  let open = false
  for (const entry of log) {
    const { producerId, producerEpoch } = entry.kind === 'data' ? entry.batch : entry
    if (producerId !== batch.producerId) continue
    if (producerEpoch !== epoch) batches = []
    epoch = producerEpoch
    if (entry.kind === 'data') batches.push(entry.batch)
    open = entry.kind === 'data' ? open || entry.batch.isTransactional : false
  }
  if (epoch === undefined) return 'append'
  const same = batches
    .slice(-5)
    .find((each) => each.baseSequence === batch.baseSequence && each.lastOffsetDelta === batch.lastOffsetDelta)
  if (epoch === batch.producerEpoch && same !== undefined) {
    return `duplicate ${same.baseOffset}..${same.baseOffset + same.lastOffsetDelta}`
  }
  if (batch.producerEpoch < epoch) return 'INVALID_PRODUCER_EPOCH'
  const last = batches.at(-1)
  const next = last === undefined ? 0n : (BigInt(last.baseSequence) + BigInt(last.lastOffsetDelta) + 1n) % 2n ** 31n
  const expected = batch.producerEpoch === epoch ? Number(next) : 0
  if (batch.baseSequence !== expected) return OUT_OF_ORDER
  return open && !batch.isTransactional ? 'INVALID_TXN_STATE' : 'append'
}

const attempt = fc.record({
  kind: fc.constantFrom('send', 'send', 'send', 'send', 'retry', 'jump', 'bump', 'marker', 'zombie', 'cut', 'roll'),
  producerId: fc.nat({ max: 2 }),
  count: fc.integer({ min: 1, max: 4 }),
  choice: fc.nat({ max: 9 }),
  transactional: fc.constantFrom(false, false, true),
})

test('against a model that searches the whole log, with truncations that rebuild from snapshots', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(
      fc.constantFrom(0, LAST_SEQUENCE - 8),
      fc.array(attempt, { maxLength: 80, size: 'max' }),
      (firstSequence, attempts) => {
        let state = new ProducerState()
        const log: Entry[] = []
        const snapshots = new Map<number, Buffer>()
        const sent: AppendedBatch[] = []
        let wasRestored = false
        const apply = (entry: Entry): void => {
          if (entry.kind === 'data') state.update(entry.batch)
          else state.applyMarker({ ...entry, coordinatorEpoch: 0, timestamp: entry.offset })
        }
        const startOf = (entry: Entry): number => (entry.kind === 'data' ? entry.batch.baseOffset : entry.offset)
        const endOf = (entry: Entry): number =>
          entry.kind === 'data' ? entry.batch.baseOffset + entry.batch.lastOffsetDelta + 1 : entry.offset + 1

        for (const { kind, producerId, count, choice, transactional } of attempts) {
          const end = state.endOffset
          if (kind === 'roll') {
            snapshots.set(end, state.snapshot())
          } else if (kind === 'cut') {
            const first = log[Math.max(0, log.length - 1 - choice)]
            const target = first === undefined ? end : startOf(first)
            while (log.length > 0 && endOf(log.at(-1)!) > target) log.pop()
            for (const offset of snapshots.keys()) if (offset > target) snapshots.delete(offset)
            const plan = state.planTruncation(0, target, snapshots.keys())
            if (plan.kind === 'restore') {
              wasRestored = true
              state = parsedValue(ProducerState.restore(snapshots.get(plan.snapshotOffset)!, plan.snapshotOffset))
            } else if (plan.kind === 'start empty') state = new ProducerState()
            for (const entry of log) if (startOf(entry) >= plan.replayFrom) apply(entry)
            assert.equal(state.endOffset, log.length === 0 ? 0 : endOf(log.at(-1)!))
          } else {
            const entry = state.entry(producerId)
            const epoch = entry?.producerEpoch ?? 0
            const last = entry?.lastSequence ?? (firstSequence + LAST_SEQUENCE) % 2 ** 31
            if (kind === 'marker') {
              const marker = { kind, producerId, producerEpoch: epoch + (choice % 2), offset: end } as const
              log.push(marker)
              apply(marker)
              continue
            }
            const retried = sent.at(-1 - choice)
            const batch =
              kind === 'retry' && retried !== undefined
                ? { ...retried, baseOffset: end }
                : batchOf({
                    producerId,
                    epoch: kind === 'bump' ? epoch + 1 : kind === 'zombie' ? Math.max(0, epoch - 1) : epoch,
                    sequence: kind === 'bump' ? choice % 2 : (last + 1 + (kind === 'jump' ? choice : 0)) % 2 ** 31,
                    count,
                    offset: end,
                    timestamp: 100 + end,
                    transactional: transactional || (entry?.transactionFirstOffset !== undefined && choice > 0),
                  })
            // In a snapshot the timestamp of the last batch is that of a marker behind it.
            const got = outcome(state.check(batch)).replace(/ at .*/, '')
            const expected = naiveVerdict(log, batch)
            // A snapshot keeps one batch per producer: an older one is then out of order instead of a duplicate.
            const isForgotten = expected.startsWith('duplicate') && got === OUT_OF_ORDER && wasRestored
            if (!isForgotten) assert.equal(got, expected)
            const word = isForgotten ? 'forgotten' : got.replace(/ .*/, '')
            seen.set(word, (seen.get(word) ?? 0) + 1)
            if (got !== 'append') continue
            log.push({ kind: 'data', batch })
            sent.push(batch)
            state.update(batch)
          }
        }
      },
    ),
    { seed: 10, numRuns: 2000 },
  )
  for (const word of [
    'append',
    'duplicate',
    OUT_OF_ORDER,
    'INVALID_PRODUCER_EPOCH',
    'INVALID_TXN_STATE',
    'forgotten',
  ]) {
    assert.ok((seen.get(word) ?? 0) > 20, `${word}: ${seen.get(word)}`)
  }
  assert.ok(seen.get('forgotten')! < seen.get('duplicate')! / 2)
})
