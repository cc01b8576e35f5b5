/** `consumer-groups --describe --explain`: why groups have rebalanced, in sentences: who did what, and how long the group waited for it. */
import {
  describeRebalances,
  type GroupRebalances,
  type RebalanceCause,
  type RebalanceRound,
} from '../../client/admin/rebalances.js'
import { ClientError } from '../../client/client-error.js'
import type { ClusterClient } from '../../client/cluster-client.js'
import { tellErrors } from './groups.js'

export async function explain(client: ClusterClient, groupIds: readonly string[]): Promise<void> {
  const errors: ClientError[] = []
  const answers = [...(await describeRebalances(client, groupIds))].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, answer] of answers) {
    if (answer instanceof ClientError) errors.push(answer)
    else process.stdout.write(explanationText(answer))
  }
  tellErrors(errors)
}

export function explanationText({ groupId, groupType, groupState, members, rounds }: GroupRebalances): string {
  const how = `${groupState}, ${counted(members, 'member')}, of the ${groupType.toLowerCase()} protocol`
  if (rounds.length === 0) return `\nGroup ${groupId}: ${how}. Its coordinator remembers no rebalance.\n`
  const head = `\nGroup ${groupId}: ${how}. Its coordinator remembers ${counted(rounds.length, 'rebalance')}:\n`
  return head + rounds.map(roundText).join('')
}

function roundText(round: RebalanceRound): string {
  const { generation, startedAtMs, outcome, causes, moreCauses } = round
  const isConsumer = round.groupType.toLowerCase() === 'consumer'
  const name = isConsumer ? 'epoch' : 'generation'
  const lines = causes.map((cause) => `    ${causeText(cause)}`)
  if (moreCauses > 0) lines.push(`    and ${counted(moreCauses, 'cause')} more`)
  const head = `  ${timeText(startedAtMs)}  ${outcome === 'no round needed' ? 'no rebalance' : `to ${name} ${generation}`}: ${costText(round, isConsumer)}`
  return [head, ...lines].map((line) => `${line}\n`).join('')
}

function costText({ outcome, joinMs, totalMs, members }: RebalanceRound, isConsumer: boolean): string {
  const joined = joinMs < 0 ? '' : `, ${durationText(joinMs)} of it until all had joined`
  switch (outcome) {
    case 'assigned':
      return `it took ${durationText(Math.max(totalMs, 0))}${joined}; ${counted(members, 'member')}`
    case 'empty':
      return 'nobody was left'
    case 'overtaken':
      return `overtaken by the next one${joinMs < 0 ? '' : ` after ${durationText(joinMs)}`}`
    case 'under way':
      // Members of the new protocol do not wait for each other.
      if (isConsumer) return `is not over yet; ${counted(members, 'member')}`
      return joinMs < 0
        ? 'waits for members to join'
        : `waits for the assignment, all had joined after ${durationText(joinMs)}`
    case 'no round needed':
      return 'nothing had to move'
    default:
      return outcome
  }
}

/** Where the reason alone would not read as a sentence behind the member. */
const SENTENCES: Readonly<Record<string, string>> = {
  'leader asked': 'leads the group, and asked for it',
  'static member replaced': 'came back under the name of a static member',
  'group too large': 'was more than the group may have',
  converted: 'made the group one of the other protocol',
}

/** Where it was nobody in particular. */
const EVENTS: Readonly<Record<string, string>> = {
  'assignment not stored': 'the assignment could not be stored',
  'metadata changed': 'the topics that it reads, or their partitions, have changed',
  converted: 'the group went to the other protocol',
}

function causeText({ reason, memberId, groupInstanceId, clientId, clientHost, clientReason }: RebalanceCause): string {
  const said = clientReason === null || clientReason === '' ? '' : `, and says: ${clientReason}`
  if (memberId === '' && groupInstanceId === null) return (EVENTS[reason] ?? reason) + said
  const instance = groupInstanceId === null ? '' : `static member ${groupInstanceId}, `
  const from = [clientId, clientHost].filter((text) => text !== '').join(' at ')
  const who = `${instance}${memberId}${from === '' ? '' : ` (${from})`}`
  return `${who} ${SENTENCES[reason] ?? reason}${said}`
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}

function durationText(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ')
}
