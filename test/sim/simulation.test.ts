/** The scheduler of the simulator: virtual time, order, cancelling, the end of runs that go in circles, and the hash of a run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RunHash } from '../../src/sim/run-hash.js'
import { runSeed } from '../../src/sim/scenario.js'
import { quantized, Simulation, SimulationError } from '../../src/sim/simulation.js'
import { Computers } from './computers.js'

const NEVER = (): boolean => false

test('events run in order of time, those of one time in the order in which they were scheduled', () => {
  const delays = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(delays, (all) => {
      const simulation = new Simulation(1)
      const ran: { readonly delayMs: number; readonly n: number }[] = []
      for (const [n, delayMs] of all.entries()) {
        simulation.schedule(delayMs, 'event', () => {
          assert.equal(simulation.nowMs, delayMs)
          ran.push({ delayMs, n })
        })
      }
      simulation.runUntil(NEVER, 1000)
      const expected = all.map((delayMs, n) => ({ delayMs, n })).sort((a, b) => a.delayMs - b.delayMs || a.n - b.n)
      assert.deepEqual(ran, expected)
      assert.equal(simulation.events, all.length)
    }),
  )
})

test('time stands where the run was told to stop, and an event behind that does not run', () => {
  const simulation = new Simulation(1)
  let ran = false
  simulation.schedule(10, 'event', () => {
    ran = true
  })
  assert.equal(simulation.runUntil(NEVER, 9), false)
  assert.deepEqual([simulation.nowMs, ran], [9, false])
  assert.equal(
    simulation.runUntil(() => ran, 100),
    true,
  )
  assert.deepEqual([simulation.nowMs, ran], [10, true])
  assert.equal(simulation.runUntil(NEVER, 50), false)
  assert.equal(simulation.nowMs, 50, 'time passes where nothing happens')
})

test('a cancelled event does not run and is none', () => {
  const simulation = new Simulation(1)
  const order: string[] = []
  const first = simulation.schedule(1, 'first', () => order.push('first'))
  const last = simulation.schedule(3, 'last', () => order.push('last'))
  simulation.schedule(2, 'canceller', () => last.cancel())
  first.cancel()
  simulation.runUntil(NEVER, 10)
  assert.deepEqual(order, [])
  assert.equal(simulation.events, 1)
})

test('no event comes early, however odd the delay', () => {
  const delay = fc.oneof(
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    fc.double({ min: 0, max: 1e-9, noNaN: true }),
    fc.integer({ min: 0, max: 2 ** 31 }),
  )
  fc.assert(
    fc.property(fc.array(delay, { minLength: 1, maxLength: 8 }), (delays) => {
      const simulation = new Simulation(1)
      const next = (n: number): void => {
        const delayMs = delays[n]
        if (delayMs === undefined) return
        const beganMs = simulation.nowMs
        simulation.schedule(delayMs, 'event', () => {
          const tookMs = simulation.nowMs - beganMs
          assert.ok(tookMs >= delayMs, `${tookMs} ms instead of ${delayMs}`)
          assert.ok(tookMs <= delayMs + 1 / 1024, `${tookMs} ms instead of ${delayMs}`)
          next(n + 1)
        })
      }
      next(0)
      simulation.runUntil(NEVER, Number.MAX_VALUE)
    }),
  )
})

test('times are multiples of 2^-10 ms', () => {
  assert.deepEqual([0, 1, 0.5, 1e-9, 1 + 1e-9].map(quantized), [0, 1, 0.5, 1 / 1024, 1 + 1 / 1024])
})

test('a run that goes in circles ends with an error that names seed, time and event', () => {
  const simulation = new Simulation('circles')
  const again = (): void => void simulation.schedule(0, 'again', again)
  again()
  // All but the last few of them.
  simulation.events = 5_000_000 - 3
  assert.throws(
    () => simulation.runUntil(NEVER, 10),
    (error) => error instanceof SimulationError && /seed circles, at 0\.000 ms, in "again": no end/.test(error.message),
  )
})

test('an error in an event says where and after what it happened', () => {
  const simulation = new Simulation(7)
  simulation.schedule(1, 'before', () => {})
  simulation.schedule(2.5, 'the culprit', () => {
    throw new Error('broken')
  })
  let caught: unknown
  try {
    simulation.runUntil(NEVER, 10)
  } catch (error) {
    caught = error
  }
  assert.ok(caught instanceof SimulationError)
  assert.equal(caught.seed, '7')
  assert.match(caught.message, /seed 7, at 2\.500 ms, in "the culprit": Error: broken/)
  assert.deepEqual(caught.trace, ['1.000 before', '2.500 the culprit'])
})

test('the trace is bounded and keeps the latest', () => {
  const simulation = new Simulation(1)
  for (let n = 0; n < 5000; n++) simulation.note(`line ${n}`)
  assert.ok(simulation.trace.length >= 200 && simulation.trace.length <= 400, `${simulation.trace.length}`)
  assert.equal(simulation.trace.at(-1), '0.000 line 4999')
})

test('streams of randomness are apart: what one concern draws shifts no other', () => {
  const numbers = (drawn: number): number[] => {
    const simulation = new Simulation(1)
    const other = simulation.random('other')
    for (let n = 0; n < drawn; n++) other.uint32()
    const mine = simulation.random('mine')
    return [mine.uint32(), mine.uint32()]
  }
  assert.deepEqual(numbers(0), numbers(100))
  assert.notEqual(new Simulation(1).random('a').uint32(), new Simulation(1).random('b').uint32())
  assert.notEqual(new Simulation(1).random('a').uint32(), new Simulation(2).random('a').uint32())
})

/** A run of a small program that writes these bytes to its disk and, if asked, to another machine. */
function hashOf(seed: number, bytes: Buffer, over: 'disk' | 'network'): string {
  const computers = new Computers(seed)
  const computer = computers.add('a')
  computers.turn(computer, () => {
    const { disk, network } = computer.ports
    if (over === 'disk') disk.open('/file', { create: true }).append([bytes], () => {})
    else {
      const handlers = { data: () => {}, drained: () => {}, closed: () => {} }
      network.connect({ host: 'nowhere', port: 1 }, handlers).write([bytes])
    }
  })
  computers.settle()
  return computers.simulation.hash.value
}

