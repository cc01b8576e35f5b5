/** Configurations of topics, brokers and groups: read with where each value comes from, and changed key by key (KIP-339). */
import { ErrorCode } from '../../protocol/errors.js'
import { DescribeConfigs } from '../../protocol/messages/describe-configs.js'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.js'
import { ListConfigResources } from '../../protocol/messages/list-config-resources.js'
import type { Infer } from '../../protocol/schema.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient, Target } from '../cluster-client.js'

/** Kafka's numbers for what a configuration belongs to. */
export const RESOURCE_TYPES = { topics: 2, brokers: 4, 'broker-loggers': 8, groups: 32 } as const

const FIRST_WITH_ALL_TYPES = 1

export interface ConfigResource {
  readonly type: keyof typeof RESOURCE_TYPES
  /** A topic, a group, a broker's id; empty: the defaults of all brokers. */
  readonly name: string
}

export type ConfigEntry = Infer<(typeof DescribeConfigs)['response']>['results'][number]['configs'][number]

export interface ConfigChange {
  readonly key: string
  readonly operation: 'set' | 'delete' | 'append' | 'subtract'
  readonly value?: string
}

const OPERATIONS: readonly ConfigChange['operation'][] = ['set', 'delete', 'append', 'subtract']

/** Kafka's numbers for where a value comes from, with its names for them. */
export const CONFIG_SOURCES: Readonly<Record<number, string>> = {
  1: 'DYNAMIC_TOPIC_CONFIG',
  2: 'DYNAMIC_BROKER_CONFIG',
  3: 'DYNAMIC_DEFAULT_BROKER_CONFIG',
  4: 'STATIC_BROKER_CONFIG',
  5: 'DEFAULT_CONFIG',
  6: 'DYNAMIC_BROKER_LOGGER_CONFIG',
  7: 'CLIENT_METRICS_CONFIG',
  8: 'GROUP_CONFIG',
}

/** All of them, by key. */
export async function describeConfigs(client: ClusterClient, resource: ConfigResource): Promise<ConfigEntry[]> {
  const { type, name } = resource
  const body = {
    resources: [{ resourceType: RESOURCE_TYPES[type], resourceName: name, configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: false,
  }
  return client.retrying('describing configurations', async () => {
    const { results } = await client.call(await targetOf(client, resource), DescribeConfigs, body)
    const { errorCode, errorMessage, configs } = results[0]!
    if (errorCode !== ErrorCode.NONE) throw refusal(resource, errorCode, errorMessage)
    return [...configs].sort((a, b) => (a.name < b.name ? -1 : 1))
  })
}

export async function alterConfigs(
  client: ClusterClient,
  resource: ConfigResource,
  changes: readonly ConfigChange[],
): Promise<void> {
  const configs = changes.map(({ key, operation, value }) => ({
    name: key,
    configOperation: OPERATIONS.indexOf(operation),
    value: value ?? null,
  }))
  const resources = [{ resourceType: RESOURCE_TYPES[resource.type], resourceName: resource.name, configs }]
  await client.retrying('changing configurations', async () => {
    const target = await targetOf(client, resource)
    const { responses } = await client.call(target, IncrementalAlterConfigs, { resources, validateOnly: false })
    const { errorCode, errorMessage } = responses[0]!
    if (errorCode !== ErrorCode.NONE) throw refusal(resource, errorCode, errorMessage)
  })
}

/** Groups that have settings of their own, by id; they need not exist. Empty where the brokers are too old to say so. */
export async function configuredGroups(client: ClusterClient): Promise<string[]> {
  const version = (await client.connection('any')).versionOf(ListConfigResources) ?? 0
  if (version < FIRST_WITH_ALL_TYPES) return []
  return client.retrying('listing what has configurations', async () => {
    const body = { resourceTypes: [RESOURCE_TYPES.groups] }
    const { errorCode, configResources } = await client.call('any', ListConfigResources, body)
    if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'groups that have configurations')
    return configResources.map(({ resourceName }) => resourceName)
  })
}

/** A broker answers for itself; all else is the controller's. */
async function targetOf(client: ClusterClient, { type, name }: ConfigResource): Promise<Target> {
  if (type === 'topics' || type === 'groups' || !/^\d+$/.test(name)) return 'controller'
  const nodeId = Number(name)
  if (!client.view.brokers.has(nodeId)) await client.refresh([])
  const { brokers } = client.view
  if (!brokers.has(nodeId)) {
    const known = [...brokers.keys()].sort((a, b) => a - b)
    const sentence = `broker ${name} is not in the cluster at the moment: its brokers are ${known.join(', ')}`
    throw new ClientError('BROKER_NOT_AVAILABLE', sentence)
  }
  return { nodeId }
}

/** A topic that is not there is not waited for: nothing that is asked here makes it. */
function refusal(resource: ConfigResource, code: number, message: string | null): ClientError {
  if (resource.type === 'topics' && code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
    return new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${resource.name} does not exist`)
  }
  return serverError(code, nameOf(resource), message)
}

function nameOf({ type, name }: ConfigResource): string {
  return name === '' ? `the defaults of ${type}` : `${type.slice(0, -1)} ${name}`
}
