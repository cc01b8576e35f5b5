/**
 * TxnOffsetCommit: offsets of a group, committed if the transaction is (KIP-98).
 *
 * v2 leader epochs (KIP-320); v3 flexible, member and generation (KIP-447); v4 an error that allows to abort; v5 the group joins the transaction by
 * itself (KIP-890); v6 topic ids.
 */
import { array, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const TxnOffsetCommit = message({
  name: 'TxnOffsetCommit',
  key: 28,
  versions: [0, 6],
  flexible: 3,
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationIdOrMemberEpoch: int32.default(-1).since(3),
    memberId: string.since(3),
    groupInstanceId: string.nullable().default(null).since(3),
    topics: array(
      struct({
        name: string.until(5).ignorable(),
        topicId: uuid.since(6).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: int32.default(-1).since(2).ignorable(),
            committedMetadata: string.nullable(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string.until(5).ignorable(),
        topicId: uuid.since(6).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
})
