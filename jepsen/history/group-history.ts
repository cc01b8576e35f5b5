/**
 * What a history shows of groups: what they commit and are told to have committed, by key; and which member had which key in which generation, where its library tells. What a
 * member has is what it was given and not told to give up; a member that was never told has nothing.
 */
import type { GroupOperation } from '../../src/check/check-group-offsets.js'
import type { Ownership } from '../../src/check/check-group-ownership.js'
import type { Pair } from './read.js'

/** Of members whose operations do not name a group, where several are named. */
const THE_GROUP = 'the group'

export class GroupHistory {
  readonly offsets: GroupOperation[] = []
  readonly #ownership: (Omit<Ownership, 'group'> & { readonly process: number })[] = []
  /** Groups of which a commit may have happened, and nobody knows of what. */
  readonly unclear = new Set<string>()
  /** By process: what it has, and in which generation that was told last. */
  readonly #members = new Map<number, { readonly has: Set<number>; generation: number }>()
  /** Processes that read as they like, and not as members. */
  readonly #assigned = new Set<number>()
  readonly #groupOf = new Map<number, string>()

  /** One for each member, key and generation. */
  get ownership(): Ownership[] {
    const groups = new Set(this.#groupOf.values())
    const only = groups.size === 1 ? [...groups][0]! : THE_GROUP
    return this.#ownership.map(({ process, ...each }) => ({ ...each, group: this.#groupOf.get(process) ?? only }))
  }

  did(pair: Pair): void {
    const { invoked, outcome, process } = pair
    switch (invoked.f) {
      case 'assign':
        if (outcome === 'fail') return
        this.#assigned.add(process)
        this.#members.delete(process)
        return
      case 'subscribe':
        if (outcome !== 'fail') this.#assigned.delete(process)
        return
      case 'crash':
        this.#members.delete(process)
        return
      case 'commit':
        return this.#committed(pair)
      case 'committed':
        return this.#fetched(pair)
      case 'poll':
      case 'txn':
        return this.#polled(pair)
    }
  }

  #committed({ invoked, ended, outcome, index, process, invokedMs, completedMs }: Pair): void {
    const group = invoked.group!
    this.#groupOf.set(process, group)
    const done = Object.entries((ended?.value ?? {}) as Offsets)
    // What was asked for may have been taken away before it was committed.
    const offsets = outcome === 'ok' || done.length > 0 ? done : Object.entries(invoked.value as Offsets)
    if (offsets.length === 0 && outcome !== 'ok') this.unclear.add(group)
    const generation = ended?.generation ?? invoked.generation
    for (const [key, offset] of offsets) {
      this.offsets.push({
        f: 'commit',
        process,
        group,
        key,
        offset,
        outcome,
        invokedMs,
        completedMs,
        index,
        ...(generation === undefined || generation < 0 ? {} : { generation }),
        ...(outcome === 'info' ? { mayComeLate: true } : {}),
        // Who is no member commits whatever it has read.
        ...(this.#assigned.has(process) ? { isReset: true } : {}),
      })
    }
  }

  #fetched({ invoked, ended, outcome, index, process, invokedMs, completedMs }: Pair): void {
    if (outcome !== 'ok') return
    const group = invoked.group!
    for (const [key, offset] of Object.entries(ended!.value as Offsets)) {
      this.offsets.push({ f: 'fetch', process, group, key, offset, invokedMs, completedMs, index })
    }
  }

  #polled({ ended, index, process, completedMs }: Pair): void {
    if (ended === undefined) return
    const { 'rebalance-log': events, generation } = ended
    if (events === undefined && generation === undefined) return
    let member = this.#members.get(process)
    if (member === undefined) this.#members.set(process, (member = { has: new Set(), generation: -1 }))
    for (const { type, keys } of events ?? []) {
      for (const key of keys) {
        if (type === 'assigned') member.has.add(key)
        else member.has.delete(key)
      }
    }
    if (generation === undefined || generation < 0) return
    const isNews = (events ?? []).length > 0 || generation !== member.generation
    member.generation = generation
    if (!isNews) return
    for (const key of member.has) {
      this.#ownership.push({
        process,
        key: String(key),
        member: `process ${process}`,
        generation,
        fromMs: completedMs,
        toMs: completedMs,
        // Nobody has told how long its coordinator cannot have given it up.
        certainUntilMs: completedMs,
        index,
      })
    }
  }
}

type Offsets = Readonly<Record<string, number>>
