/**
 * What clients are told when the partition did not take the records of a decision: the same answers, with an error that clients of groups know.
 */
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { TicketedReply } from '../shard.js'
import { NO_BYTES } from './classic-member.js'
import { joinRefusal } from './classic-rounds.js'
import type { DecisionDraft } from './decision-draft.js'
import type { GroupReply } from './group-requests.js'

/** As Kafka does: what is said of a partition, in the words of a coordinator. */
const TOLD_AS: Partial<Readonly<Record<ErrorName, ErrorName>>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'COORDINATOR_NOT_AVAILABLE',
  NOT_ENOUGH_REPLICAS: 'COORDINATOR_NOT_AVAILABLE',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'COORDINATOR_NOT_AVAILABLE',
  REQUEST_TIMED_OUT: 'COORDINATOR_NOT_AVAILABLE',
  NOT_LEADER_OR_FOLLOWER: 'NOT_COORDINATOR',
  KAFKA_STORAGE_ERROR: 'NOT_COORDINATOR',
  MESSAGE_TOO_LARGE: 'UNKNOWN_SERVER_ERROR',
  RECORD_LIST_TOO_LARGE: 'UNKNOWN_SERVER_ERROR',
  INVALID_FETCH_SIZE: 'UNKNOWN_SERVER_ERROR',
}

const TOO_LARGE: readonly ErrorName[] = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']

/** The records do not fit into one batch. */
export function isTooLarge(error: ErrorName): boolean {
  return TOO_LARGE.includes(error)
}

export function clientError(error: ErrorName): ErrorName {
  return TOLD_AS[error] ?? error
}

/** The answer that is given instead. Where something has been refused before, that stays. */
export function replyRefused(
  { ticket, reply }: TicketedReply<GroupReply>,
  error: ErrorName,
  draft: DecisionDraft,
): void {
  const told = clientError(error)
  const errorCode = ErrorCode[told]
  switch (reply.api) {
    case 'JoinGroup':
      return draft.reply(ticket, 'JoinGroup', reply.body.errorCode === 0 ? joinRefusal(told, '') : reply.body)
    case 'SyncGroup':
      return draft.reply(
        ticket,
        'SyncGroup',
        reply.body.errorCode === 0 ? { errorCode, assignment: NO_BYTES } : reply.body,
      )
    case 'Heartbeat':
      return draft.reply(ticket, 'Heartbeat', { errorCode: reply.body.errorCode || errorCode })
    case 'LeaveGroup': {
      const members =
        reply.body.members?.map((member) => ({ ...member, errorCode: member.errorCode || errorCode })) ?? []
      const top = members.length === 0 ? reply.body.errorCode || errorCode : 0
      return draft.reply(ticket, 'LeaveGroup', { errorCode: top, members })
    }
    case 'OffsetCommit': {
      const code = isTooLarge(error) ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE : errorCode
      const topics = reply.body.topics.map(({ partitions, ...topic }) => ({
        ...topic,
        partitions: partitions.map((partition) => ({ ...partition, errorCode: partition.errorCode || code })),
      }))
      return draft.reply(ticket, 'OffsetCommit', { topics })
    }
    case 'OffsetDelete':
      return draft.reply(ticket, 'OffsetDelete', { throttleTimeMs: 0, errorCode, topics: [] })
    case 'DeleteGroups': {
      const results = reply.body.results.map((result) => ({ ...result, errorCode: result.errorCode || errorCode }))
      return draft.reply(ticket, 'DeleteGroups', { throttleTimeMs: 0, results })
    }
    case 'ConsumerGroupHeartbeat':
      return draft.reply(ticket, 'ConsumerGroupHeartbeat', {
        ...reply.body,
        errorCode: reply.body.errorCode || errorCode,
        memberEpoch: 0,
        assignment: null,
      })
    case 'OffsetFetch':
    case 'DescribeGroups':
    case 'ListGroups':
    case 'ConsumerGroupDescribe':
      // They write nothing, and stand alone in their decision.
      return draft.reply(ticket, reply.api, reply.body as never)
  }
}
