/**
 * GroupHistory: what the members of all groups of a run were told, did and believed, as it happens; and what the checkers make of it.
 */
import { type Finding, Findings } from '../check/anomalies.js'
import { checkGroupOffsets, type GroupOperation } from '../check/check-group-offsets.js'
import { checkGroupOwnership, type Ownership } from '../check/check-group-ownership.js'
import { checkGroupProgress, type GroupProgress, type ToBeRead } from '../check/check-group-progress.js'

/** Members are processes beside those of the load of records. */
const FIRST_PROCESS = 1_000_000

export interface GroupVerdict {
  readonly findings: readonly Finding[]
  readonly counts: Readonly<Record<string, number>>
}

export class GroupHistory {
  readonly operations: GroupOperation[] = []
  readonly owned: Ownership[] = []
  readonly progress: GroupProgress[] = []
  readonly counts: Record<string, number> = {}
  /** By group and key: the highest offset whose commit was acknowledged since it was last set back. */
  readonly #committed = new Map<string, number>()
  #nextProcess = FIRST_PROCESS

  nextProcess(): number {
    return this.#nextProcess++
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  add(operation: GroupOperation): void {
    this.operations.push(operation)
    if (operation.f === 'fetch') {
      if (operation.offset >= 0) this.count('committed offsets are fetched')
      return
    }
    const { group, key, offset, outcome, isReset } = operation
    if (outcome === 'ok') {
      const id = `${group}\n${key}`
      this.#committed.set(id, isReset === true ? offset : Math.max(offset, this.#committed.get(id) ?? -1))
      this.count(isReset === true ? 'offsets are set back' : 'commits of offsets are acknowledged')
    } else if (outcome === 'fail') this.count('commits of offsets are refused')
    else this.count('nobody knows of a commit of offsets')
  }

  /** -1: nothing is known to be committed. */
  committedOf(group: string, key: string): number {
    return this.#committed.get(`${group}\n${key}`) ?? -1
  }

  judge(wanted: readonly ToBeRead[]): GroupVerdict {
    const findings = new Findings()
    checkGroupOffsets(this.operations, findings)
    const owned = checkGroupOwnership(this.owned, findings)
    const begun = checkGroupProgress(this.progress, wanted, findings)
    return {
      findings: findings.told,
      counts: {
        ...this.counts,
        'who has a partition is judged': owned,
        'a member begins behind what was read': begun,
        'records are to be read by a group': wanted.reduce((sum, { offsets }) => sum + offsets.length, 0),
      },
    }
  }
}
