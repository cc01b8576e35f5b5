/**
 * Configurations of topics, brokers and groups: what of a request may be set, and the records that make it so. Kafka's two ways: all settings of a resource at
 * once (AlterConfigs), and single ones (IncrementalAlterConfigs, KIP-339).
 *
 * Each resource is taken or refused by itself, as a whole. Not here: log levels, which are a matter of one process.
 */
import type { Decision } from '../base/decision.js'
import { nearest } from '../base/nearest.js'
import { checkNodeSetting, dynamicOf, isNodeSetting } from '../config/dynamic-settings.js'
import type { NodeSettings } from '../config/node-settings.js'
import { nodeSettings } from '../config/node-settings.js'
import { ConfigError, parseSetting, type SettingType, valueText } from '../config/setting.js'
import { checkSingleGroupSettings, isSingleGroupSetting, singleGroupSettings } from '../config/single-group-settings.js'
import { isTopicSetting, resolveTopicSettings, topicSettings } from '../config/topic-settings.js'
import { ALL_BROKERS } from '../metadata/effective-settings.js'
import { configKey, configsOf, type MetadataImage } from '../metadata/image.js'
import {
  type MetadataRecord,
  RESOURCE_TYPE_BROKER,
  RESOURCE_TYPE_GROUP,
  RESOURCE_TYPE_TOPIC,
} from '../metadata/records.js'
import { ELIGIBLE_LEADER_REPLICAS_VERSION } from '../metadata/release.js'
import { ErrorCode, type ErrorName } from '../protocol/errors.js'
import type { AlterConfigs } from '../protocol/messages/alter-configs.js'
import type { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { keepsEligible } from './election-rules.js'
import { MIN_INSYNC } from './eligible-replicas.js'
import { invalidTopicName } from './topic-name.js'

type Request = Infer<typeof AlterConfigs.request>
type IncrementalRequest = Infer<typeof IncrementalAlterConfigs.request>
type Reply = InferInput<typeof AlterConfigs.response>
export type ConfigResult = Reply['responses'][number]

/** Kafka's `AlterConfigOp.OpType`. */
export const SET = 0
export const DELETE = 1
export const APPEND = 2
export const SUBTRACT = 3

/** What one request may write: a decision is one batch, and a batch is bounded. */
const MAX_RECORDS_PER_REQUEST = 10_000
/** As in Kafka: a value is stored as a string of the protocol. */
const LONGEST_VALUE = 0x7fff
/** Groups that have settings of their own; they need not exist, and what is set stays until it is taken back. */
const MAX_GROUPS_WITH_SETTINGS = 10_000

export interface ConfigResource {
  readonly resourceType: number
  readonly resourceName: string
}

interface Change {
  readonly name: string
  readonly value: string | null
  /** Absent: SET. */
  readonly configOperation?: number
}

export interface ChangedResource extends ConfigResource {
  readonly configs: readonly Change[]
}

/** Why a resource of a request is refused. */
export class ConfigRefusal extends Error {
  override readonly name = 'ConfigRefusal'
  readonly error: ErrorName

  constructor(error: ErrorName, message: string) {
    super(message)
    this.error = error
  }
}

export function alterConfigs(context: DecisionContext, request: Request): Decision<MetadataRecord, Reply> {
  return alter(context, request, (resource, current) => {
    const wanted = new Map(resource.configs.map(({ name, value }) => [name, value!]))
    const gone = [...current.keys()].filter((key) => !wanted.has(key))
    return new Map<string, string | undefined>([...wanted, ...gone.map((key) => [key, undefined] as const)])
  })
}

export function incrementalAlterConfigs(
  context: DecisionContext,
  request: IncrementalRequest,
): Decision<MetadataRecord, Reply> {
  return alter(
    context,
    request,
    (resource, current) =>
      new Map(resource.configs.map((change) => [change.name, changed(context, resource, current, change)])),
  )
}

/** What is wrong with resources whatever they are: those that are named twice, keys that are named twice, values that are missing. */
export function malformedResources<Resource extends ChangedResource>(
  resources: readonly Resource[],
): Map<Resource, ConfigRefusal> {
  const malformed = new Map<Resource, ConfigRefusal>()
  const named = new Map<string, Resource>()
  for (const resource of resources) {
    const key = `${resource.resourceType}/${resource.resourceName}`
    const before = named.get(key)
    named.set(key, resource)
    if (before === undefined) continue
    const refusal = new ConfigRefusal('INVALID_REQUEST', 'each resource may be named once in a request')
    malformed.set(before, refusal).set(resource, refusal)
  }
  for (const resource of resources) {
    const { configs } = resource
    if (malformed.has(resource)) continue
    if (new Set(configs.map(({ name }) => name)).size < configs.length) {
      malformed.set(resource, new ConfigRefusal('INVALID_REQUEST', 'each key may be named once for a resource'))
      continue
    }
    const empty = configs.filter(({ value, configOperation }) => value === null && configOperation !== DELETE)
    if (empty.length > 0) {
      const keys = empty.map(({ name }) => name).join(', ')
      malformed.set(resource, new ConfigRefusal('INVALID_REQUEST', `there must be a value for ${keys}`))
    }
  }
  return malformed
}

export function configResult(
  { resourceType, resourceName }: ConfigResource,
  refusal: ConfigRefusal | undefined,
): ConfigResult {
  return {
    errorCode: ErrorCode[refusal?.error ?? 'NONE'],
    errorMessage: refusal?.message ?? null,
    resourceType,
    resourceName,
  }
}

/** `settle` says what is to stand under which keys; undefined: nothing. */
function alter<Resource extends ChangedResource>(
  context: DecisionContext,
  { resources, validateOnly }: { readonly resources: readonly Resource[]; readonly validateOnly: boolean },
  settle: (resource: Resource, current: ReadonlyMap<string, string>) => ReadonlyMap<string, string | undefined>,
): Decision<MetadataRecord, Reply> {
  const malformed = malformedResources(resources)
  const records: MetadataRecord[] = []
  const responses = resources.map((resource) => {
    let refusal = malformed.get(resource)
    try {
      if (refusal === undefined) records.push(...recordsFor(context, resource, settle, records.length))
    } catch (error) {
      if (!(error instanceof ConfigRefusal)) throw error
      refusal = error
    }
    return configResult(resource, refusal)
  })
  return { records: validateOnly ? [] : records, replies: [{ throttleTimeMs: 0, responses }] }
}

function recordsFor<Resource extends ChangedResource>(
  { image, settings }: DecisionContext,
  resource: Resource,
  settle: (resource: Resource, current: ReadonlyMap<string, string>) => ReadonlyMap<string, string | undefined>,
  recordsBefore: number,
): MetadataRecord[] {
  const { resourceType, resourceName } = resource
  checkResource(image, resource)
  const current = configsOf(image, resourceType, resourceName)
  const records: MetadataRecord[] = []
  for (const [name, value] of settle(resource, current)) {
    if (value !== undefined) checkValue(resource, name, value)
    if (value === current.get(name)) continue
    if (keepsEligible(image)) checkOneForAll(resource, name, value)
    records.push({ type: 'config', resourceType, resourceName, name, ...(value === undefined ? {} : { value }) })
  }
  if (resourceType === RESOURCE_TYPE_GROUP && records.length > 0) checkGroup(settings, image, resourceName, records)
  if (recordsBefore + records.length > MAX_RECORDS_PER_REQUEST) {
    throw new ConfigRefusal('POLICY_VIOLATION', 'the request changes too many settings: change fewer at a time')
  }
  return records
}

function checkResource(image: MetadataImage, { resourceType, resourceName }: ConfigResource): void {
  if (resourceType === RESOURCE_TYPE_TOPIC) {
    const badName = invalidTopicName(resourceName)
    if (badName !== undefined) throw new ConfigRefusal('INVALID_TOPIC_EXCEPTION', badName)
    if (!image.topicsByName.has(resourceName)) {
      throw new ConfigRefusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${resourceName}`)
    }
  } else if (resourceType === RESOURCE_TYPE_BROKER) {
    if (resourceName === ALL_BROKERS) return
    const brokerId = brokerIdOf(resourceName)
    if (!image.brokers.has(brokerId)) {
      throw new ConfigRefusal('BROKER_ID_NOT_REGISTERED', `no broker ${brokerId} is registered`)
    }
  } else if (resourceType === RESOURCE_TYPE_GROUP) {
    if (resourceName === '') throw new ConfigRefusal('INVALID_REQUEST', 'a group has a name: none stands for all')
  } else {
    throw new ConfigRefusal(
      'INVALID_REQUEST',
      `resources of type ${resourceType} have no settings that could be set here`,
    )
  }
}

/** What its settings are with these records. Throws `ConfigRefusal`. */
function checkGroup(
  settings: NodeSettings,
  image: MetadataImage,
  groupId: string,
  records: readonly MetadataRecord[],
): void {
  const after = new Map(configsOf(image, RESOURCE_TYPE_GROUP, groupId))
  if (after.size === 0) {
    let groups = 0
    for (const key of image.configs.keys()) if (key.startsWith(configKey(RESOURCE_TYPE_GROUP, ''))) groups++
    if (groups >= MAX_GROUPS_WITH_SETTINGS) {
      const sentence = `${groups} groups have settings of their own, and more may not: take back what is not needed`
      throw new ConfigRefusal('POLICY_VIOLATION', sentence)
    }
  }
  for (const record of records) {
    if (record.type !== 'config') continue
    if (record.value === undefined) after.delete(record.name)
    else after.set(record.name, record.value)
  }
  try {
    checkSingleGroupSettings(settings, after)
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigRefusal('INVALID_CONFIG', error.message)
    throw error
  }
}

/** Throws `ConfigRefusal`. */
export function brokerIdOf(resourceName: string): number {
  if (!/^(0|[1-9]\d{0,9})$/.test(resourceName)) {
    throw new ConfigRefusal('INVALID_REQUEST', `a broker is named by its id, not by "${resourceName}"`)
  }
  return Number(resourceName)
}

function checkValue({ resourceType, resourceName }: ConfigResource, name: string, value: string): void {
  if (value.length > LONGEST_VALUE) {
    throw new ConfigRefusal('INVALID_CONFIG', `the value of ${name} has more than ${LONGEST_VALUE} characters`)
  }
  try {
    if (resourceType === RESOURCE_TYPE_TOPIC) {
      if (!isTopicSetting(name)) throw unknownKey(name, 'topics', Object.keys(topicSettings))
      parseSetting<unknown>(topicSettings[name], name, value)
      return
    }
    if (resourceType === RESOURCE_TYPE_GROUP) {
      if (!isSingleGroupSetting(name)) throw unknownKey(name, 'groups', Object.keys(singleGroupSettings))
      parseSetting<unknown>(singleGroupSettings[name], name, value)
      return
    }
    if (!isNodeSetting(name)) throw unknownKey(name, 'brokers', Object.keys(nodeSettings))
    checkNodeSetting(name, value)
    const dynamic = dynamicOf(name)
    if (dynamic === 'read-only') {
      throw new ConfigRefusal('INVALID_REQUEST', `${name} cannot be changed while the broker runs`)
    }
    if (dynamic === 'per-broker' && resourceName === ALL_BROKERS) {
      throw new ConfigRefusal('INVALID_REQUEST', `${name} can only be set for one broker, by its id`)
    }
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigRefusal('INVALID_CONFIG', error.message)
    throw error
  }
}

/** Leaders have to count by one number for those who are eligible to have all that was committed. */
function checkOneForAll({ resourceType, resourceName }: ConfigResource, name: string, value: string | undefined): void {
  if (resourceType !== RESOURCE_TYPE_BROKER || name !== MIN_INSYNC) return
  if (resourceName === ALL_BROKERS ? value !== undefined : value === undefined) return
  const sentence = `as long as ${ELIGIBLE_LEADER_REPLICAS_VERSION} is on, ${MIN_INSYNC} is set for all brokers or for a topic`
  throw new ConfigRefusal('INVALID_CONFIG', sentence)
}

function unknownKey(name: string, of: string, known: readonly string[]): ConfigRefusal {
  const meant = nearest(name, known)
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return new ConfigRefusal('INVALID_CONFIG', `${name} is not a setting of ${of} that is known here${hint}`)
}

/** What a single change makes of a key. */
function changed(
  context: DecisionContext,
  resource: ConfigResource,
  current: ReadonlyMap<string, string>,
  { name, value, configOperation = SET }: Change,
): string | undefined {
  switch (configOperation) {
    case SET:
      return value!
    case DELETE:
      return undefined
    case APPEND:
    case SUBTRACT: {
      const verb = configOperation === APPEND ? 'appended to' : 'subtracted from'
      const type = typeOf(resource, name)
      if (type !== undefined && type !== 'list') {
        throw new ConfigRefusal('INVALID_CONFIG', `nothing can be ${verb} ${name}: it is not a list`)
      }
      const items = itemsOf(current.get(name) ?? heldNow(context, resource, name))
      const given = itemsOf(value!)
      const left =
        configOperation === APPEND
          ? [...items, ...given.filter((item) => !items.includes(item))]
          : items.filter((item) => !given.includes(item))
      return left.join(',')
    }
    default:
      throw new ConfigRefusal('INVALID_REQUEST', `there is no operation ${configOperation} on settings`)
  }
}

/** Undefined: the key is not known. */
function typeOf({ resourceType }: ConfigResource, name: string): SettingType | undefined {
  if (resourceType === RESOURCE_TYPE_TOPIC) return isTopicSetting(name) ? topicSettings[name].type : undefined
  if (resourceType === RESOURCE_TYPE_GROUP) {
    return isSingleGroupSetting(name) ? singleGroupSettings[name].type : undefined
  }
  return isNodeSetting(name) ? nodeSettings[name].type : undefined
}

/** The value of a key that the resource itself does not set. */
function heldNow({ settings }: DecisionContext, { resourceType }: ConfigResource, name: string): string {
  let value: unknown
  if (resourceType === RESOURCE_TYPE_TOPIC) {
    if (isTopicSetting(name)) value = resolveTopicSettings(settings, new Map())[name]
  } else if (resourceType === RESOURCE_TYPE_BROKER && isNodeSetting(name)) value = settings[name]
  return value === undefined ? '' : valueText(value)
}

function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
