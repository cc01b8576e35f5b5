/**
 * ApiVersions: what a server serves, and as which features (KIP-35, KIP-511, KIP-584).
 *
 * v1 throttle time; v3 flexible, client software and features; v4 minimum level 0 of a feature; v5 the cluster and node that the client means to talk to
 * (KIP-1242). The response header never becomes flexible: a client that does not know the server cannot know which header to expect.
 * A request of an unknown version is answered in v0.
 */
import { array, bool, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const ApiVersions = message({
  name: 'ApiVersions',
  key: 18,
  versions: [0, 5],
  flexible: 3,
  plainResponseHeader: true,
  request: {
    clientSoftwareName: string.since(3).ignorable(),
    clientSoftwareVersion: string.since(3).ignorable(),
    clusterId: string.nullable().default(null).since(5).ignorable(),
    nodeId: int32.default(-1).since(5).ignorable(),
  },
  response: {
    errorCode: int16,
    apiKeys: array(
      struct({
        apiKey: int16,
        minVersion: int16,
        maxVersion: int16,
      }),
    ),
    throttleTimeMs: int32.since(1).ignorable(),
    supportedFeatures: array(
      struct({
        name: string,
        minVersion: int16,
        maxVersion: int16,
      }),
    )
      .tag(0)
      .since(3)
      .ignorable(),
    finalizedFeaturesEpoch: int64.default(-1).tag(1).since(3).ignorable(),
    finalizedFeatures: array(
      struct({
        name: string,
        maxVersionLevel: int16,
        minVersionLevel: int16,
      }),
    )
      .tag(2)
      .since(3)
      .ignorable(),
    zkMigrationReady: bool.tag(3).since(3).ignorable(),
  },
})
