/** How groups are printed: committed offsets with their lag, members, states; in the columns of kafka-consumer-groups.sh, which scripts read. */
import type { GroupOffset } from '../../client/admin/group-offsets.js'
import { byPartition } from '../../client/admin/group-offsets.js'
import type { GroupDescription, MemberDescription, TopicPartition } from '../../client/admin/groups.js'
import { formatAddress } from '../../client/bootstrap.js'
import { groupBy } from '../../client/group-by.js'
import { inColumns, MISSING, widthOf } from './columns.js'

/** A partition of a group: who reads it, and how far it is. */
export interface OffsetRow extends TopicPartition {
  readonly leaderEpoch: number | undefined
  readonly offset: number | undefined
  readonly end: number | undefined
  /** Undefined: nobody is assigned to it. */
  readonly member: MemberDescription | undefined
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

/** Those with much to do first, and behind them what is committed and nobody reads. `ends` has those that are known, by `partitionKey`. */
export function offsetRows(
  { members }: GroupDescription,
  committed: readonly GroupOffset[],
  ends: ReadonlyMap<string, number>,
): OffsetRow[] {
  const offsets = new Map(committed.map((each) => [partitionKey(each), each]))
  const row = ({ topic, partition }: TopicPartition, member: MemberDescription | undefined): OffsetRow => {
    const key = partitionKey({ topic, partition })
    const { offset, leaderEpoch = -1 } = offsets.get(key) ?? {}
    return {
      topic,
      partition,
      offset,
      end: ends.get(key),
      leaderEpoch: leaderEpoch < 0 ? undefined : leaderEpoch,
      member,
    }
  }
  const busiest = [...members].sort((a, b) => b.assignment.length - a.assignment.length)
  const assigned = busiest.flatMap((member) =>
    [...member.assignment].sort(byPartition).map((each) => row(each, member)),
  )
  const taken = new Set(assigned.map(partitionKey))
  const others = committed.filter((each) => !taken.has(partitionKey(each)))
  return [...assigned, ...[...others].sort(byPartition).map((each) => row(each, undefined))]
}

export function offsetsText(groupId: string, rows: readonly OffsetRow[], verbose: boolean): string {
  const said = (value: number | undefined): string => (value === undefined ? MISSING : String(value))
  const lines = rows.map(({ topic, partition, leaderEpoch, offset, end, member }) => {
    const lag = offset === undefined || end === undefined ? undefined : end - offset
    const epoch = verbose ? [said(leaderEpoch)] : []
    const { memberId = MISSING, host = MISSING, clientId = MISSING } = member ?? {}
    return [groupId, topic, String(partition), ...epoch, said(offset), said(end), said(lag), memberId, host, clientId]
  })
  const epochHead = verbose ? ['LEADER-EPOCH'] : []
  const numbers = ['CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG']
  const head = ['GROUP', 'TOPIC', 'PARTITION', ...epochHead, ...numbers, 'CONSUMER-ID', 'HOST', 'CLIENT-ID']
  const column = (name: string): string[] => lines.map((line) => line[head.indexOf(name)]!)
  const widths = [widthOf(15, [groupId]), widthOf(15, column('TOPIC')), 10, ...[...epochHead, ...numbers].map(() => 15)]
  widths.push(widthOf(15, column('CONSUMER-ID')), widthOf(15, column('HOST')))
  return `${[head, ...lines].map((line) => `\n${inColumns(line, widths)}`).join('')}\n`
}

/** `topic:0,1;other:2` */
export function assignmentText(partitions: readonly TopicPartition[]): string {
  if (partitions.length === 0) return MISSING
  const topics = [...groupBy(partitions, ({ topic }) => topic)].map(([topic, those]) => {
    const numbers = those.map(({ partition }) => partition).sort((a, b) => a - b)
    return `${topic}:${numbers.join(',')}`
  })
  return topics.sort().join(';')
}

export function membersText(group: GroupDescription, verbose: boolean): string {
  const { groupId, members, assignmentEpoch } = group
  const hasInstances = members.some(({ instanceId }) => instanceId !== null && instanceId !== '')
  const isMixed =
    members.some(({ upgraded }) => upgraded === true) && members.some(({ upgraded }) => upgraded === false)
  const head = ['GROUP', 'CONSUMER-ID', ...(hasInstances ? ['GROUP-INSTANCE-ID'] : []), 'HOST', 'CLIENT-ID']
  const details = [
    'CURRENT-EPOCH',
    'CURRENT-ASSIGNMENT',
    'TARGET-EPOCH',
    'TARGET-ASSIGNMENT',
    ...(isMixed ? ['UPGRADED'] : []),
  ]
  const rows = members.map((member) => {
    const { memberId, instanceId, host, clientId, assignment, target, memberEpoch, upgraded } = member
    const names = [groupId, memberId, ...(hasInstances ? [instanceId ?? ''] : []), host, clientId]
    const epochs = [String(memberEpoch ?? MISSING), assignmentText(assignment)]
    const targets = [String(assignmentEpoch ?? MISSING), assignmentText(target ?? [])]
    return {
      names: [...names, String(assignment.length)],
      details: [...epochs, ...targets, ...(isMixed ? [String(upgraded ?? MISSING)] : [])],
    }
  })
  const widths = head.map((name, n) =>
    widthOf(name === 'GROUP-INSTANCE-ID' ? 17 : 15, [...rows.map(({ names }) => names[n]!), n === 0 ? groupId : '']),
  )
  const assignments = [1, 3].map((n) =>
    widthOf(
      20,
      rows.map((row) => row.details[n]!),
    ),
  )
  const detailWidths = [15, assignments[0], 15, assignments[1]]
  // Kafka's tool ends the first part of a line with a space, whether there is a second one or not.
  const line = (names: readonly string[], more: readonly string[]): string =>
    `${inColumns(names, [...widths, 15])} ${verbose ? inColumns(more, detailWidths) : ''}\n`
  return `\n${line([...head, '#PARTITIONS'], details)}${rows.map((row) => line(row.names, row.details)).join('')}`
}

export function stateText(group: GroupDescription, verbose: boolean): string {
  const { groupId, coordinator, assignor, state, members, groupEpoch, assignmentEpoch } = group
  const where = coordinator === undefined ? MISSING : `${formatAddress(coordinator)}  (${coordinator.nodeId})`
  const epochs = verbose ? [groupEpoch ?? MISSING, assignmentEpoch ?? MISSING] : []
  const epochHead = verbose ? ['GROUP-EPOCH', 'TARGET-ASSIGNMENT-EPOCH'] : []
  const rows = [
    ['GROUP', 'COORDINATOR (ID)', 'ASSIGNMENT-STRATEGY', 'STATE', ...epochHead, '#MEMBERS'],
    [groupId, where, assignor === '' ? MISSING : assignor, state, ...epochs, members.length],
  ]
  const widths = [widthOf(15, [groupId]), widthOf(25, [where]), 20, 20, ...(verbose ? [15, 25] : [])]
  return `${rows.map((row) => `\n${inColumns(row, widths)}`).join('')}\n`
}

const REBALANCING = ['PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling']

/** What is to be known before the numbers are read. */
export function remarkOn({ groupId, state }: GroupDescription): string | undefined {
  if (state === 'Empty') return `group ${groupId} has no members at the moment`
  if (REBALANCING.includes(state))
    return `group ${groupId} is rebalancing (${state}): who reads what may change at once`
  return undefined
}
