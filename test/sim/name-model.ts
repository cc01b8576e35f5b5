/**
 * What a power loss may leave of the names in a directory, naively: every subset of the changes since the last flush in which none is without
 * an earlier one of its names.
 */
type Change<T> = readonly (readonly [name: string, entry: T | undefined])[]

export class NameModel<T> {
  /** As everybody sees them. */
  names = new Map<string, T>()
  #flushed = new Map<string, T>()
  #changes: Change<T>[] = []

  set(name: string, entry: T): void {
    this.#change([[name, entry]])
  }

  remove(name: string): void {
    this.#change([[name, undefined]])
  }

  rename(from: string, to: string): void {
    this.#change([
      [from, undefined],
      [to, this.names.get(from)],
    ])
  }

  flush(): void {
    this.restart(this.names)
  }

  /** This is what the power loss has left. */
  restart(names: ReadonlyMap<string, T>): void {
    this.names = new Map(names)
    this.#flushed = new Map(names)
    this.#changes = []
  }

  /** How many changes are not flushed: there are up to 2 to the power of that many outcomes. */
  get unflushed(): number {
    return this.#changes.length
  }

  legal(): ReadonlyMap<string, T>[] {
    const all: ReadonlyMap<string, T>[] = []
    for (let subset = 0; subset < 1 << this.#changes.length; subset++) {
      const names = new Map(this.#flushed)
      const missing = new Set<string>()
      let possible = true
      for (const [n, change] of this.#changes.entries()) {
        if ((subset & (1 << n)) === 0) for (const [name] of change) missing.add(name)
        else if (change.some(([name]) => missing.has(name))) possible = false
        else apply(names, change)
      }
      if (possible) all.push(names)
    }
    return all
  }

  #change(change: Change<T>): void {
    this.#changes.push(change)
    apply(this.names, change)
  }
}

function apply<T>(names: Map<string, T>, change: Change<T>): void {
  for (const [name, entry] of change) {
    if (entry === undefined) names.delete(name)
    else names.set(name, entry)
  }
}
