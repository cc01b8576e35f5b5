/**
 * FaultSchedule: which faults strike when, drawn from the seed: each run has its own set of kinds and its own pace. After `stop` everything heals
 * and stays well.
 */
import type { Prng } from '../base/prng.js'
import type { DiskDevice, FaultKind } from './disk-device.js'
import type { World } from './world.js'

export const FAULT_KINDS: readonly FaultKind[] = [
  'process-crash',
  'power-loss',
  'torn-write',
  'failed-flush',
  'disk-full',
  'stuck-disk',
  'io-error',
  'network-hold',
  'few-descriptors',
]

export class FaultSchedule {
  readonly #world: World
  readonly #random: Prng
  readonly #whichDevice: Prng
  readonly #kinds: readonly FaultKind[]
  readonly #meanPauseMs: number
  readonly #note: (kind: FaultKind) => void
  #stopped = false

  /** `note` is told of every fault that may take data away. */
  constructor(world: World, allowed: readonly FaultKind[], note: (kind: FaultKind) => void) {
    this.#world = world
    this.#random = world.simulation.random('faults')
    this.#whichDevice = world.simulation.random('faulty device')
    this.#note = note
    const some = allowed.filter(() => this.#random.chance(0.6))
    this.#kinds = some.length > 0 ? some : allowed
    this.#meanPauseMs = this.#random.pick([300, 800, 2000])
    if (this.#kinds.length > 0) this.#next()
  }

  /** Before the node's first start: sometimes it does not come through. */
  beforeStart(): void {
    const kinds = this.#kinds.filter((kind) => kind === 'process-crash' || kind === 'power-loss')
    if (kinds.length === 0 || !this.#random.chance(0.2)) return
    if (this.#random.pick(kinds) === 'process-crash') {
      return this.#world.strikeAtOperation(this.#random.between(1, 60), 'crash')
    }
    this.#world.strikeAtOperation(this.#random.between(1, 60), 'losePower')
    this.#noteWhenStruck()
  }

  /** Everything is well again. */
  stop(): void {
    this.#stopped = true
    const { machine, network } = this.#world
    network.setLinks(() => 'deliver')
    machine.crashPoint = undefined
    for (const device of machine.devices) heal(device)
  }

  #next(): void {
    this.#world.simulation.schedule(this.#random.exponential(this.#meanPauseMs), 'next fault', () => {
      if (this.#stopped) return
      this.#strike(this.#random.pick(this.#kinds))
      this.#next()
    })
  }

  #strike(kind: FaultKind): void {
    const world = this.#world
    const device = this.#device()
    const random = this.#random
    switch (kind) {
      case 'process-crash':
        // No fault, but what it leaves behind is trusted at the next start.
        if (random.chance(0.2)) world.stopOnce()
        else if (random.chance(0.5)) world.crash()
        else world.strikeAtOperation(random.between(1, 40), 'crash')
        return
      // A torn write is what a power loss, or a crash within a write, leaves.
      case 'torn-write':
      case 'power-loss':
        if (random.chance(0.3)) {
          this.#note('power-loss')
          world.losePower()
        } else {
          world.strikeAtOperation(random.between(1, 40), 'losePower')
          this.#noteWhenStruck()
        }
        return
      case 'failed-flush':
        return this.#forAWhile(
          300,
          () => {
            device.faults.failedFlushChance = 0.3
          },
          () => {
            device.faults.failedFlushChance = 0
          },
        )
      case 'disk-full':
        return this.#forAWhile(
          1500,
          () => {
            device.faults.capacityBytes = device.usedBytes + random.below(4000)
          },
          () => {
            device.faults.capacityBytes = Number.POSITIVE_INFINITY
          },
        )
      case 'stuck-disk':
        device.faults.stuckUntilMs = world.simulation.nowMs + random.below(3000)
        return
      case 'network-hold': {
        // In one direction or both, of some clients.
        const [out, back] = random.pick([
          [true, true],
          [true, false],
          [false, true],
        ] as const)
        const some = random.fork('held clients').pick([0.3, 1])
        const isHeld = new Map<string, boolean>()
        const held = (client: string): boolean => {
          let answer = isHeld.get(client)
          if (answer === undefined) isHeld.set(client, (answer = random.chance(some)))
          return answer
        }
        return this.#forAWhile(
          4000,
          () => {
            device.strike('network-hold')
            world.network.setLinks((from, to) => {
              const holds = from === world.machine.host ? out && held(to) : back && held(from)
              return holds ? 'hold' : 'deliver'
            })
          },
          () => world.network.setLinks(() => 'deliver'),
        )
      }
      case 'few-descriptors':
        return this.#forAWhile(
          1000,
          () => {
            device.faults.descriptorLimit = random.below(4)
          },
          () => {
            device.faults.descriptorLimit = Number.POSITIVE_INFINITY
          },
        )
      case 'io-error':
        return this.#forAWhile(
          200,
          () => {
            device.faults.ioErrorChance = 0.05
          },
          () => {
            device.faults.ioErrorChance = 0
          },
        )
    }
  }

  /** The one that a fault of a device is about. */
  #device(): DiskDevice {
    const { devices } = this.#world.machine
    return devices.length === 1 ? devices[0]! : this.#whichDevice.pick(devices)
  }

  #noteWhenStruck(): void {
    const point = this.#world.machine.device.crashPoint
    if (point === undefined) return
    this.#world.machine.crashPoint = {
      operationsLeft: point.operationsLeft,
      strike: () => {
        this.#note('power-loss')
        point.strike()
      },
    }
  }

  #forAWhile(longestMs: number, begin: () => void, end: () => void): void {
    begin()
    this.#world.simulation.schedule(this.#random.float() * longestMs, 'fault ends', end)
  }
}

function heal(device: DiskDevice): void {
  device.faults.failedFlushChance = 0
  device.faults.ioErrorChance = 0
  device.faults.capacityBytes = Number.POSITIVE_INFINITY
  device.faults.stuckUntilMs = 0
  device.faults.descriptorLimit = Number.POSITIVE_INFINITY
}
