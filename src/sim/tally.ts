/**
 * Tally: what many runs of the simulator have shown together. A number of seeds without a finding says little if nothing was acknowledged in them or
 * no fault struck at an awkward moment; this says how much there was to find.
 */
import type { FaultKind } from './disk-device.js'
import type { SeedReport } from './scenario.js'

/** What is kept of a run: everything but its history, as plain data. */
export type SeedSummary = Omit<SeedReport, 'history'>

export interface FaultTally {
  /** How often the fault has struck. */
  readonly total: number
  /** Share of the seeds in which it struck while appends were in flight. */
  readonly seedsInFlight: number
}

export class Tally {
  seeds = 0
  starts = 0
  exits = 0
  events = 0
  virtualMs = 0
  acknowledged = 0
  /** Seeds with findings. */
  readonly found: SeedSummary[] = []
  readonly #acknowledged: number[] = []
  readonly #faults = new Map<FaultKind, { total: number; seedsInFlight: number }>()
  readonly #checks = new Map<string, number>()

  add(report: SeedSummary): void {
    this.seeds++
    this.starts += report.starts
    this.exits += report.exits
    this.events += report.events
    this.virtualMs += report.virtualMs
    this.acknowledged += report.acknowledged
    this.#acknowledged.push(report.acknowledged)
    if (report.findings.length > 0) this.found.push(report)
    for (const [kind, { total, inFlight }] of Object.entries(report.faults)) {
      let faults = this.#faults.get(kind as FaultKind)
      if (faults === undefined) this.#faults.set(kind as FaultKind, (faults = { total: 0, seedsInFlight: 0 }))
      faults.total += total
      if (inFlight > 0) faults.seedsInFlight++
    }
    for (const [name, count] of Object.entries(report.checks)) {
      this.#checks.set(name, (this.#checks.get(name) ?? 0) + count)
    }
  }

  /** Records that a seed acknowledges, in the median; NaN without seeds. */
  get medianAcknowledged(): number {
    const sorted = [...this.#acknowledged].sort((a, b) => a - b)
    return sorted[sorted.length >> 1] ?? Number.NaN
  }

  fault(kind: FaultKind): FaultTally {
    const { total, seedsInFlight } = this.#faults.get(kind) ?? { total: 0, seedsInFlight: 0 }
    return { total, seedsInFlight: this.seeds === 0 ? 0 : seedsInFlight / this.seeds }
  }

  /** How often each invariant was looked at in earnest. */
  get checks(): ReadonlyMap<string, number> {
    return this.#checks
  }

  /** Lines for people. */
  text(): string {
    const faults = [...this.#faults.keys()].sort().map((kind) => {
      const { total, seedsInFlight } = this.fault(kind)
      return `  ${kind.padEnd(14)}${String(total).padStart(8)} times, at appends in flight in ${percent(seedsInFlight)} of the seeds`
    })
    const checks = [...this.#checks].sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      `${this.seeds} seeds, ${this.events} events, ${(this.virtualMs / 1000).toFixed(0)} s of virtual time`,
      `${this.acknowledged} records acknowledged, ${this.medianAcknowledged} in the median of the seeds`,
      `${this.starts} starts of a node, of which it ended ${this.exits} itself`,
      'faults',
      ...faults,
      'invariants',
      ...checks.map(([name, count]) => `  looked at ${String(count).padStart(8)} times: ${name}`),
      `seeds with findings: ${this.found.length === 0 ? 'none' : this.found.map(({ seed }) => seed).join(' ')}`,
    ].join('\n')
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}
