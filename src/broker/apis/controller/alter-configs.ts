/**
 * AlterConfigs and IncrementalAlterConfigs: settings of topics, brokers and groups, decided by the controller and answered when this broker has taken them up
 * itself; log levels, changed here and at once.
 */
import {
  brokerIdOf,
  type ChangedResource,
  ConfigRefusal,
  type ConfigResult,
  configResult,
  malformedResources,
} from '../../../controller/configs.js'
import { ALL_BROKERS } from '../../../metadata/effective-settings.js'
import {
  RESOURCE_TYPE_BROKER,
  RESOURCE_TYPE_BROKER_LOGGER,
  RESOURCE_TYPE_GROUP,
  RESOURCE_TYPE_TOPIC,
} from '../../../metadata/records.js'
import { AlterConfigs } from '../../../protocol/messages/alter-configs.js'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.js'
import { changeLogLevels } from '../../log-level-changes.js'
import { type Call, handler } from '../../server/handler.js'
import { CLUSTER, group, type Need, type Resource, topic } from '../../server/stages.js'
import type { Services } from '../services.js'
import { isForThisController, passOn } from './pass-on.js'

/** Neither request says how long it may take. */
const TIMEOUT_MS = 30_000

interface Request<Resource extends ChangedResource> {
  readonly resources: readonly Resource[]
  readonly validateOnly: boolean
}
interface Reply {
  readonly throttleTimeMs: number
  readonly responses: readonly ConfigResult[]
}
type Done = (reply: Pick<Reply, 'responses'> | undefined, errorCode: number) => void

export const alterConfigs = handler<Services, typeof AlterConfigs.request.fields, typeof AlterConfigs.response.fields>(
  AlterConfigs,
  {
    versions: [0, 2],
    servedBy: 'controller',
    listeners: ['broker', 'controller'],
    authorize: needs,
    refuse: ({ resources }, errorCode) => failed(resources, errorCode),
    handle: (request, services, call) =>
      settle(
        request,
        services,
        call,
        () => {
          throw new ConfigRefusal('INVALID_REQUEST', 'log levels are changed with IncrementalAlterConfigs')
        },
        (resources, done) => {
          const left = { ...request, resources }
          passOn(services, 'AlterConfigs', left, TIMEOUT_MS, call, done)
        },
      ),
  },
)

export const incrementalAlterConfigs = handler<
  Services,
  typeof IncrementalAlterConfigs.request.fields,
  typeof IncrementalAlterConfigs.response.fields
>(IncrementalAlterConfigs, {
  versions: [0, 1],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: needs,
  refuse: ({ resources }, errorCode) => failed(resources, errorCode),
  handle: (request, services, call) =>
    settle(
      request,
      services,
      call,
      (resource) => changeLogLevels(services.logLevels, resource, request.validateOnly),
      (resources, done) => {
        const left = { ...request, resources }
        passOn(services, 'IncrementalAlterConfigs', left, TIMEOUT_MS, call, done)
      },
    ),
})

/** For DescribeConfigs and changes alike a broker speaks for itself alone. Throws `ConfigRefusal`. */
export function checkIsThisBroker({ nodeId }: Services, resourceName: string): void {
  if (brokerIdOf(resourceName) !== nodeId) {
    throw new ConfigRefusal(
      'INVALID_REQUEST',
      `this is broker ${nodeId}: what is meant for ${resourceName} must be sent there`,
    )
  }
}

/** `decide` has the rest decided by the controller. */
function settle<Resource extends ChangedResource>(
  request: Request<Resource>,
  services: Services,
  call: Call<Reply>,
  changeLoggers: (resource: Resource) => void,
  decide: (resources: readonly Resource[], done: Done) => void,
): void {
  const here = settledHere(request, services, call, changeLoggers)
  const left = request.resources.filter((resource) => !here.has(resource))
  if (left.length === 0) return answer(request, here, [], call)
  decide(left, (reply, errorCode) => answer(request, here, (reply ?? failed(left, errorCode)).responses, call))
}

/** What need not be decided by the controller, or must not come to it; undefined: it was done. A controller takes what is meant for any broker. */
function settledHere<Resource extends ChangedResource>(
  { resources }: Request<Resource>,
  services: Services,
  call: Call<Reply>,
  changeLoggers: (resource: Resource) => void,
): Map<Resource, ConfigRefusal | undefined> {
  const settled = new Map<Resource, ConfigRefusal | undefined>(malformedResources(resources))
  for (const resource of resources) {
    const { resourceType, resourceName } = resource
    if (settled.has(resource)) continue
    try {
      if (resourceType === RESOURCE_TYPE_BROKER_LOGGER) {
        checkIsThisBroker(services, resourceName)
        changeLoggers(resource)
        settled.set(resource, undefined)
      } else if (resourceType === RESOURCE_TYPE_BROKER && resourceName !== ALL_BROKERS && !isForThisController(call)) {
        checkIsThisBroker(services, resourceName)
      }
    } catch (error) {
      if (!(error instanceof ConfigRefusal)) throw error
      settled.set(resource, error)
    }
  }
  return settled
}

/** In the order of the request. `decided` has what was not settled here, in that order too. */
function answer<Resource extends ChangedResource>(
  { resources }: Request<Resource>,
  here: ReadonlyMap<Resource, ConfigRefusal | undefined>,
  decided: readonly ConfigResult[],
  call: Call<Reply>,
): void {
  let next = 0
  const responses = resources.map((resource) =>
    here.has(resource) ? configResult(resource, here.get(resource)) : decided[next++]!,
  )
  call.reply({ throttleTimeMs: 0, responses })
}

function needs({ resources }: { readonly resources: readonly ChangedResource[] }): Need[] {
  return resources.map(({ resourceType, resourceName }) => ({
    operation: 'ALTER_CONFIGS',
    resource: configured(resourceType, resourceName),
  }))
}

/** What somebody must be allowed to see or change the settings of. */
export function configured(resourceType: number, name: string): Resource {
  if (resourceType === RESOURCE_TYPE_TOPIC) return topic(name)
  return resourceType === RESOURCE_TYPE_GROUP ? group(name) : CLUSTER
}

function failed(resources: readonly ChangedResource[], errorCode: number): Reply {
  return {
    throttleTimeMs: 0,
    responses: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  }
}
