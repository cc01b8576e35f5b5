/** The nemesis, with faults that only say what was done to them, in a time that goes only when it waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestBed } from '../../../jepsen/beds/bed.js'
import type { NemesisOperation, Unplaced } from '../../../jepsen/history/operation.js'
import type { Fault, Told } from '../../../jepsen/nemesis/fault.js'
import { faultOf, Nemesis } from '../../../jepsen/nemesis/nemesis.js'
import type { PlannedStep } from '../../../jepsen/nemesis/plan.js'
import { Prng } from '../../../src/base/prng.js'

class Scene {
  nowMs = 0
  readonly done: string[] = []
  readonly written: Unplaced<NemesisOperation>[] = []
  readonly bed = {
    nodes: [],
    time: {
      nowMs: () => this.nowMs,
      wait: async (ms: number) => {
        this.nowMs += ms
      },
    },
  } as unknown as TestBed

  fault(name: string, tries: { begin?: () => Told | undefined; end?: () => Told | undefined } = {}): Fault {
    const told = (what: string): Told => ({ what, nodes: [1], seen: 'it shows' })
    const act = (does: 'begin' | 'end') => async () => {
      this.done.push(`${this.nowMs} ${does} ${name}`)
      const outcome = tries[does]
      return outcome === undefined ? told(does) : outcome()
    }
    return { name, backend: 'test', begin: act('begin'), end: act('end') }
  }

  nemesis(...faults: readonly Fault[]): Nemesis {
    const write = (operation: Unplaced<NemesisOperation>) => void this.written.push(operation)
    return new Nemesis({ bed: this.bed, faults, find: async () => undefined, random: new Prng('test'), write })
  }
}

function step(atMs: number, does: 'begin' | 'end', fault: string): PlannedStep {
  return { atMs, does, fault }
}

test('each step is done at its time, and written down before and after', async () => {
  const scene = new Scene()
  const nemesis = scene.nemesis(scene.fault('kill one'))
  await nemesis.play([step(1_050, 'begin', 'kill one'), step(2_000, 'end', 'kill one')])
  assert.deepEqual(scene.done, ['1050 begin kill one', '2000 end kill one'])
  assert.deepEqual(
    scene.written.map(({ f, value }) => [f, value]),
    [
      ['begin kill one', null],
      ['begin kill one', { backend: 'test', what: 'begin', nodes: [1], seen: 'it shows' }],
      ['end kill one', null],
      ['end kill one', { backend: 'test', what: 'end', nodes: [1], seen: 'it shows' }],
    ],
  )
  assert.deepEqual(faultOf('begin kill one'), { does: 'begin', fault: 'kill one' })
  assert.deepEqual([faultOf('heal'), nemesis.troubles], [undefined, []])
})

test('in the end everything is taken back, the last first; also what has failed half-way, and that fails the run', async () => {
  const scene = new Scene()
  const fails = (): never => {
    throw new Error('half-way')
  }
  const nemesis = scene.nemesis(scene.fault('a'), scene.fault('b', { begin: fails }), scene.fault('c'))
  await nemesis.play([step(0, 'begin', 'a'), step(0, 'begin', 'b'), step(0, 'begin', 'c'), step(0, 'end', 'a')])
  assert.equal(await nemesis.heal(), true)
  assert.deepEqual(
    scene.done.map((line) => line.slice(2)),
    ['begin a', 'begin b', 'begin c', 'end a', 'end c', 'end b'],
  )
  assert.deepEqual(nemesis.troubles, ['begin b failed'])
  assert.deepEqual(scene.written.find(({ error }) => error !== undefined)?.error, ['FAULT', 'half-way'])
})

test('what cannot be taken back is not done once more, is tried again, and in the end is told', async () => {
  const scene = new Scene()
  let failures = 2
  const end = (): Told => {
    if (failures-- > 0) throw new Error('not now')
    return { what: 'end', nodes: [], seen: '' }
  }
  const nemesis = scene.nemesis(scene.fault('a', { end }))
  await nemesis.play([step(0, 'begin', 'a'), step(0, 'end', 'a'), step(0, 'begin', 'a')])
  assert.deepEqual(
    scene.done.map((line) => line.slice(2)),
    ['begin a', 'end a', 'end a'],
  )
  assert.equal(await nemesis.heal(), true)
  assert.deepEqual(nemesis.troubles, [])

  const other = new Scene()
  const never = (): never => {
    throw new Error('never')
  }
  const stuck = other.nemesis(other.fault('a', { end: never }))
  await stuck.play([step(0, 'begin', 'a')])
  assert.equal(await stuck.heal(), false)
  assert.match(stuck.troubles.join(), /still on: a/)
})

test('a fault whose victim is not there is counted apart, and a fault that nobody knows is an error', async () => {
  const scene = new Scene()
  const nemesis = scene.nemesis(scene.fault('a', { begin: () => undefined }))
  await nemesis.play([step(0, 'begin', 'a'), step(0, 'begin', 'b')])
  assert.deepEqual([...nemesis.counts], [['a', { began: 0, nothing: 1, failed: 0 }]])
  assert.deepEqual(nemesis.troubles, ['there is no fault b'])
})

test('who says stop does not wait for the rest of the plan', async () => {
  const scene = new Scene()
  const nemesis = scene.nemesis(scene.fault('a'))
  const playing = nemesis.play([step(1_000, 'begin', 'a')])
  nemesis.stop()
  await playing
  assert.deepEqual(scene.done, [])
})
