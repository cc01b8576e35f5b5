/** Producer ids are given to brokers in blocks (KIP-730), so that a broker asks once for many producers. */
import type { Decision } from '../base/decision.js'
import type { MetadataRecord } from '../metadata/records.js'
import { ErrorCode, type ErrorName } from '../protocol/errors.js'
import type { AllocateProducerIds } from '../protocol/messages/allocate-producer-ids.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'

type Request = Infer<typeof AllocateProducerIds.request>
type Reply = InferInput<typeof AllocateProducerIds.response>

/** As many as Kafka gives. */
const BLOCK_SIZE = 1000

export function allocateProducerIds({ image }: DecisionContext, request: Request): Decision<MetadataRecord, Reply> {
  const { brokerId, brokerEpoch } = request
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return refuse('BROKER_ID_NOT_REGISTERED')
  if (broker.brokerEpoch !== brokerEpoch) return refuse('STALE_BROKER_EPOCH')
  const start = image.nextProducerId
  return {
    records: [{ type: 'producerIds', brokerId, brokerEpoch, nextProducerId: start + BLOCK_SIZE }],
    replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, producerIdStart: start, producerIdLen: BLOCK_SIZE }],
  }
}

function refuse(error: ErrorName): Decision<MetadataRecord, Reply> {
  return {
    records: [],
    replies: [{ throttleTimeMs: 0, errorCode: ErrorCode[error], producerIdStart: -1, producerIdLen: 0 }],
  }
}
