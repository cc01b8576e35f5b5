/**
 * What the members of classic groups tell each other through JoinGroup and SyncGroup, where the protocol type is `consumer`. It is preceded by an
 * int16 that is its version; brokers pass it on as bytes.
 */
import { array, bytes, int32, string, struct } from '../../field.js'
import { Schema } from '../../schema.js'

/** What a member wants. v1 the partitions that it has (KIP-429); v2 in which generation it got them; v3 its rack (KIP-881). */
export const ConsumerProtocolSubscription = new Schema({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  flexible: 'never',
  fields: {
    topics: array(string),
    userData: bytes.nullable().default(null),
    ownedPartitions: array(
      struct({
        topic: string,
        partitions: array(int32),
      }),
    )
      .since(1)
      .ignorable(),
    generationId: int32.default(-1).since(2).ignorable(),
    rackId: string.nullable().default(null).since(3).ignorable(),
  },
})

/** What a member gets. */
export const ConsumerProtocolAssignment = new Schema({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  flexible: 'never',
  fields: {
    assignedPartitions: array(
      struct({
        topic: string,
        partitions: array(int32),
      }),
    ),
    userData: bytes.nullable().default(null),
  },
})
