/**
 * ApiVersions: what this listener serves, read from the list of handlers, and the feature levels of the cluster.
 *
 * Left out: none of the features has a range that is not supported. Known difference: a v5 client that means another cluster or node (KIP-1242)
 * is told so with REBOOTSTRAP_REQUIRED.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import { ApiVersions } from '../../../protocol/messages/api-versions.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { KRAFT_VERSION } from '../../quorum/batches.js'
import { type Handler, handler, isServedOn } from '../../server/handler.js'
import type { ListenerContext } from '../../server/stages.js'
import { imageOf, type Services } from '../services.js'

type Request = Infer<typeof ApiVersions.request>
type Response = InferInput<typeof ApiVersions.response>

const KRAFT_VERSION_FEATURE = 'kraft.version'

/** `handlers` is asked for when the first request comes: this handler is one of them. */
export function apiVersions(handlers: () => readonly Handler<Services>[]): Handler<Services> {
  return handler<Services, typeof ApiVersions.request.fields, typeof ApiVersions.response.fields>(ApiVersions, {
    versions: [0, 5],
    servedBy: 'any node',
    listeners: ['broker', 'controller'],
    early: () => true,
    authorize: () => [],
    refuse: (_, errorCode) => ({ errorCode, apiKeys: [] }),
    handle: (request, services, call) => {
      const errorCode = check(request, services, call.version)
      if (errorCode !== ErrorCode.NONE) return call.reply({ errorCode, apiKeys: [] })
      call.reply({ errorCode, apiKeys: served(handlers(), call.listener), ...features(services, call.version) })
    },
  })
}

function check(request: Request, { nodeId, clusterId }: Services, version: number): number {
  if (version >= 3 && !(isSoftwareName(request.clientSoftwareName) && isSoftwareName(request.clientSoftwareVersion))) {
    return ErrorCode.INVALID_REQUEST
  }
  const otherCluster = request.clusterId !== null && request.clusterId !== clusterId
  const otherNode = request.nodeId !== -1 && request.nodeId !== nodeId
  return otherCluster || otherNode ? ErrorCode.REBOOTSTRAP_REQUIRED : ErrorCode.NONE
}

/** What KIP-511 allows: it ends up in names of metrics. */
function isSoftwareName(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/.test(text)
}

function served(handlers: readonly Handler<Services>[], listener: ListenerContext): Response['apiKeys'] {
  return handlers
    .filter((each) => each.untold !== true && isServedOn(each, listener))
    .map(({ message, versions: [minVersion, maxVersion] }) => ({ apiKey: message.key, minVersion, maxVersion }))
    .sort((a, b) => a.apiKey - b.apiKey)
}

/** Clients that speak less take a feature that can be off for an error of the node (KAFKA-17011). */
const FEATURES_FROM_0_SINCE = 4

function features(services: Services, version: number): Partial<Response> {
  const image = imageOf(services)
  const told = services.release.features.filter(({ minLevel }) => minLevel > 0 || version >= FEATURES_FROM_0_SINCE)
  const finalized = [...image.features, [KRAFT_VERSION_FEATURE, KRAFT_VERSION] as const]
  return {
    supportedFeatures: [
      ...told.map(({ name, minLevel, maxLevel }) => ({
        name,
        minVersion: minLevel,
        maxVersion: maxLevel,
      })),
      { name: KRAFT_VERSION_FEATURE, minVersion: 1, maxVersion: KRAFT_VERSION },
    ],
    finalizedFeaturesEpoch: image.offset,
    finalizedFeatures: finalized.map(([name, level]) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
  }
}
