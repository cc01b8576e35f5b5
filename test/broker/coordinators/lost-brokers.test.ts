/**
 * Who has not asked for a rebalance gets none, of either protocol of groups: not in a group that is left alone, not when a broker is lost that leads what the group reads, and not when
 * it is the coordinator, whether it is killed, loses its power or is stopped in order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetadataImage } from '../../../src/metadata/image.js'
import { DescribeRebalances } from '../../../src/protocol/messages/describe-rebalances.js'
import { coordinatorOf } from '../../../src/sim/group-locator.js'
import { SimulatedCluster } from '../cluster-rig.js'
import { CoreMember, type CoreProtocol } from './core-member.js'

const SETTINGS = { 'offsets.topic.num.partitions': '3', 'log.dir.reserved.bytes': '0' }
const MEMBERS = 3
const PARTITIONS = 7
/** Longer than any session: classic members have 45 s, a broker 9 s. */
const LONG_MS = 60_000

interface Group {
  readonly groupId: string
  readonly protocol: CoreProtocol
  readonly members: readonly CoreMember[]
}

interface Loss {
  readonly name: string
  readonly strike: (cluster: SimulatedCluster, id: number) => void
}

const LOSSES: readonly Loss[] = [
  { name: 'killed', strike: (cluster, id) => cluster.kill(id) },
  {
    name: 'without power',
    strike: (cluster, id) => {
      cluster.node(id).machine.goesSilently = true
      cluster.node(id).losePower()
    },
  },
  { name: 'stopped in order', strike: (cluster, id) => cluster.node(id).stop() },
]

function started(name: string): { readonly cluster: SimulatedCluster; readonly groups: readonly Group[] } {
  const cluster = new SimulatedCluster(name, { settings: SETTINGS, racks: ['a', 'b', 'c'] })
  const topicId = cluster.createTopic('t', cluster.brokers[0]!, PARTITIONS, 3)
  const topic = { name: 't', topicId, partitionCount: PARTITIONS }
  let asked = 0
  const brokers = () => cluster.brokers[asked++ % cluster.brokers.length]!.address
  const groups = (['classic', 'cooperative', 'consumer'] as const).map((protocol) => {
    const groupId = `g-${protocol}`
    const members = Array.from({ length: MEMBERS }, (_, n) => {
      const options = { groupId, protocol, topic, brokers }
      return new CoreMember(cluster.simulation, cluster.network, `${protocol}${n}`, options)
    })
    return { groupId, protocol, members }
  })
  cluster.until(() => groups.every(isSettled), 'the groups settle')
  return { cluster, groups }
}

function isSettled({ members }: Group): boolean {
  const partitions = members.flatMap((member) => member.partitions)
  const generations = new Set(members.map(({ generation }) => generation))
  const isWhole = partitions.length === PARTITIONS && new Set(partitions).size === PARTITIONS
  return isWhole && generations.size === 1 && members.every((member) => member.isSettled)
}

function stateOf({ members }: Group): unknown {
  return members.map(({ generation, partitions, events }) => ({ generation, partitions, events: events.length }))
}

/** The newest that a broker has applied. */
function newestImage({ brokers }: SimulatedCluster): MetadataImage {
  return brokers
    .map(({ node }) => node!.broker!.image)
    .reduce((one, other) => (other.offset > one.offset ? other : one))
}

function explained(cluster: SimulatedCluster, { groupId }: Group) {
  const coordinator = cluster.node(coordinatorOf(newestImage(cluster), groupId)!.nodeId)
  const { groups } = cluster.client(coordinator).request(DescribeRebalances, 0, { groupIds: [groupId] })
  assert.equal(groups[0]!.errorCode, 0, groupId)
  return groups[0]!
}

function beatsOf({ members }: Group): number {
  return members.reduce((sum, { beats }) => sum + beats, 0)
}

/** Nobody is told anything while this happens, but that all is well, and the coordinator is of the same opinion. */
function withoutRebalance(
  cluster: SimulatedCluster,
  groups: readonly Group[],
  rounds: (group: Group, before: number) => number,
  action: () => void,
): void {
  const before = groups.map(stateOf)
  const roundsBefore = groups.map((group) => explained(cluster, group).rounds.length)
  action()
  const beatsBefore = groups.map(beatsOf)
  cluster.pass(LONG_MS)
  assert.deepEqual(groups.map(stateOf), before)
  for (const [n, group] of groups.entries()) {
    assert.ok(beatsOf(group) - beatsBefore[n]! >= (MEMBERS * LONG_MS) / 5000 - MEMBERS, `${group.groupId} is alive`)
    const { groupState, members, rounds: seen } = explained(cluster, group)
    assert.deepEqual([groupState, members], ['Stable', MEMBERS], group.groupId)
    assert.equal(seen.length, rounds(group, roundsBefore[n]!), group.groupId)
  }
}

test('a group that is left alone does not rebalance', () => {
  const { cluster, groups } = started('quiet groups')
  const same = (_: Group, before: number) => before
  withoutRebalance(cluster, groups, same, () => {})
  // What the test would see: somebody goes.
  groups.map(({ members }) => members[0]!.leave())
  cluster.pass(LONG_MS)
  for (const group of groups) {
    const { rounds, members } = explained(cluster, group)
    assert.deepEqual([rounds.at(-1)!.causes[0]!.reason, members], ['left', MEMBERS - 1])
  }
})

for (const { name, strike } of LOSSES) {
  test(`a broker that is ${name} and comes back rebalances no group, whether it coordinates it or not`, () => {
    const { cluster, groups } = started(`a broker is ${name}`)
    for (const lost of cluster.world.brokers.map(({ id }) => id)) {
      const image = () => newestImage(cluster)
      const leads = (group: Group) => coordinatorOf(image(), group.groupId)?.nodeId
      const moved = new Set(groups.filter((group) => leads(group) === lost))
      const led = image()
        .topicsByName.get('t')!
        .partitions.filter(({ leader }) => leader === lost).length
      assert.ok(led > 0, `broker ${lost} leads something that the groups read`)
      // Who begins to coordinate remembers no rounds, and there are none.
      const rounds = (group: Group, before: number) => (moved.has(group) ? 0 : before)
      withoutRebalance(cluster, groups, rounds, () => {
        strike(cluster, lost)
        cluster.until(() => image().brokers.get(lost)!.fenced, 'it is missed')
        cluster.until(() => groups.every((group) => ![lost, -1, undefined].includes(leads(group))), 'others coordinate')
      })
      // It may lead again what it led, and then remembers nothing either.
      const back = (group: Group, before: number) => (leads(group) === lost ? 0 : before)
      withoutRebalance(cluster, groups, back, () => {
        cluster.start(lost)
        cluster.until(
          () =>
            image()
              .topicsByName.get('t')!
              .partitions.every(({ isr }) => isr.length === 3),
          'in sync',
        )
      })
    }
  })
}
