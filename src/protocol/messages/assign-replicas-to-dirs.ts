/**
 * AssignReplicasToDirs: a broker tells the controller in which directories its replicas are (KIP-858).
 *
 * lograft: `endOffset` says up to where (exclusive) of the metadata log this was decided, so that who asked can wait until it knows that itself.
 */
import { array, int16, int32, int64, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const AssignReplicasToDirs = message({
  name: 'AssignReplicasToDirs',
  key: 73,
  versions: [0, 0],
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    directories: array(
      struct({
        id: uuid,
        topics: array(
          struct({
            topicId: uuid,
            partitions: array(
              struct({
                partitionIndex: int32,
              }),
            ),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    directories: array(
      struct({
        id: uuid,
        topics: array(
          struct({
            topicId: uuid,
            partitions: array(
              struct({
                partitionIndex: int32,
                errorCode: int16,
              }),
            ),
          }),
        ),
      }),
    ),
    endOffset: int64.default(-1).tag(21000).ignorable(),
  },
})
