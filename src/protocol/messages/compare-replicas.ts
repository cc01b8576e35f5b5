/**
 * CompareReplicas: lograft's own: what the leader of a partition and its followers tell each other to see whether their logs are the same, and what is to be done
 * where they are not.
 *
 * `action`: 0: the leader asks a follower for the digest of the batches in [fromOffset, upToOffset), all of which are committed. 1: it tells a follower, who is
 * out of sync, that what that has from `fromOffset` on is to be fetched again; once for each `number`, however often it says so. 2: a follower asks its leader for that to happen.
 */
import { int8, int16, int32, int64, string, uuid } from '../field.js'
import { message } from '../schema.js'

export const CompareReplicas = message({
  name: 'CompareReplicas',
  key: 20001,
  versions: [0, 0],
  flexible: 0,
  request: {
    /** Who asks. */
    brokerId: int32,
    topicId: uuid,
    partition: int32,
    leaderEpoch: int32,
    action: int8,
    fromOffset: int64,
    upToOffset: int64.default(-1),
    number: int32.default(0),
  },
  response: {
    errorCode: int16,
    /** Null: it cannot tell. */
    digest: string.nullable().default(null),
  },
})
