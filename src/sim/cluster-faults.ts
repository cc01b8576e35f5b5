/**
 * ClusterFaults: plays a fault script on a cluster. What lasts ends by itself, or when all is healed, or, for the core of the cluster that is to go on,
 * when that is healed and the rest stays as it is.
 */
import { assert, unreachable } from '../base/assert.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'
import type { ClusterFaultKind, FaultScript, TimedFault } from './fault-script.js'
import type { LinkRule } from './link-rules.js'

/** A pause that is long enough for every session to run out is nothing special. */
const LONGEST_PAUSE_MS = 12_000
const FLAPPING_MS = 400
const WALL_JUMP_MS = 3_600_000
const DRIFT = 0.1

export class ClusterFaults {
  /** How often each kind has struck. */
  readonly counts: Partial<Record<ClusterFaultKind, number>> = {}
  readonly #world: ClusterWorld
  readonly #mayReplace: (node: ClusterNode) => boolean
  /** What ends the faults that last, with the node that they strike, if it is one. */
  readonly #lasting = new Set<{ readonly node: ClusterNode | undefined; readonly end: () => void }>()
  #stopped = false

  /** `mayReplace`: whether the cluster can do without what is on the disk of a node. */
  constructor(world: ClusterWorld, mayReplace: (node: ClusterNode) => boolean) {
    this.#world = world
    this.#mayReplace = mayReplace
  }

