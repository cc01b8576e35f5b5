/**
 * Produce: record batches to append. With acks 0 there is no response.
 *
 * v1 throttle time; v2 append time; v3 batches of magic 2 and transactional ids (KIP-98); v5 log start offset; v7 zstd; v8 errors of single records
 * (KIP-467); v9 flexible; v10 the current leader in errors (KIP-951); v12 partitions join a transaction by themselves (KIP-890); v13 topic ids
 * (KIP-516).
 */
import { array, int16, int32, int64, records, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const Produce = message({
  name: 'Produce',
  key: 0,
  versions: [0, 13],
  flexible: 9,
  request: {
    transactionalId: string.nullable().default(null).since(3),
    acks: int16,
    timeoutMs: int32,
    topicData: array(
      struct({
        name: string.until(12).ignorable(),
        topicId: uuid.since(13).ignorable(),
        partitionData: array(
          struct({
            index: int32,
            records: records.nullable(),
          }),
        ),
      }),
    ),
  },
  response: {
    responses: array(
      struct({
        name: string.until(12).ignorable(),
        topicId: uuid.since(13).ignorable(),
        partitionResponses: array(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTimeMs: int64.default(-1).since(2).ignorable(),
            logStartOffset: int64.default(-1).since(5).ignorable(),
            recordErrors: array(
              struct({
                batchIndex: int32,
                batchIndexErrorMessage: string.nullable().default(null),
              }),
            )
              .since(8)
              .ignorable(),
            errorMessage: string.nullable().default(null).since(8).ignorable(),
            currentLeader: struct({
              leaderId: int32.default(-1),
              leaderEpoch: int32.default(-1),
            })
              .tag(0)
              .since(10),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32.since(1).ignorable(),
    nodeEndpoints: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: string.nullable().default(null),
      }),
    )
      .tag(0)
      .since(10),
  },
})
