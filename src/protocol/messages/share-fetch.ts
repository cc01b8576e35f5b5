/**
 * ShareFetch: records of share partitions for a member alone, until it has acknowledged them or their time is up (KIP-932).
 *
 * v0 was only for early access; v2 how many records are acquired, and locks that are renewed.
 */
import { array, bool, int8, int16, int32, int64, records, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const ShareFetch = message({
  name: 'ShareFetch',
  key: 78,
  versions: [1, 2],
  flexible: 0,
  request: {
    groupId: string.nullable().default(null),
    memberId: string.nullable(),
    shareSessionEpoch: int32,
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.default(2147483647),
    maxRecords: int32,
    batchSize: int32,
    shareAcquireMode: int8.since(2).ignorable(),
    isRenewAck: bool.since(2),
    topics: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partitionIndex: int32,
            acknowledgementBatches: array(
              struct({
                firstOffset: int64,
                lastOffset: int64,
                acknowledgeTypes: array(int8),
              }),
            ),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({
        topicId: uuid,
        partitions: array(int32),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    acquisitionLockTimeoutMs: int32,
    responses: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: string.nullable().default(null),
            acknowledgeErrorCode: int16,
            acknowledgeErrorMessage: string.nullable().default(null),
            currentLeader: struct({
              leaderId: int32,
              leaderEpoch: int32,
            }),
            records,
            acquiredRecords: array(
              struct({
                firstOffset: int64,
                lastOffset: int64,
                deliveryCount: int16,
              }),
            ),
          }),
        ),
      }),
    ),
    nodeEndpoints: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: string.nullable().default(null),
      }),
    ),
  },
})