  /** From now on. */
  play(script: FaultScript): void {
    for (const fault of script) {
      this.#world.simulation.schedule(fault.atMs, `fault: ${fault.kind}`, () => {
        if (!this.#stopped) this.#strike(fault)
      })
    }
  }

  /** No further fault begins, and none that lasts ends by itself; but these nodes and the links between them are well again. */
  freezeBut(core: readonly ClusterNode[], clients: readonly string[]): void {
    this.#stopped = true
    for (const lasting of [...this.#lasting]) {
      if (lasting.node !== undefined && core.includes(lasting.node)) this.#end(lasting)
    }
    for (const node of this.#world.nodes) {
      if (core.includes(node)) this.#heal(node)
      else node.restart = false
    }
    this.#world.network.rules.spare(new Set([...core.map(({ host }) => host), ...clients]))
  }

  /** Everything is well again. */
  healAll(): void {
    this.#stopped = true
    for (const lasting of [...this.#lasting]) this.#end(lasting)
    for (const node of this.#world.nodes) this.#heal(node)
    this.#world.network.rules.clear()
  }

  #heal(node: ClusterNode): void {
    const { faults } = node.device
    faults.failedFlushChance = 0
    faults.ioErrorChance = 0
    faults.capacityBytes = Number.POSITIVE_INFINITY
    faults.stuckUntilMs = 0
    node.machine.crashPoint = undefined
    node.machine.time.rate = 1
    node.machine.resume()
    node.restart = true
    node.start()
  }

  #strike(fault: TimedFault): void {
    const { nodes, network, simulation } = this.#world
    const { kind, durationMs, strength } = fault
    const leader = fault.target === 'leader' ? this.#world.leader : undefined
    const node = leader ?? nodes[typeof fault.target === 'number' ? fault.target % nodes.length : 0]
    assert(node !== undefined, 'a cluster has nodes')
    const isAlive = node.node !== undefined
    const others = nodes.filter((each, index) => each !== node && ((fault.others >> index) & 1) === 1)
    switch (kind) {
      case 'crash':
        if (!isAlive) return
        node.crash()
        break
      case 'restart':
        if (!isAlive) return
        node.stopOnce()
        break
      case 'crash-at-operation':
        node.strikeAtOperation(1 + Math.floor(strength * 40), 'crash')
        break
      case 'power-loss':
        if (!isAlive) return
        node.losePower()
        break
      case 'power-loss-at-operation':
        node.strikeAtOperation(1 + Math.floor(strength * 40), 'losePower')
        break
      case 'power-loss-of-several':
        if (others.length === 0) return
        for (const each of [node, ...others]) each.losePower()
        break
      case 'disk-replaced':
        if (!this.#mayReplace(node)) return
        node.replaceDisk()
        break
      case 'pause':
      case 'sleep':
        if (!isAlive) return
        node.machine.suspend(Math.min(durationMs, LONGEST_PAUSE_MS), kind === 'sleep')
        break
      case 'isolate':
        this.#rule(durationMs, cut([node], undefined, true))
        break
      case 'isolate-one-way':
        this.#rule(durationMs, strength < 0.5 ? cut([node], undefined, false) : cut(undefined, [node], false))
        break
      case 'partition':
      case 'partition-one-way': {
        if (others.length === 0) return
        const rest = nodes.filter((each) => each !== node && !others.includes(each))
        if (rest.length === 0) return
        this.#rule(durationMs, cut([node, ...others], rest, kind === 'partition'))
        break
      }
      case 'flapping':
        this.#flap(durationMs, cut([node], others.length > 0 ? others : undefined, strength < 0.7))
        break
      case 'slow-links':
        this.#rule(durationMs, { ...cut([node], undefined, true), cuts: false, extraDelayMs: strength * 1500 })
        break
      case 'refuse':
        this.#rule(durationMs, { ...cut(undefined, [node], false), cuts: false, refuses: true })
        break
      case 'reset':
      case 'half-open':
      case 'late-request': {
        const hit = others.length > 0 ? others : nodes.filter((each) => each !== node)
        let struck = 0
        for (const { host } of hit) {
          if (kind === 'reset') struck += network.reset(node.host, host)
          else if (kind === 'half-open') struck += network.halfOpen(node.host, host)
          else struck += network.strand(node.host, host, durationMs)
        }
        if (struck === 0) return
        break
      }
      case 'wall-jump':
        node.machine.wallOffsetMs += (strength - 0.5) * 2 * WALL_JUMP_MS
        break
      case 'drift':
        node.machine.time.rate = 1 + (strength - 0.5) * 2 * DRIFT
        this.#last(node, durationMs, () => {
          node.machine.time.rate = 1
        })
        break
      case 'stuck-disk':
        node.device.faults.stuckUntilMs = simulation.nowMs + durationMs
        break
      case 'disk-full':
        node.device.faults.capacityBytes = node.device.usedBytes + Math.floor(strength * 4000)
        this.#last(node, durationMs, () => {
          node.device.faults.capacityBytes = Number.POSITIVE_INFINITY
        })
        break
      case 'failed-flush':
        node.device.faults.failedFlushChance = 0.3
        this.#last(node, Math.min(durationMs, 300), () => {
          node.device.faults.failedFlushChance = 0
        })
        break
      case 'io-error':
        node.device.faults.ioErrorChance = 0.05
        this.#last(node, Math.min(durationMs, 200), () => {
          node.device.faults.ioErrorChance = 0
        })
        break
      default:
        unreachable(kind)
    }
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  #rule(durationMs: number, rule: LinkRule): void {
    this.#last(undefined, durationMs, this.#world.network.rules.add(rule))
  }

  #flap(durationMs: number, rule: LinkRule): void {
    const { simulation, network } = this.#world
    let heal: (() => void) | undefined
    let isOver = false
    const toggle = (): void => {
      if (isOver) return
      if (heal === undefined) heal = network.rules.add(rule)
      else {
        heal()
        heal = undefined
      }
      simulation.schedule(FLAPPING_MS, 'links flap', toggle)
    }
    toggle()
    this.#last(undefined, durationMs, () => {
      isOver = true
      heal?.()
    })
  }

  #last(node: ClusterNode | undefined, durationMs: number, end: () => void): void {
    const lasting = { node, end }
    this.#lasting.add(lasting)
    this.#world.simulation.schedule(durationMs, 'fault ends', () => {
      if (!this.#stopped) this.#end(lasting)
    })
  }

  #end(lasting: { readonly node: ClusterNode | undefined; readonly end: () => void }): void {
    if (this.#lasting.delete(lasting)) lasting.end()
  }
}

/** From these to those, or to all others; in both directions if it is symmetric. */
function cut(
  some: readonly ClusterNode[] | undefined,
  others: readonly ClusterNode[] | undefined,
  symmetric: boolean,
): LinkRule {
  const near = some && new Set(some.map(({ host }) => host))
  const far = others && new Set(others.map(({ host }) => host))
  const isCut = (from: string, to: string): boolean =>
    from !== to && (near === undefined || near.has(from)) && (far === undefined || far.has(to))
  return { applies: (from, to) => isCut(from, to) || (symmetric && isCut(to, from)), cuts: true }
}