test('the hash of a run: the same for the same seed, another for another seed or one changed byte', () => {
  const bytes = Buffer.from('some bytes that a program writes')
  const changed = Buffer.from(bytes)
  changed[11]! ^= 1
  for (const over of ['disk', 'network'] as const) {
    const hash = hashOf(5, bytes, over)
    assert.match(hash, /^[0-9a-f]{16}$/)
    assert.equal(hashOf(5, bytes, over), hash)
    assert.notEqual(hashOf(6, bytes, over), hash)
    assert.notEqual(hashOf(5, changed, over), hash, `a changed byte over the ${over}`)
  }
})

test('the hash tells order, value and kind of what goes in', () => {
  const hash = (feed: (hash: RunHash) => void): string => {
    const made = new RunHash()
    feed(made)
    return made.value
  }
  const hashes = [
    hash(() => {}),
    hash((made) => made.text('a')),
    hash((made) => made.text('b')),
    hash((made) => [made.text('a'), made.text('b')]),
    hash((made) => [made.text('b'), made.text('a')]),
    hash((made) => made.number(1)),
    hash((made) => made.number(1 + 2 ** -40)),
    hash((made) => made.bytes(Buffer.from('a'))),
    hash((made) => made.bytes(Buffer.from('aa'))),
    hash((made) => made.word(1)),
  ]
  assert.equal(new Set(hashes).size, hashes.length)
  assert.equal(
    hash((made) => made.text('a')),
    hash((made) => made.text('a')),
  )
})

test('a whole run has another hash with another seed', () => {
  const options = { faults: ['process-crash'] } as const
  const [a, again, b] = [runSeed(4, options), runSeed(4, options), runSeed(5, options)]
  assert.equal(a.hash, again.hash)
  assert.notEqual(a.hash, b.hash)
})
