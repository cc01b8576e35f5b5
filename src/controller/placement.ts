/**
 * Where the replicas of new partitions go: leaders round the brokers from a random start, evenly, and in turn over the racks; each follower on a rack
 * that holds the fewest replicas of its partition, and there on the broker that got the fewest so far. Among equals, and where all brokers are alike,
 * the distance to the leader decides, which grows with each round, so that the partitions of one broker fail over to all the others. Fenced
 * brokers lead nothing, and get replicas only where the others do not suffice. (What Kafka's StripedReplicaPlacer promises.)
 */
import type { Random } from '../io/random.js'

export interface PlacementBroker {
  readonly brokerId: number
  readonly rack: string | undefined
  readonly fenced: boolean
}

interface Seat extends PlacementBroker {
  /** In the order in which brokers take the lead; fenced ones come last. */
  readonly position: number
  replicas: number
}

/** Lists of broker ids, the preferred leader first. `replicationFactor` is at most the number of brokers, of which one at least is not fenced. */
export function placeReplicas(
  brokers: readonly PlacementBroker[],
  partitions: number,
  replicationFactor: number,
  random: Random,
): number[][] {
  const leaders = overRacks(brokers.filter(({ fenced }) => !fenced))
  const others = overRacks(brokers.filter(({ fenced }) => fenced))
  const seats: Seat[] = [...leaders, ...others].map((broker, position) => ({ ...broker, position, replicas: 0 }))
  const alike = new Set(brokers.map(({ rack, fenced }) => `${fenced} ${rack}`)).size === 1
  const start = random.below(leaders.length)
  const firstShift = random.below(seats.length)
  const placed: number[][] = []
  for (let partition = 0; partition < partitions; partition++) {
    const leader = seats[(start + partition) % leaders.length]!
    const shift = firstShift + Math.floor(partition / leaders.length)
    placed.push(placeOne(seats, leader, replicationFactor, { shift, alike }))
  }
  return placed
}

function placeOne(
  seats: readonly Seat[],
  leader: Seat,
  replicationFactor: number,
  by: { readonly shift: number; readonly alike: boolean },
): number[] {
  const byRack = new Map<string | undefined, number>()
  const chosen: Seat[] = []
  const choose = (seat: Seat): void => {
    chosen.push(seat)
    seat.replicas++
    byRack.set(seat.rack, (byRack.get(seat.rack) ?? 0) + 1)
  }
  const nearest = leader.position + 1 + (by.shift % Math.max(1, seats.length - 1))
  const distance = ({ position }: Seat): number => (position - nearest + 2 * seats.length) % seats.length
  const better = (a: Seat, b: Seat): boolean => {
    const difference =
      Number(a.fenced) - Number(b.fenced) ||
      (byRack.get(a.rack) ?? 0) - (byRack.get(b.rack) ?? 0) ||
      (by.alike ? 0 : a.replicas - b.replicas) ||
      distance(a) - distance(b)
    return difference < 0
  }
  choose(leader)
  while (chosen.length < replicationFactor) {
    let best: Seat | undefined
    for (const seat of seats) {
      if (!chosen.includes(seat) && (best === undefined || better(seat, best))) best = seat
    }
    choose(best!)
  }
  return chosen.map(({ brokerId }) => brokerId)
}

/** One broker of each rack in turn, so that successive partitions have their leaders on different racks. */
function overRacks(brokers: readonly PlacementBroker[]): PlacementBroker[] {
  const racks = new Map<string | undefined, PlacementBroker[]>()
  for (const broker of [...brokers].sort((a, b) => a.brokerId - b.brokerId)) {
    racks.set(broker.rack, [...(racks.get(broker.rack) ?? []), broker])
  }
  const inOrder = [...racks].sort(([a = ''], [b = '']) => (a < b ? -1 : 1)).map(([, rack]) => rack)
  const longest = Math.max(0, ...inOrder.map(({ length }) => length))
  return Array.from({ length: longest }, (_, turn) => inOrder.flatMap((rack) => rack[turn] ?? [])).flat()
}
