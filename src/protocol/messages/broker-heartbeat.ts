/**
 * BrokerHeartbeat: a broker says that it is alive, how far it knows the metadata, and what it wants to be (KIP-631).
 *
 * v1 offline log directories (KIP-858); v2 cordoned ones (KIP-1066).
 *
 * lograft: `endOffset` says up to where (exclusive) of the metadata log this was decided, so that who asked can wait until it knows that itself.
 */
import { array, bool, int16, int32, int64, uuid } from '../field.js'
import { message } from '../schema.js'

export const BrokerHeartbeat = message({
  name: 'BrokerHeartbeat',
  key: 63,
  versions: [0, 2],
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    currentMetadataOffset: int64,
    wantFence: bool,
    wantShutDown: bool,
    offlineLogDirs: array(uuid).tag(0).since(1),
    cordonedLogDirs: array(uuid).nullable().default(null).tag(1).since(2),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    isCaughtUp: bool,
    isFenced: bool.default(true),
    shouldShutDown: bool,
    endOffset: int64.default(-1).tag(21000).ignorable(),
  },
})
