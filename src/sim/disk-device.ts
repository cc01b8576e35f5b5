/**
 * DiskDevice: a machine's disk. It outlives processes and, as far as the rules of its files and directories go, power losses. What can go wrong
 * with it is switched here, and every fault that strikes is counted, separately where it strikes appends that somebody waits for.
 */
import type { Prng } from '../base/prng.js'
import { DiskError, type DiskOperation } from '../io/disk.js'
import { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'
import type { Simulation } from './simulation.js'

export type FaultKind =
  | 'process-crash'
  | 'power-loss'
  | 'torn-write'
  | 'failed-flush'
  | 'disk-full'
  | 'stuck-disk'
  | 'io-error'
  | 'network-hold'
  | 'few-descriptors'
  | 'process-paused'
  | 'disk-replaced'

/** How often a fault has struck. */
export interface FaultCount {
  total: number
  /** While appends were in flight. */
  inFlight: number
}

/** What is wrong with the disk at the moment. */
export interface DiskFaults {
  /** Bytes that fit. */
  capacityBytes: number
  /** Chances per operation. */
  failedFlushChance: number
  ioErrorChance: number
  /** Nothing completes before this time. */
  stuckUntilMs: number
  /** Files and directories that a process may have open. */
  descriptorLimit: number
}

/** Ends the process in the middle of an operation. */
export interface CrashPoint {
  operationsLeft: number
  readonly strike: () => void
}

export class DiskDevice {
  readonly root = new SimulatedDirectory()
  readonly random: Prng
  readonly faults: DiskFaults = {
    capacityBytes: Number.POSITIVE_INFINITY,
    failedFlushChance: 0,
    ioErrorChance: 0,
    stuckUntilMs: 0,
    descriptorLimit: Number.POSITIVE_INFINITY,
  }
  readonly counts = new Map<FaultKind, FaultCount>()
  /** Whether a client waits for something that was appended: asked when a fault strikes. */
  inFlight: () => boolean = () => false
  crashPoint: CrashPoint | undefined
  readonly #simulation: Simulation

  constructor(simulation: Simulation, name: string) {
    this.#simulation = simulation
    this.random = simulation.random(`disk ${name}`)
  }

  /** Directories that are locked, by path: a lock dies with its process. */
  readonly locks = new Map<string, { readonly process: object }>()

  strike(kind: FaultKind): void {
    let count = this.counts.get(kind)
    if (count === undefined) this.counts.set(kind, (count = { total: 0, inFlight: 0 }))
    count.total++
    if (this.inFlight()) count.inFlight++
    this.#simulation.note(`fault: ${kind}`)
  }

  get usedBytes(): number {
    return sizeOf(this.root)
  }

  get freeBytes(): number {
    const { capacityBytes } = this.faults
    // Asked at every write, and mostly there is no end to the disk.
    return capacityBytes === Number.POSITIVE_INFINITY ? capacityBytes : Math.max(0, capacityBytes - this.usedBytes)
  }

  losePower(): void {
    if (this.root.losePower(this.random)) this.strike('torn-write')
  }

  makeDurableDirectory(path: string): void {
    let at = this.root
    for (const part of partsOf(path)) {
      const next = new SimulatedDirectory()
      at.set(part, next)
      at.endFlush(at.beginFlush(), true)
      at = next
    }
  }

  /** An empty disk in the place of this one. */
  replace(): void {
    for (const name of this.root.names) this.root.remove(name)
    this.root.endFlush(this.root.beginFlush(), true)
  }

  /** Throws EIO now and then, if that is switched on. */
  mayFail(operation: DiskOperation, path: string): void {
    if (this.faults.ioErrorChance > 0 && this.random.chance(this.faults.ioErrorChance)) {
      this.strike('io-error')
      throw new DiskError('EIO', operation, path)
    }
  }

  /** How long an operation takes from `nowMs` on: mostly very little, sometimes a while, and until the disk is free again. */
  latencyMs(nowMs: number): number {
    const stuckMs = this.faults.stuckUntilMs - nowMs
    const ordinaryMs = this.random.exponential(this.random.chance(0.02) ? 20 : 0.3)
    if (stuckMs <= 0) return ordinaryMs
    this.strike('stuck-disk')
    return stuckMs + ordinaryMs
  }

  /** Counts an operation; what is to strike in the middle of it, if it is the one. */
  takeCrashPoint(): CrashPoint | undefined {
    const { crashPoint } = this
    if (crashPoint === undefined) return undefined
    crashPoint.operationsLeft--
    if (crashPoint.operationsLeft > 0) return undefined
    this.crashPoint = undefined
    return crashPoint
  }

  /** The directory above, and the last name. Throws ENOENT. */
  parentOf(path: string, operation: DiskOperation): { readonly parent: SimulatedDirectory; readonly name: string } {
    const parts = partsOf(path)
    const name = parts.pop()
    if (name === undefined) throw new DiskError('EINVAL', operation, path)
    const parent = this.find(parts.join('/'))
    if (!(parent instanceof SimulatedDirectory)) throw new DiskError('ENOENT', operation, path)
    return { parent, name }
  }

  find(path: string): SimulatedFile | SimulatedDirectory | undefined {
    let at: SimulatedFile | SimulatedDirectory | undefined = this.root
    for (const part of partsOf(path)) {
      if (!(at instanceof SimulatedDirectory)) return undefined
      at = at.get(part)
    }
    return at
  }
}

export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

function sizeOf(directory: SimulatedDirectory): number {
  let bytes = 0
  for (const name of directory.names) {
    const entry = directory.get(name)!
    bytes += entry instanceof SimulatedFile ? entry.sizeBytes : sizeOf(entry)
  }
  return bytes
}
