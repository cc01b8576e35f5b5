/** Strikes a scenario at each of its disk operations in turn, in several worlds, by a crash of the process and by a loss of power. */
import assert from 'node:assert/strict'
import { SimulatedStore, type StoreOptions } from './simulated-store.js'

/** More operations than any of these scenarios has. */
const TOO_MANY = 500

export const STRIKES = ['crash', 'losePower'] as const
export type Strike = (typeof STRIKES)[number]

export interface CrashScenario {
  readonly options?: StoreOptions
  readonly seeds: number
  readonly strikes?: readonly Strike[]
  /** Before the operations that count. */
  readonly prepare: (store: SimulatedStore) => void
  /** Ends when it is through, or the process has died. */
  readonly run: (store: SimulatedStore) => void
  /** What must hold of a store that was struck, or came through at the very end. */
  readonly check: (store: SimulatedStore, where: string) => void
}

/** Returns the number of operations that were struck. */
export function atEveryOperation(scenario: CrashScenario): number {
  const { options, seeds, strikes = STRIKES, prepare, run, check } = scenario
  let struck = 0
  for (const strike of strikes) {
    for (let seed = 0; seed < seeds; seed++) {
      for (let operation = 1; ; operation++) {
        assert.ok(operation < TOO_MANY, 'the scenario does not end')
        const store = new SimulatedStore(`${seed}`, options)
        const { machine } = store
        prepare(store)
        machine.device.crashPoint = { operationsLeft: operation, strike: () => machine[strike]() }
        run(store)
        const through = machine.device.crashPoint !== undefined
        machine.device.crashPoint = undefined
        const where = `${strike} at operation ${operation} of seed ${seed}`
        if (through) machine[strike]()
        else struck++
        assert.equal(store.alive, false, where)
        check(store, where)
        if (through) break
      }
    }
  }
  return struck
}
