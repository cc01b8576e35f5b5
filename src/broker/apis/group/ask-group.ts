/** How handlers ask the shards of groups: what every request of one group has in common. */
import type { GroupApi, GroupClient, GroupRequestOf, RequestOf } from '../../../coordinator/group/group-requests.js'
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import type { GroupAnswer, GroupCoordinator } from '../../coordinators/group-coordinator.js'
import type { Call } from '../../server/handler.js'
import { brokerOf, type Services } from '../services.js'

export function groupsOf(services: Services): GroupCoordinator {
  return brokerOf(services).groups
}

/** Who asks, as Kafka shows members: the address behind a slash, without a name in front of it. */
export function clientOf({ clientId, remote }: Pick<Call<unknown>, 'clientId' | 'remote'>): GroupClient {
  return { clientId: clientId ?? '', host: `/${remote.host.replace(/^::ffff:/, '')}` }
}

export function requestOf<Api extends GroupApi>(
  api: Api,
  body: RequestOf<Api>,
  call: Pick<Call<unknown>, 'version' | 'clientId' | 'remote'>,
): GroupRequestOf<Api> {
  return { api, version: call.version, body, client: clientOf(call) }
}

/** Asks the shard of a group; an error is made to what the client gets by `failed`. */
export function askGroup<Api extends GroupApi>(
  services: Services,
  call: Pick<Call<unknown>, 'version' | 'clientId' | 'remote'>,
  api: Api,
  groupId: string,
  body: RequestOf<Api>,
  failed: (error: ErrorName) => Exclude<GroupAnswer<Api>, ErrorName>,
  done: (response: Exclude<GroupAnswer<Api>, ErrorName>) => void,
): void {
  groupsOf(services).ask(groupId, requestOf(api, body, call), (answer) =>
    done(typeof answer === 'string' ? failed(answer) : (answer as Exclude<GroupAnswer<Api>, ErrorName>)),
  )
}

export function codeOf(answer: ErrorName): number {
  return ErrorCode[answer]
}

/** A request's bytes are only lent, and groups keep them. */
export function owned(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
