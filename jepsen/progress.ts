/** Progress: counts what is written down, and says every few seconds how it goes, in one line. */
import type { TestBed } from './beds/bed.js'
import type { NemesisOperation, Operation } from './history/operation.js'
import { faultOf } from './nemesis/nemesis.js'

export interface Counts {
  readonly ok: number
  readonly fail: number
  readonly info: number
}

export class Progress {
  readonly #byKind = new Map<string, { ok: number; fail: number; info: number }>()
  readonly #errors = new Map<string, number>()
  readonly #faults = new Set<string>()
  #phase = 'start'
  #said: Counts = { ok: 0, fail: 0, info: 0 }
  #saidMs = 0

  observed(operation: Operation): void {
    if (operation.process === 'nemesis') return this.#ofNemesis(operation)
    const { type, f } = operation
    if (type === 'invoke') return
    let counts = this.#byKind.get(f)
    if (counts === undefined) this.#byKind.set(f, (counts = { ok: 0, fail: 0, info: 0 }))
    counts[type]++
    const code = operation.error?.[0]
    if (code !== undefined) {
      const name = `${f} ${type}: ${code}`
      this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1)
    }
  }

  get byKind(): Readonly<Record<string, Counts>> {
    return Object.fromEntries(this.#byKind)
  }

  /** How often each error came, the most frequent first. */
  get errors(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#errors].sort((a, b) => b[1] - a[1]))
  }

  get total(): Counts {
    const total = { ok: 0, fail: 0, info: 0 }
    for (const { ok, fail, info } of this.#byKind.values()) {
      total.ok += ok
      total.fail += fail
      total.info += info
    }
    return total
  }

  /** Since the last line. */
  line(nowMs: number, bed: TestBed): string {
    const total = this.total
    // The load begins to count anew.
    const seconds = Math.max(0.001, (nowMs < this.#saidMs ? nowMs : nowMs - this.#saidMs) / 1000)
    const before = this.#said
    const rate = (of: keyof Counts): string => ((total[of] - before[of]) / seconds).toFixed(of === 'ok' ? 0 : 1)
    this.#said = total
    this.#saidMs = nowMs
    const running = bed.nodes.filter(({ isRunning }) => isRunning).map(({ id }) => id)
    const nodes = bed.nodes.length === 0 ? '' : `, nodes ${running.length === 0 ? 'none' : running.join(' ')}`
    const wrong = this.#faults.size === 0 ? '' : `, faults: ${[...this.#faults].join(', ')}`
    const done = total.ok + total.fail + total.info
    const time = `${(nowMs / 1000).toFixed(0).padStart(4)} s ${this.#phase}`
    return `${time}: ${done} operations; ok ${rate('ok')}/s, fail ${rate('fail')}/s, info ${rate('info')}/s${nodes}${wrong}`
  }

  /** An operation without a value asks for what it says. */
  #ofNemesis({ f, value, error }: NemesisOperation): void {
    if (f === 'phase') this.#phase = String(value)
    const told = faultOf(f)
    if (told === undefined || (value === null && error === undefined)) return
    const hasDoneNothing = (value as { readonly what?: string } | null)?.what === 'nothing'
    if (told.does === 'begin' && !hasDoneNothing) this.#faults.add(told.fault)
    else if (told.does === 'end' && error === undefined) this.#faults.delete(told.fault)
  }
}
