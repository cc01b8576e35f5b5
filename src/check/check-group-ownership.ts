/**
 * Which member of a group had which partition, as the members themselves believed. In one generation (or member epoch) of a group a partition belongs to one member;
 * and at no time do two take it for theirs who both have reason to: owned-twice.
 *
 * What Kafka promises and what not: a member that hears nothing of its coordinator goes on reading, and may be replaced when its session is over; then two read
 * the same, and only the commits of the one are taken. So a belief counts as long as the coordinator cannot have given the member up: one session (or the time
 * that a round waits, if that is shorter) from when it sent what a coordinator answered that was the one and only, and knew the group: one that still loads it, or
 * was deposed without knowing it, may say that all is well to somebody who was given up long ago. Who takes over the
 * instance id of a static member has its partitions at once, and whom it replaces learns of it later, when a third one may have them already: so a belief
 * ends when another one is started under its instance id, and counts for nothing as long as both run.
 */
import { type Findings, indices } from './anomalies.js'

/** A member, a partition, and one generation. */
export interface Ownership {
  readonly group: string
  /** One partition of one topic. */
  readonly key: string
  /** One life of one process. */
  readonly member: string
  /** Of a static member. */
  readonly instance?: string
  /** Absent where numbers may come again: a group that goes over to the other protocol while it is empty begins anew (KIP-848). */
  readonly generation?: number
  /** It learned of it, and it gave it up, lost it or died. */
  readonly fromMs: number
  readonly toMs: number
  /** Until then (exclusive) its coordinator cannot have given it up. */
  readonly certainUntilMs: number
  /** Of the operation by which it is known, where it has one. */
  readonly index?: number
}

/** Returns how many pairs of neighbours were compared. */
export function checkGroupOwnership(history: readonly Ownership[], findings: Findings): number {
  const byKey = new Map<string, Ownership[]>()
  for (const each of history) {
    const id = `${each.group}\n${each.key}`
    const all = byKey.get(id)
    if (all === undefined) byKey.set(id, [each])
    else all.push(each)
  }
  let compared = 0
  for (const all of byKey.values()) {
    checkGenerations(all, findings)
    compared += checkTimes(all, findings)
  }
  return compared
}

function checkGenerations(all: readonly Ownership[], findings: Findings): void {
  const owners = new Map<number, Ownership>()
  for (const each of all) {
    if (each.generation === undefined) continue
    const owner = owners.get(each.generation)
    if (owner === undefined) owners.set(each.generation, each)
    else if (!isSame(owner, each)) {
      const detail = (): string => `${told(owner)}, and ${told(each)}`
      findings.add('owned-twice', each.key, detail, () => indices(owner, each))
    }
  }
}

function checkTimes(all: readonly Ownership[], findings: Findings): number {
  const ordered = all.toSorted((a, b) => a.fromMs - b.fromMs)
  let current: Ownership[] = []
  let compared = 0
  for (const each of ordered) {
    current = current.filter((other) => endOf(other) > each.fromMs)
    for (const other of current) {
      if (isSame(other, each) || endOf(each) <= each.fromMs) continue
      const detail = (): string => `${told(other)}, and at the same time ${told(each)}`
      findings.add('owned-twice', each.key, detail, () => indices(other, each))
    }
    current.push(each)
    compared++
  }
  return compared
}

function isSame(a: Ownership, b: Ownership): boolean {
  return a.member === b.member || (a.instance !== undefined && a.instance === b.instance)
}

function endOf({ toMs, certainUntilMs }: Ownership): number {
  return Math.min(toMs, certainUntilMs)
}

function told({ group, member, generation, fromMs, toMs, certainUntilMs }: Ownership): string {
  return `${member} had it in generation ${generation ?? '?'} of ${group} (${fromMs} to ${toMs} ms, certain until ${certainUntilMs})`
}
