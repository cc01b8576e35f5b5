/**
 * Plays a plan against a bed: one step after the other, each at its time or as soon after it as the ones before allow, and writes down what was done and how it showed. In the end
 * everything is taken back, also what a step before could not.
 */
import type { Prng } from '../../src/base/prng.js'
import type { BedNode, TestBed } from '../beds/bed.js'
import { until } from '../beds/time.js'
import type { NemesisOperation, Unplaced } from '../history/operation.js'
import type { Fault, FaultContext, Told } from './fault.js'
import type { PlannedStep } from './plan.js'

export interface NemesisOptions {
  readonly bed: TestBed
  /** With different names. */
  readonly faults: readonly Fault[]
  readonly find: FaultContext['find']
  readonly random: Prng
  readonly write: (operation: Unplaced<NemesisOperation>) => void
}

/** Value of the second of the two operations that a step is; that of the first is null. */
export type NemesisValue =
  | ({ readonly backend: string } & Told)
  /** What it needs was not there, or nothing was left to be taken back. */
  | { readonly backend: string; readonly what: 'nothing' }

/** `f` of operations: `begin kill leader`, `end kill leader`. */
function nemesisName(does: 'begin' | 'end', fault: string): string {
  return `${does} ${fault}`
}

/** Undefined: it is of something else. */
export function faultOf(f: string): { readonly does: 'begin' | 'end'; readonly fault: string } | undefined {
  const [, does, fault] = /^(begin|end) (.+)$/.exec(f) ?? []
  return does === undefined ? undefined : { does: does as 'begin' | 'end', fault: fault! }
}

/** For all that is still on when the plan is over. */
const HEAL_LIMIT_MS = 120_000
const WAIT_STEP_MS = 100

export interface FaultCounts {
  /** It was done, and showed. */
  readonly began: number
  /** What it needs was not there. */
  readonly nothing: number
  readonly failed: number
}

export class Nemesis {
  readonly #options: NemesisOptions
  readonly #faults: ReadonlyMap<string, Fault>
  /** In the order in which they began. */
  readonly #active = new Set<Fault>()
  readonly #counts = new Map<string, { began: number; nothing: number; failed: number }>()
  readonly #troubles: string[] = []
  #isStopped = false
  #isHealed = false
  /** Those that ran when it began: they run in the end. */
  readonly #members: readonly BedNode[]

  constructor(options: NemesisOptions) {
    this.#options = options
    this.#members = options.bed.nodes.filter(({ isRunning }) => isRunning)
    this.#faults = new Map(options.faults.map((fault) => [fault.name, fault]))
    if (this.#faults.size < options.faults.length) throw new Error('two faults have one name')
  }

  /** Of each fault by its name. */
  get counts(): ReadonlyMap<string, FaultCounts> {
    return this.#counts
  }

  /** Errors of the suite: what was to happen did not, or does not show; the operations say why. What could not be taken back at its time, and was later, is none. */
  get troubles(): readonly string[] {
    return this.#troubles
  }

  /** Ends after the last step, or soon after `stop`. Never rejects. */
  async play(plan: readonly PlannedStep[]): Promise<void> {
    const { time } = this.#options.bed
    const startMs = time.nowMs()
    for (const { atMs, fault: name, does } of plan) {
      while (!this.#isStopped && time.nowMs() - startMs < atMs) {
        await time.wait(Math.min(WAIT_STEP_MS, atMs - (time.nowMs() - startMs)))
      }
      if (this.#isStopped) return
      const fault = this.#faults.get(name)
      if (fault === undefined) this.#troubles.push(`there is no fault ${name}`)
      else if (does === 'begin') await this.#begin(fault)
      else if (this.#active.has(fault)) await this.#end(fault)
    }
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Takes everything back, the last first, and starts what ran when it began and does not. False: it could not. */
  async heal(): Promise<boolean> {
    this.#isStopped = true
    const { bed } = this.#options
    try {
      await until(bed.time, HEAL_LIMIT_MS, 'the end of all faults', async () => {
        for (const fault of [...this.#active].reverse()) await this.#end(fault)
        return this.#active.size === 0 ? true : undefined
      })
      this.#isHealed = true
    } catch (error) {
      this.#troubles.push(
        `${(error as Error).message}; still on: ${[...this.#active].map(({ name }) => name).join(', ')}`,
      )
    }
    const down = this.#members.filter(({ isRunning }) => !isRunning)
    await Promise.allSettled(down.map((node) => node.start()))
    this.#write('heal', {
      started: down.map(({ id }) => id),
      running: this.#members.filter(({ isRunning }) => isRunning).length,
    })
    return this.#isHealed && this.#members.every(({ isRunning }) => isRunning)
  }

  async #begin(fault: Fault): Promise<void> {
    // What could not be taken back is not done once more.
    if (this.#active.has(fault)) await this.#end(fault)
    if (this.#active.has(fault)) return
    const counts = this.#counts.get(fault.name) ?? { began: 0, nothing: 0, failed: 0 }
    this.#counts.set(fault.name, counts)
    // Also one that fails half-way has to be taken back.
    this.#active.add(fault)
    const told = await this.#step('begin', fault, (context) => fault.begin(context))
    if (told === undefined) counts.nothing++
    else if (told === 'failed') {
      counts.failed++
      this.#troubles.push(`${nemesisName('begin', fault.name)} failed`)
    } else counts.began++
  }

  async #end(fault: Fault): Promise<void> {
    const told = await this.#step('end', fault, (context) => fault.end(context))
    if (told !== 'failed') this.#active.delete(fault)
  }

  async #step(
    does: 'begin' | 'end',
    fault: Fault,
    act: (context: FaultContext) => Promise<Told | undefined>,
  ): Promise<Told | undefined | 'failed'> {
    const { bed, find, random } = this.#options
    const f = nemesisName(does, fault.name)
    this.#write(f, null)
    try {
      const told = await act({ bed, find, random })
      const value: NemesisValue = { backend: fault.backend, ...(told ?? { what: 'nothing' as const }) }
      this.#write(f, value)
      return told
    } catch (error) {
      const { message } = error as Error
      this.#options.write({ process: 'nemesis', type: 'info', f, value: null, error: ['FAULT', message] })
      return 'failed'
    }
  }

  #write(f: string, value: unknown): void {
    this.#options.write({ process: 'nemesis', type: 'info', f, value })
  }
}
