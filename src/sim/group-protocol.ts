/**
 * What simulated members of classic groups say to each other through their coordinator, and how the leader of a group divides partitions: evenly by topic, in turn, or
 * so that as few as possible move and those that move are given up before they are given away (KIP-429). Written for the simulator alone: it tests the coordinator, and
 * shares nothing with what it tests.
 */
import { Reader } from '../base/bytes/reader.js'
import { Writer } from '../base/bytes/writer.js'
import type { Fields } from '../protocol/field.js'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../protocol/messages/records/consumer-protocol.js'
import type { Schema } from '../protocol/schema.js'

export const ASSIGNORS = ['range', 'roundrobin', 'cooperative-sticky'] as const
export type AssignorName = (typeof ASSIGNORS)[number]

export interface GroupPlace {
  readonly topic: string
  readonly partition: number
}

export interface Subscription {
  readonly topics: readonly string[]
  /** What the member has, and since which generation; only cooperative ones say so. */
  readonly owned: readonly GroupPlace[]
  readonly generation: number
}

/** A member as the leader sees it. */
export interface Subscriber extends Subscription {
  readonly memberId: string
  readonly instanceId: string | null
}

/** By member id. */
export type Assignments = ReadonlyMap<string, readonly GroupPlace[]>

const VERSION_BYTES = 2
/** Some want a topic that is never there. */
export const ABSENT_TOPIC = 'none'

/** `version`: from 0 to 3; 1 says what is owned, 2 since when. */
export function encodeSubscription({ topics, owned, generation }: Subscription, version: number): Uint8Array {
  const fields = { topics: [...topics], ownedPartitions: byTopic(owned), generationId: generation }
  return prefixed(ConsumerProtocolSubscription as unknown as Schema<Fields>, version, fields)
}

export function decodeSubscription(bytes: Uint8Array): Subscription {
  const { topics, ownedPartitions, generationId } = ConsumerProtocolSubscription.decode(...bodyOf(bytes))
  return { topics, owned: placesOf(ownedPartitions), generation: generationId }
}

export function encodeAssignment(places: readonly GroupPlace[], version: number): Uint8Array {
  const fields = { assignedPartitions: byTopic(places) }
  return prefixed(ConsumerProtocolAssignment as unknown as Schema<Fields>, version, fields)
}

/** Nothing at all is an assignment without partitions. */
export function decodeAssignment(bytes: Uint8Array): GroupPlace[] {
  if (bytes.length === 0) return []
  return placesOf(ConsumerProtocolAssignment.decode(...bodyOf(bytes)).assignedPartitions)
}

/** `partitions`: how many each topic has. */
export function assign(
  name: AssignorName,
  members: readonly Subscriber[],
  partitions: ReadonlyMap<string, number>,
): Assignments {
  // Static members keep their place when they come back under another id.
  const ordered = members.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
  if (name === 'range') return assignRanges(ordered, partitions)
  if (name === 'roundrobin') return assignInTurn(ordered, partitions)
  return withoutMoves(ordered, assignSticky(ordered, partitions))
}

function assignRanges(members: readonly Subscriber[], partitions: ReadonlyMap<string, number>): Assignments {
  const assigned = nothingFor(members)
  for (const [topic, count] of partitions) {
    const takers = members.filter(({ topics }) => topics.includes(topic))
    let next = 0
    for (const [index, { memberId }] of takers.entries()) {
      const share = Math.floor(count / takers.length) + (index < count % takers.length ? 1 : 0)
      for (let n = 0; n < share; n++) assigned.get(memberId)!.push({ topic, partition: next++ })
    }
  }
  return assigned
}

function assignInTurn(members: readonly Subscriber[], partitions: ReadonlyMap<string, number>): Assignments {
  const assigned = nothingFor(members)
  let turn = 0
  for (const place of placesIn(partitions)) {
    if (!members.some(({ topics }) => topics.includes(place.topic))) continue
    while (!members[turn % members.length]!.topics.includes(place.topic)) turn++
    assigned.get(members[turn++ % members.length]!.memberId)!.push(place)
  }
  return assigned
}

/** Everybody keeps what is its own as far as that is fair; the rest goes to who has least. */
function assignSticky(
  members: readonly Subscriber[],
  partitions: ReadonlyMap<string, number>,
): Map<string, GroupPlace[]> {
  const assigned = nothingFor(members)
  const owners = ownersOf(members)
  const isTaker = ({ topics }: Subscriber, { topic }: GroupPlace): boolean => topics.includes(topic)
  const loadOf = ({ memberId }: Subscriber): number => assigned.get(memberId)!.length
  const leastLoaded = (place: GroupPlace): Subscriber | undefined =>
    members.filter((each) => isTaker(each, place)).sort((a, b) => loadOf(a) - loadOf(b))[0]
  const free: GroupPlace[] = []
  for (const place of placesIn(partitions)) {
    const owner = owners.get(nameOf(place))
    if (owner !== undefined && isTaker(owner, place)) assigned.get(owner.memberId)!.push(place)
    else free.push(place)
  }
  for (const place of free) {
    const taker = leastLoaded(place)
    if (taker !== undefined) assigned.get(taker.memberId)!.push(place)
  }
  for (const giver of members) {
    const kept = assigned.get(giver.memberId)!
    for (const place of [...kept].reverse()) {
      const taker = leastLoaded(place)
      if (taker === undefined || loadOf(taker) + 1 >= kept.length) continue
      kept.splice(kept.indexOf(place), 1)
      assigned.get(taker.memberId)!.push(place)
    }
  }
  return assigned
}

/** What somebody has is not given to another one before the next round. */
function withoutMoves(members: readonly Subscriber[], assigned: Assignments): Assignments {
  const owners = new Map(members.flatMap((each) => each.owned.map((place) => [nameOf(place), each.memberId] as const)))
  const kept = [...assigned].map(([memberId, places]) => {
    const settled = places.filter((place) => (owners.get(nameOf(place)) ?? memberId) === memberId)
    return [memberId, settled] as const
  })
  return new Map(kept)
}

/** Who has heard of a later generation is believed. */
function ownersOf(members: readonly Subscriber[]): Map<string, Subscriber> {
  const owners = new Map<string, Subscriber>()
  for (const each of members) {
    for (const place of each.owned) {
      const other = owners.get(nameOf(place))
      if (other === undefined || other.generation < each.generation) owners.set(nameOf(place), each)
    }
  }
  return owners
}

export function nameOf({ topic, partition }: GroupPlace): string {
  return `${topic}-${partition}`
}

export function placesIn(partitions: ReadonlyMap<string, number>): GroupPlace[] {
  return [...partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  )
}

function orderOf({ instanceId, memberId }: Subscriber): string {
  return instanceId ?? memberId
}

function nothingFor(members: readonly Subscriber[]): Map<string, GroupPlace[]> {
  return new Map(members.map(({ memberId }) => [memberId, []]))
}

function byTopic(places: readonly GroupPlace[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of places) {
    const partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, [partition])
    else partitions.push(partition)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}

function placesOf(topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]): GroupPlace[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}

function prefixed(schema: Schema<Fields>, version: number, fields: object): Uint8Array {
  const writer = new Writer()
  writer.int16(version)
  schema.encode(version, writer, fields as never)
  return writer.toBuffer()
}

function bodyOf(bytes: Uint8Array): [version: number, reader: Reader] {
  const reader = new Reader(bytes, VERSION_BYTES)
  return [new Reader(bytes).int16(), reader]
}
