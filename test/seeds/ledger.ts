/**
 * The ledger of hunts: a row for each chunk of seeds that has been run: profile, first seed, how many, which of them failed, records acknowledged in the
 * median, virtual seconds, commit. The next hunt goes on behind the last row of its profile.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

const HEADER = 'profile\tfirst\tseeds\tfailed\tacknowledged\tvirtual s\tcommit'

export interface Chunk {
  readonly profile: string
  readonly first: number
  readonly seeds: number
  readonly failed: readonly (string | number)[]
  /** In the median. */
  readonly acknowledged: number
  readonly virtualSeconds: number
}

export class Ledger {
  readonly #path: string
  readonly #commit: string

  constructor(path: string, commit = headCommit()) {
    this.#path = path
    this.#commit = commit
  }

  /** The first seed that nobody has tried yet. */
  nextOf(profile: string): number {
    let next = 1
    for (const line of this.#lines()) {
      const [name, first, seeds] = line.split('\t')
      if (name === profile) next = Math.max(next, Number(first) + Number(seeds))
    }
    return next
  }

  add({ profile, first, seeds, failed, acknowledged, virtualSeconds }: Chunk): void {
    const row = [profile, first, seeds, failed.join(' '), acknowledged, Math.round(virtualSeconds), this.#commit]
    const header = existsSync(this.#path) ? '' : `${HEADER}\n`
    appendFileSync(this.#path, `${header}${row.join('\t')}\n`)
  }

  #lines(): string[] {
    if (!existsSync(this.#path)) return []
    return readFileSync(this.#path, 'utf8').split('\n').slice(1)
  }
}

function headCommit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
}
