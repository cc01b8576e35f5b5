/** OffsetForLeaderEpoch: where a leader epoch ends in the leader's log, so that a client finds out what of its own is no more (KIP-101, KIP-320). */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { OffsetForLeaderEpoch } from '../../../protocol/messages/offset-for-leader-epoch.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { Broker } from '../../broker.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { findPartition } from './find-partition.js'

type Wanted = Infer<typeof OffsetForLeaderEpoch.request>['topics'][number]['partitions'][number]
type Result = InferInput<typeof OffsetForLeaderEpoch.response>['topics'][number]['partitions'][number]

export const offsetForLeaderEpoch = handler<
  Services,
  typeof OffsetForLeaderEpoch.request.fields,
  typeof OffsetForLeaderEpoch.response.fields
>(OffsetForLeaderEpoch, {
  versions: [0, 4],
  servedBy: 'partition leader',
  listeners: ['broker'],
  authorize: ({ topics }) => topics.map((each) => ({ operation: 'DESCRIBE', resource: topic(each.topic) })),
  refuse: ({ topics }, errorCode) => ({
    topics: topics.map(({ topic: name, partitions }) => ({
      topic: name,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  }),
  handle: ({ topics }, services, call) => {
    const broker = brokerOf(services)
    call.reply({
      topics: topics.map(({ topic: name, partitions }) => ({
        topic: name,
        partitions: partitions.map((wanted) => endOf(broker, name, wanted)),
      })),
    })
  },
})

function endOf(broker: Broker, name: string, wanted: Wanted): Result {
  const { partition: index, currentLeaderEpoch, leaderEpoch } = wanted
  const failed = (error: ErrorName): Result => ({ partition: index, errorCode: ErrorCode[error] })
  const partition = findPartition(broker, { name, topicId: undefined }, index)
  if (typeof partition === 'string') return failed(partition)
  const error = partition.checkEpoch(currentLeaderEpoch)
  if (error !== undefined) return failed(error)
  const { state, logEndOffset } = partition.log
  const end = state.epochs.endOffsetFor(leaderEpoch, logEndOffset)
  return { partition: index, errorCode: ErrorCode.NONE, ...end }
}
