/**
 * Classic groups in `__consumer_offsets`: type 2 of the keys, see `offset-commits.ts` for what precedes them.
 */
import { array, bytes, int32, int64, string, struct } from '../../field.js'
import { Schema } from '../../schema.js'

export const GroupMetadataKey = new Schema({
  name: 'GroupMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    group: string,
  },
})

/** v1 rebalance timeouts; v2 since when it is in its state; v3 static members (KIP-345); v4 flexible. */
export const GroupMetadataValue = new Schema({
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    protocolType: string,
    generation: int32,
    protocol: string.nullable(),
    leader: string.nullable(),
    currentStateTimestamp: int64.default(-1).since(2).ignorable(),
    members: array(
      struct({
        memberId: string,
        groupInstanceId: string.nullable().default(null).since(3).ignorable(),
        clientId: string,
        clientHost: string,
        rebalanceTimeout: int32.default(-1).since(1).ignorable(),
        sessionTimeout: int32,
        subscription: bytes,
        assignment: bytes,
      }),
    ),
  },
})
