/**
 * What goes wrong, and by which means. Each fault has back-ends in order of preference, of which the first that works here is used. A fault says what it has done, and how that shows at
 * whom it was done to: what does not show has not happened, and is an error of the suite.
 */
import type { Prng } from '../../src/base/prng.js'
import type { BedNode, Surroundings, TestBed } from '../beds/bed.js'

/** Of whom: drawn by number, or by what they are at that moment. `replicas but one`: those of one partition of the run. */
export type Target = (typeof ALL_TARGETS)[number]

export const ALL_TARGETS = [
  'one',
  'minority',
  'majority',
  'all',
  'leader',
  'controller',
  'coordinator',
  'replicas but one',
] as const

export interface FaultContext {
  readonly bed: TestBed
  readonly random: Prng
  /** Who is this at the moment, as the cluster says; undefined: nobody knows. */
  readonly find: (target: Target) => Promise<readonly BedNode[] | undefined>
}

/** For the history and the report. */
export interface Told {
  readonly what: string
  readonly nodes: readonly number[]
  /** From the side of the victim: a process that is gone, a connection that is refused, a flush that has failed. */
  readonly seen: string
}

/** A fault that goes on until it is ended; `undefined`: what it needs is not there at the moment, nothing was done. */
export interface Fault {
  /** `kill leader`, `partition one-way`, `clock jump` ...: names in reports and options. */
  readonly name: string
  readonly backend: string
  begin(context: FaultContext): Promise<Told | undefined>
  /** Takes back what it has done; also after a `begin` that has failed half-way. One that rejects is called again, and does what it has not done yet. */
  end(context: FaultContext): Promise<Told | undefined>
}

/** A means. It is asked once whether it works here, and may have to be there before the nodes start. */
export interface Backend {
  readonly name: string
  /** Undefined: it works here; else why not. */
  probe(): Promise<string | undefined>
  /** Changes what nodes are started within, by id. */
  prepare(nodes: readonly number[], surroundings: Map<number, Surroundings>): Promise<void>
  /** The faults that it makes. */
  readonly faults: readonly Fault[]
  /** Of several with one name here a run uses one: they change the same things, each in its way, and together would undo each other. */
  readonly family?: string
  /** Leaves nothing behind: processes, mounts, rules, namespaces. */
  restore(): Promise<void>
}
