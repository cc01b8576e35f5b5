/** Kafka's RoundRobinAssignor: all partitions of all topics in turn, one for each member that wants the topic. */
import { type AssignedMember, type Assignments, type Assignor, inOrder, nothingYet, wantedTopics } from './assignor.js'

export const ROUND_ROBIN: Assignor = { name: 'roundrobin', isCooperative: false, userData: () => null, assign }

function assign(counts: ReadonlyMap<string, number>, members: readonly AssignedMember[]): Assignments {
  const assignments = nothingYet(members)
  const ordered = inOrder(members).map(({ memberId, topics }) => ({ memberId, topics: new Set(topics) }))
  let turn = 0
  for (const topic of wantedTopics(counts, members)) {
    for (let partition = 0; partition < counts.get(topic)!; partition++) {
      while (!ordered[turn]!.topics.has(topic)) turn = (turn + 1) % ordered.length
      assignments.get(ordered[turn]!.memberId)!.push({ topic, partition })
      turn = (turn + 1) % ordered.length
    }
  }
  return assignments
}
