/** What the generator asks for: the same for the same seed, no value twice, and what the suite promises of kinds, keys, processes and pace. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Key, type Operation, placeInProcess } from '../../../jepsen/history/operation.js'
import { Generator, type GeneratorOptions, type Task } from '../../../jepsen/workload/generator.js'
import { KeyPool } from '../../../jepsen/workload/key-pool.js'
import { Prng } from '../../../src/base/prng.js'

const OPTIONS: GeneratorOptions = {
  workers: 5,
  lacks: () => new Set(),
  rate: 100,
  keys: 10,
  writesPerKey: 64,
  consume: 'both',
  crashEveryMs: 5000,
  topicPrefix: 'p',
  metadata: true,
}

interface Done {
  readonly worker: number
  readonly process: number
  readonly task: Task
  readonly atMs: number
}

/** Each task takes no time; a crash makes another process. */
function played(options: Partial<GeneratorOptions>, seed: string, count: number): Done[] {
  const all = { ...OPTIONS, ...options }
  const generator = new Generator(all, new Prng(seed))
  generator.made(10_000)
  const processes = Array.from({ length: all.workers }, (_, worker) => worker)
  const done: Done[] = []
  let nowMs = 0
  for (let n = 0; n < count; n++) {
    const worker = n % all.workers
    const { task, atMs } = generator.next(worker, processes[worker]!, nowMs)!
    nowMs = Math.max(nowMs, atMs)
    done.push({ worker, process: processes[worker]!, task, atMs })
    if (task.f === 'crash') processes[worker]! += all.workers
  }
  return done
}

test('the same seed asks for the same', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      assert.deepEqual(played({}, seed, 200), played({}, seed, 200))
    }),
    { numRuns: 20 },
  )
})

test('no value is sent twice to a key, and each says whose it is', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const seen = new Set<string>()
      for (const { process, task } of played({}, seed, 2000)) {
        if (task.f !== 'send') continue
        assert.ok(task.parts.length >= 1 && task.parts.length <= 4)
        for (const [key, value] of task.parts) {
          assert.equal(placeInProcess(value).process, process)
          assert.ok(!seen.has(`${key}/${value}`))
          seen.add(`${key}/${value}`)
        }
      }
    }),
    { numRuns: 10 },
  )
})

test('a process reads something before it polls, and every kind is asked for', () => {
  const reads = new Set<number>()
  const kinds = new Set<string>()
  for (const { process, task } of played({}, 'kinds', 5000)) {
    kinds.add(task.f)
    if (task.f === 'assign' || task.f === 'subscribe') reads.add(process)
    else if (task.f === 'poll') assert.ok(reads.has(process))
  }
  assert.deepEqual([...kinds].sort(), [
    'assign',
    'committed',
    'crash',
    'create-topic',
    'delete-topic',
    'describe-topic',
    'get-config',
    'list-offsets',
    'poll',
    'send',
    'set-config',
    'subscribe',
  ])
})

test('what a library lacks is asked of others only', () => {
  const lacks = (worker: number) => new Set(worker === 1 ? (['list offsets', 'topic settings'] as const) : [])
  const asked = played({ lacks }, 'lacks', 5000)
  const beside = /topic|config|list-offsets/
  assert.ok(asked.every(({ worker, task }) => worker !== 1 || !beside.test(task.f)))
  assert.ok(asked.some(({ worker, task }) => worker === 2 && beside.test(task.f)))
})

test('by one way of reading only, where that is wanted; and clients that never crash', () => {
  const assigned = played({ consume: 'assign', crashEveryMs: 0, metadata: false }, 'assign', 3000)
  assert.ok(assigned.every(({ task }) => !['subscribe', 'committed', 'crash', 'create-topic'].includes(task.f)))
  assert.ok(played({ consume: 'subscribe' }, 'subscribe', 3000).every(({ task }) => task.f !== 'assign'))
})

test('the pace is that of the rate, and what is behind is not made up for without end', () => {
  const paced = played({ crashEveryMs: 0 }, 'pace', 10_000)
  const seconds = paced.at(-1)!.atMs / 1000
  assert.ok(Math.abs(10_000 / seconds - 100) < 5, `${10_000 / seconds} a second`)
  const generator = new Generator(OPTIONS, new Prng('late'))
  generator.next(0, 0, 0)
  assert.ok(generator.next(0, 0, 60_000)!.atMs >= 59_000)
})

test('keys: the last of the pool is drawn for half of all, and each makes room for another in time', () => {
  const pool = new KeyPool({ keys: 4, writesPerKey: 50 }, new Prng('keys'))
  pool.made(10_000)
  const writes = new Map<Key, number>()
  for (let n = 0; n < 5000; n++) {
    const key = pool.drawForWrite()
    writes.set(key, (writes.get(key) ?? 0) + 1)
  }
  assert.ok(Math.max(...writes.values()) <= 50)
  assert.ok(writes.size > 100)
  assert.ok(pool.end >= writes.size)
  const still = new KeyPool({ keys: 4, writesPerKey: 50 }, new Prng('draws'))
  const drawn = Array.from({ length: 8000 }, () => still.draw())
  const share = (key: Key): number => drawn.filter((each) => each === key).length / drawn.length
  for (const [key, wanted] of [1 / 15, 2 / 15, 4 / 15, 8 / 15].entries()) {
    assert.ok(Math.abs(share(key) - wanted) < 0.03, `key ${key}: ${share(key)}`)
  }
})

test('a key that is not there yet is not used; those that are there go on', () => {
  const pool = new KeyPool({ keys: 4, writesPerKey: 10 }, new Prng('made'))
  const drawn = (): Set<Key> => new Set(Array.from({ length: 1000 }, () => pool.drawForWrite()))
  assert.deepEqual([...drawn()].sort(), [0, 1, 2, 3])
  pool.made(6)
  const then = drawn()
  assert.ok(then.has(4) && then.has(5) && !then.has(6))
  assert.equal(pool.end, 6)
})

test('what nobody has read is chased, and what somebody was told is what must be read in the end', () => {
  const generator = new Generator({ ...OPTIONS, crashEveryMs: 0 }, new Prng('unseen'))
  const told = (f: 'send' | 'poll', type: 'ok' | 'info', value: readonly unknown[]): void => {
    generator.observed({ index: 0, time: 0, process: 0, f, type, value } as Operation)
  }
  told('send', 'ok', [
    ['send', 900, [7, 1]],
    ['send', 901, [3, 1]],
    ['send', 902, [null, 1]],
  ])
  told('send', 'info', [['send', 903, [5, 1]]])
  told('poll', 'ok', [['poll', { 901: [[3, 1]], 904: [[1, 'text']] }]])
  assert.deepEqual(
    [...generator.targets].sort(([a], [b]) => a - b),
    [
      [900, 7],
      [901, 3],
      [903, 5],
      [904, 1],
    ],
  )
  const assigned = new Set<Key>()
  for (let process = 0; process < 50; process++) {
    const { task } = generator.next(0, process, 0)!
    if (task.f === 'assign' || task.f === 'subscribe') for (const key of task.keys) assigned.add(key)
  }
  assert.ok(assigned.has(900))
  assert.ok(!assigned.has(901))
})

test('nothing comes behind the end', () => {
  const generator = new Generator(OPTIONS, new Prng('end'))
  generator.end()
  assert.equal(generator.next(0, 0, 0), undefined)
})
