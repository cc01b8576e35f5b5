import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Event, GroupWorld } from './group-world.js'

const CLIENTS = 6
const RUNS = 60
/** Also of the search for a smaller world that fails. */
const TIME_LIMIT_MS = 20_000

const client = fc.nat({ max: CLIENTS - 1 })
const partition = fc.nat({ max: 3 })
const offset = fc.nat({ max: 1000 })

const OF_CLIENTS: fc.WeightedArbitrary<Event>[] = [
  { weight: 8, arbitrary: fc.record({ type: fc.constant('allAct' as const) }) },
  { weight: 16, arbitrary: fc.record({ type: fc.constant('act' as const), client }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom(...(['leave', 'crash', 'change', 'impatient'] as const)), client }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('commit' as const), client, partition, offset }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('commitAlone' as const), partition, offset }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('fetch' as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.nat({ max: 4000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.nat({ max: 40_000 }) }) },
]

const OF_BROKERS: fc.WeightedArbitrary<Event>[] = [
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('move' as const, 'hold' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('release' as const) }) },
]

const REFUSALS: fc.WeightedArbitrary<Event>[] = [
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refuse' as const) }) },
]

const WORLDS: readonly (readonly [string, fc.WeightedArbitrary<Event>[]])[] = [
  ['clients that come and go', OF_CLIENTS],
  ['and coordinators that move, and lose what was not committed', [...OF_CLIENTS, ...OF_BROKERS]],
  ['and a partition that refuses records', [...OF_CLIENTS, ...OF_BROKERS, ...REFUSALS]],
]

for (const [name, events] of WORLDS) {
  test(`one owner, one assignment, no commit lost, nobody waits for ever: ${name}`, (t) => {
    const total: Record<string, number> = {}
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.oneof(...events), { minLength: 60, maxLength: 250, size: 'max' }),
        (seed, list) => {
          const world = new GroupWorld(seed, CLIENTS)
          world.run(list)
          for (const [what, count] of Object.entries(world.seen)) total[what] = (total[what] ?? 0) + count
        },
      ),
      { numRuns: RUNS, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: false },
    )
    t.diagnostic(JSON.stringify(total))
    for (const what of ['assigned', 'rounds', 'acknowledged', 'removed', 'replaced'])
      assert.ok(total[what]! > 5, `${what}: ${total[what]}`)
    if (events.length > OF_CLIENTS.length) assert.ok(total['moves']! > 5)
  })
}
