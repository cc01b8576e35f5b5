/** DescribeProducers: the producers that the leader of a partition remembers (KIP-664). */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { DescribeProducers } from '../../../protocol/messages/describe-producers.js'
import type { InferInput } from '../../../protocol/schema.js'
import type { Broker } from '../../broker.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { findPartition } from './find-partition.js'

type Result = InferInput<typeof DescribeProducers.response>['topics'][number]['partitions'][number]

export const describeProducers = handler<
  Services,
  typeof DescribeProducers.request.fields,
  typeof DescribeProducers.response.fields
>(DescribeProducers, {
  versions: [0, 0],
  servedBy: 'partition leader',
  listeners: ['broker'],
  authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'READ', resource: topic(name) })),
  refuse: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode, activeProducers: [] })),
    })),
  }),
  handle: ({ topics }, services, call) => {
    const broker = brokerOf(services)
    call.reply({
      throttleTimeMs: 0,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => producersOf(broker, name, index)),
      })),
    })
  },
})

function producersOf(broker: Broker, name: string, partitionIndex: number): Result {
  const partition = findPartition(broker, { name, topicId: undefined }, partitionIndex)
  const error: ErrorName | undefined = typeof partition === 'string' ? partition : partition.checkEpoch(-1)
  if (typeof partition === 'string' || error !== undefined) {
    return { partitionIndex, errorCode: ErrorCode[error!], activeProducers: [] }
  }
  const activeProducers = [...partition.log.state.producers.entries()].map((entry) => ({
    producerId: entry.producerId,
    producerEpoch: entry.producerEpoch,
    lastSequence: entry.lastSequence,
    lastTimestamp: entry.lastTimestamp,
    coordinatorEpoch: entry.coordinatorEpoch,
    currentTxnStartOffset: entry.transactionFirstOffset ?? -1,
  }))
  return { partitionIndex, errorCode: ErrorCode.NONE, activeProducers }
}
