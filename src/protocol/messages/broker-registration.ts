/**
 * BrokerRegistration: a broker makes itself known to the controller and gets its epoch (KIP-631).
 *
 * v1 migration from ZooKeeper; v2 log directories (KIP-858); v3 the epoch of before (KIP-966); v4 features with minimum level 0.
 *
 * lograft: `endOffset` says up to where (exclusive) of the metadata log this was decided, so that who asked can wait until it knows that itself.
 */
import { array, bool, int16, int32, int64, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const BrokerRegistration = message({
  name: 'BrokerRegistration',
  key: 62,
  versions: [0, 4],
  flexible: 0,
  request: {
    brokerId: int32,
    clusterId: string,
    incarnationId: uuid,
    listeners: array(
      struct({
        name: string,
        host: string,
        port: uint16,
        securityProtocol: int16,
      }),
    ),
    features: array(
      struct({
        name: string,
        minSupportedVersion: int16,
        maxSupportedVersion: int16,
      }),
    ),
    rack: string.nullable(),
    isMigratingZkBroker: bool.since(1),
    logDirs: array(uuid).since(2).ignorable(),
    previousBrokerEpoch: int64.default(-1).since(3).ignorable(),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    brokerEpoch: int64.default(-1),
    endOffset: int64.default(-1).tag(21000).ignorable(),
  },
})
