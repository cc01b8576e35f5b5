/**
 * A property of the whole simulated disk: whatever a program does with a few files through its port, it reads what it wrote, a crash of the process
 * changes nothing, and a power loss leaves what naive models of names and sectors allow.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DiskDone } from '../../src/io/disk.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { type Computer, Computers } from './computers.js'
import { NameModel } from './name-model.js'
import { SectorModel } from './sector-model.js'

const RUNS = 400

type Step =
  | { readonly kind: 'append'; readonly name: string; readonly bytes: number; readonly letter: number }
  | { readonly kind: 'truncate'; readonly name: string; readonly part: number }
  | { readonly kind: 'flush' | 'failed flush' | 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'flush names' | 'crash' | 'power loss' }

const name = fc.constantFrom('a', 'b', 'c')
const bytes = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 1500 }))
const letter = fc.integer({ min: 1, max: 255 })
const part = fc.integer({ min: 0, max: 100 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), name, bytes, letter }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), name, part }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flush' as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failed flush' as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rename' as const), name, to: name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush names' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('power loss' as const) }) },
)

class Checked {
  readonly #computers: Computers
  #computer: Computer
  readonly #names = new NameModel<SimulatedFile>()
  readonly #contents = new Map<SimulatedFile, SectorModel>()
  powerLosses = 0

  constructor(seed: number) {
    this.#computers = new Computers(seed)
    this.#computer = this.#computers.add('a')
  }

  run(each: Step): void {
    const { machine, ports } = this.#computer
    const { disk } = ports
    switch (each.kind) {
      case 'append':
        return this.#append(each.name, Buffer.alloc(each.bytes, each.letter))
      case 'truncate': {
        const model = this.#contentOf(each.name)
        if (model === undefined) return
        const size = Math.floor((model.content.length * each.part) / 100)
        disk.open(`/${each.name}`, { create: false }).truncate(size)
        return model.truncate(size)
      }
      case 'flush':
      case 'failed flush': {
        const model = this.#contentOf(each.name)
        if (model === undefined) return
        const file = disk.open(`/${each.name}`, { create: false })
        const fails = each.kind === 'failed flush'
        machine.device.faults.failedFlushChance = fails ? 1 : 0
        const began = model.beginFlush()
        assert.equal(
          this.#told((done) => file.flush(done)),
          fails ? 'EIO' : 'done',
        )
        machine.device.faults.failedFlushChance = 0
        return model.endFlush(began, !fails)
      }
      case 'remove':
        disk.remove(`/${each.name}`)
        if (this.#names.names.has(each.name)) this.#names.remove(each.name)
        return
      case 'rename':
        if (!this.#names.names.has(each.name) || each.to === each.name) return
        disk.rename(`/${each.name}`, `/${each.to}`)
        return this.#names.rename(each.name, each.to)
      case 'flush names':
        return this.#flushNames()
      case 'crash':
        machine.crash()
        this.#computer = this.#computers.boot(machine)
        return
      case 'power loss':
        machine.losePower()
        this.#computer = this.#computers.boot(machine)
        return this.#checkPowerLoss()
    }
  }

  /** What a program reads is what was written. */
  check(): void {
    const { disk } = this.#computer.ports
    assert.deepEqual(disk.list('/'), [...this.#names.names.keys()].sort())
    for (const [each, file] of this.#names.names) {
      const { content } = this.#contents.get(file)!
      assert.ok(content.equals(disk.readFile(`/${each}`)!), `the content of ${each}`)
      assert.equal(disk.stat(`/${each}`)?.sizeBytes, content.length)
    }
    // The models stay small: there are two outcomes for each change.
    if (this.#names.unflushed > 7) this.#flushNames()
  }

  #append(to: string, content: Buffer): void {
    const { machine, ports } = this.#computer
    const file = ports.disk.open(`/${to}`, { create: true })
    const found = machine.device.find(`/${to}`)
    assert.ok(found instanceof SimulatedFile)
    if (this.#names.names.get(to) !== found) {
      this.#names.set(to, found)
      this.#contents.set(found, new SectorModel())
    }
    assert.equal(
      this.#told((done) => file.append([content], done)),
      'done',
    )
    const model = this.#contents.get(found)!
    model.write(model.content.length, content)
  }

  #flushNames(): void {
    assert.equal(
      this.#told((done) => this.#computer.ports.disk.flushDirectory('/', done)),
      'done',
    )
    this.#names.flush()
  }

  #checkPowerLoss(): void {
    this.powerLosses++
    const { device } = this.#computer.machine
    const left = new Map(device.root.names.map((each) => [each, device.find(each) as SimulatedFile]))
    const isLeft = (names: ReadonlyMap<string, SimulatedFile>): boolean =>
      names.size === left.size && [...names].every(([each, file]) => left.get(each) === file)
    assert.ok(this.#names.legal().some(isLeft), `these names cannot be left: ${[...left.keys()]}`)
    this.#names.restart(left)
    for (const file of new Set(left.values())) {
      const model = this.#contents.get(file)!
      assert.equal(model.whyNot(file.content), undefined)
      model.restart(file.content)
    }
  }

  #contentOf(each: string): SectorModel | undefined {
    const file = this.#names.names.get(each)
    return file === undefined ? undefined : this.#contents.get(file)
  }

  /** What an operation is told in the end. */
  #told(start: (done: DiskDone) => void): string | undefined {
    let told: string | undefined
    start((error) => {
      told = error?.code ?? 'done'
    })
    this.#computers.settle()
    return told
  }
}

test('whatever is done through the port, the models of names and sectors say what is there', () => {
  let powerLosses = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 15, maxLength: 50 }), fc.nat(), (steps, seed) => {
      const checked = new Checked(seed)
      for (const each of [...steps, { kind: 'power loss' as const }]) {
        checked.run(each)
        checked.check()
      }
      powerLosses += checked.powerLosses
    }),
    { numRuns: RUNS },
  )
  assert.ok(powerLosses > 2 * RUNS, `${powerLosses} power losses`)
})
