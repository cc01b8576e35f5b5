/** DescribeConfigs: settings of topics, of groups, of this broker, of all brokers, and the levels of its loggers, from what this broker has applied. */
import { ConfigRefusal } from '../../../controller/configs.js'
import { invalidTopicName } from '../../../controller/topic-name.js'
import { LOGGERS } from '../../../io/logger.js'
import {
  type ConfigEntry,
  type ConfigSources,
  describeBrokerConfigs,
  describeClusterConfigs,
  describeGroupConfigs,
  describeLogger,
  describeTopicConfigs,
} from '../../../metadata/config-descriptions.js'
import { ALL_BROKERS, dynamicConfigs } from '../../../metadata/effective-settings.js'
import { configsOf } from '../../../metadata/image.js'
import {
  RESOURCE_TYPE_BROKER,
  RESOURCE_TYPE_BROKER_LOGGER,
  RESOURCE_TYPE_GROUP,
  RESOURCE_TYPE_TOPIC,
} from '../../../metadata/records.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeConfigs } from '../../../protocol/messages/describe-configs.js'
import type { Infer } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { brokerOf, type Services } from '../services.js'
import { checkIsThisBroker, configured } from './alter-configs.js'

type Request = Infer<typeof DescribeConfigs.request>
type Resource = Request['resources'][number]

export const describeConfigs = handler<
  Services,
  typeof DescribeConfigs.request.fields,
  typeof DescribeConfigs.response.fields
>(DescribeConfigs, {
  versions: [0, 4],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: ({ resources }) =>
    resources.map(({ resourceType, resourceName }) => ({
      operation: 'DESCRIBE_CONFIGS',
      resource: configured(resourceType, resourceName),
    })),
  refuse: ({ resources }, errorCode) => ({
    throttleTimeMs: 0,
    results: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
  handle: (request, services, call) => {
    const results = request.resources.map((resource) => {
      const { resourceType, resourceName, configurationKeys } = resource
      const about = { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName }
      try {
        const all = describe(resource, request, services, call.version)
        if (configurationKeys === null || configurationKeys.length === 0) return { ...about, configs: all }
        const wanted = new Set(configurationKeys)
        return { ...about, configs: all.filter(({ name }) => wanted.has(name)) }
      } catch (error) {
        if (!(error instanceof ConfigRefusal)) throw error
        return { ...about, errorCode: ErrorCode[error.error], errorMessage: error.message, configs: [] }
      }
    })
    call.reply({ throttleTimeMs: 0, results })
  },
})

/** Throws `ConfigRefusal`. */
function describe(
  { resourceType, resourceName }: Resource,
  request: Request,
  services: Services,
  version: number,
): ConfigEntry[] {
  const options = {
    synonyms: request.includeSynonyms,
    documentation: request.includeDocumentation,
    isDefault: version === 0,
  }
  switch (resourceType) {
    case RESOURCE_TYPE_TOPIC: {
      const { image } = brokerOf(services)
      const badName = invalidTopicName(resourceName)
      if (badName !== undefined) throw new ConfigRefusal('INVALID_TOPIC_EXCEPTION', badName)
      if (!image.topicsByName.has(resourceName)) {
        throw new ConfigRefusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${resourceName}`)
      }
      return describeTopicConfigs(sourcesOf(services), configsOf(image, RESOURCE_TYPE_TOPIC, resourceName), options)
    }
    case RESOURCE_TYPE_GROUP: {
      if (resourceName === '') throw new ConfigRefusal('INVALID_REQUEST', 'a group has a name: none stands for all')
      const { image } = brokerOf(services)
      return describeGroupConfigs(sourcesOf(services), configsOf(image, RESOURCE_TYPE_GROUP, resourceName), options)
    }
    case RESOURCE_TYPE_BROKER:
      if (resourceName === ALL_BROKERS) return describeClusterConfigs(sourcesOf(services), options)
      checkIsThisBroker(services, resourceName)
      return describeBrokerConfigs(sourcesOf(services), options)
    case RESOURCE_TYPE_BROKER_LOGGER:
      checkIsThisBroker(services, resourceName)
      return LOGGERS.map((name) => describeLogger(name, services.logLevels.levelOf(name)))
    default:
      throw new ConfigRefusal('INVALID_REQUEST', `resources of type ${resourceType} have no settings here`)
  }
}

function sourcesOf(services: Services): ConfigSources {
  const { image, settings, nodeId } = brokerOf(services)
  return { settings, started: services.started, ...dynamicConfigs(image, nodeId) }
}
