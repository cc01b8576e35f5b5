/**
 * ListConfigResources: what has settings, by type (KIP-1142); v0 asks for client metrics alone.
 *
 * Left out: client metrics have no settings yet, so that there are none of them.
 */
import { configKey } from '../../../metadata/image.js'
import {
  RESOURCE_TYPE_BROKER,
  RESOURCE_TYPE_BROKER_LOGGER,
  RESOURCE_TYPE_CLIENT_METRICS,
  RESOURCE_TYPE_GROUP,
  RESOURCE_TYPE_TOPIC,
} from '../../../metadata/records.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { ListConfigResources } from '../../../protocol/messages/list-config-resources.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { imageOf, type Services } from '../services.js'

const ANY_TYPE_SINCE = 1
const TYPES: readonly number[] = [
  RESOURCE_TYPE_TOPIC,
  RESOURCE_TYPE_BROKER,
  RESOURCE_TYPE_BROKER_LOGGER,
  RESOURCE_TYPE_CLIENT_METRICS,
  RESOURCE_TYPE_GROUP,
]

export const listConfigResources = handler<
  Services,
  typeof ListConfigResources.request.fields,
  typeof ListConfigResources.response.fields
>(ListConfigResources, {
  versions: [0, 1],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: () => [{ operation: 'DESCRIBE_CONFIGS', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, configResources: [] }),
  handle: ({ resourceTypes }, services, call) => {
    const all = call.version < ANY_TYPE_SINCE ? [RESOURCE_TYPE_CLIENT_METRICS] : TYPES
    const wanted = resourceTypes.length === 0 ? all : resourceTypes
    if (wanted.some((type) => !all.includes(type))) {
      return call.reply({ throttleTimeMs: 0, errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] })
    }
    const { topicsByName, brokers, configs } = imageOf(services)
    const namesOf = (type: number): string[] => {
      if (type === RESOURCE_TYPE_TOPIC) return [...topicsByName.keys()]
      if (type === RESOURCE_TYPE_GROUP) {
        const prefix = configKey(RESOURCE_TYPE_GROUP, '')
        return [...configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
      }
      if (type !== RESOURCE_TYPE_BROKER && type !== RESOURCE_TYPE_BROKER_LOGGER) return []
      return [...brokers.values()].filter(({ fenced }) => !fenced).map(({ brokerId }) => String(brokerId))
    }
    const configResources = [...new Set(wanted)].flatMap((resourceType) =>
      namesOf(resourceType).map((resourceName) => ({ resourceName, resourceType })),
    )
    call.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, configResources })
  },
})
