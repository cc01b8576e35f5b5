/**
 * A directory of the simulated disk: names as everybody sees them, and as they would be after a power loss. Changes of names are made durable by
 * a flush of the directory; at a power loss any of the others may survive, but none without the earlier ones of the same names, and a
 * rename with both its names or not at all.
 *
 * A flush that fails has written nothing and forgotten nothing: file systems keep names in a journal, and a journal that cannot be written
 * stops them, where a page of a file would be dropped.
 */
import type { Prng } from '../base/prng.js'
import type { SimulatedFile } from './disk-file.js'

export type Entry = SimulatedFile | SimulatedDirectory

interface Change {
  /** What each name stands for afterwards; undefined: nothing. */
  readonly names: ReadonlyMap<string, Entry | undefined>
}

export class SimulatedDirectory {
  #entries = new Map<string, Entry>()
  #durable = new Map<string, Entry>()
  #changes: Change[] = []

  get names(): string[] {
    return [...this.#entries.keys()].sort()
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name)
  }

  /** Names and entries; all of them, also those that only a power loss could bring back. */
  everything(): Set<Entry> {
    const all = new Set([...this.#entries.values(), ...this.#durable.values()])
    for (const { names } of this.#changes) for (const entry of names.values()) if (entry !== undefined) all.add(entry)
    return all
  }

  set(name: string, entry: Entry): void {
    this.#change(new Map([[name, entry]]))
  }

  remove(name: string): void {
    this.#change(new Map([[name, undefined]]))
  }

  rename(from: string, to: string): void {
    this.#change(
      new Map([
        [from, undefined],
        [to, this.#entries.get(from)],
      ]),
    )
  }

  /** Which changes a flush that begins now is about. */
  beginFlush(): readonly Change[] {
    return [...this.#changes]
  }

  endFlush(changes: readonly Change[], succeeded: boolean): void {
    if (!succeeded) return
    for (const change of changes) if (this.#changes.includes(change)) apply(this.#durable, change)
    this.#changes = this.#changes.filter((change) => !changes.includes(change))
  }

  /** True: some write survived in part. */
  losePower(random: Prng): boolean {
    const missing = new Set<string>()
    for (const change of this.#changes) {
      const names = [...change.names.keys()]
      const possible = names.every((name) => !missing.has(name))
      if (possible && random.chance(0.5)) apply(this.#durable, change)
      else for (const name of names) missing.add(name)
    }
    this.#changes = []
    this.#entries = new Map(this.#durable)
    let torn = false
    for (const entry of this.#entries.values()) torn = entry.losePower(random) || torn
    return torn
  }

  #change(names: ReadonlyMap<string, Entry | undefined>): void {
    const change: Change = { names }
    this.#changes.push(change)
    apply(this.#entries, change)
  }
}

function apply(entries: Map<string, Entry>, { names }: Change): void {
  for (const [name, entry] of names) {
    if (entry === undefined) entries.delete(name)
    else entries.set(name, entry)
  }
}
