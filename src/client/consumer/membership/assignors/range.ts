/** Kafka's RangeAssignor: of each topic every member gets a range of neighbours, the first members one more where they do not divide evenly. */
import { type AssignedMember, type Assignments, type Assignor, inOrder, nothingYet, wantedTopics } from './assignor.js'

export const RANGE: Assignor = { name: 'range', isCooperative: false, userData: () => null, assign }

function assign(counts: ReadonlyMap<string, number>, members: readonly AssignedMember[]): Assignments {
  const assignments = nothingYet(members)
  const ordered = inOrder(members)
  for (const topic of wantedTopics(counts, members)) {
    const those = ordered.filter(({ topics }) => topics.includes(topic))
    const count = counts.get(topic)!
    const each = Math.floor(count / those.length)
    const withOneMore = count % those.length
    let partition = 0
    those.forEach(({ memberId }, n) => {
      const end = partition + each + (n < withOneMore ? 1 : 0)
      for (; partition < end; partition++) assignments.get(memberId)!.push({ topic, partition })
    })
  }
  return assignments
}
