/**
 * Groups are asked for where they are coordinated (KIP-699): coordinators are found, each is asked for its groups, and again those whose coordinator has
 * moved or is still reading its log.
 */
import { ErrorCode } from '../../protocol/errors.js'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'

/** By group: what was asked for, or why it could not be had. */
export type ByGroup<Answer> = ReadonlyMap<string, Answer | ClientError>

const GROUPS = 0
const FIRST_WITH_SEVERAL = 4

/**
 * `ask` gets a coordinator and groups of its; of groups that it leaves out nothing is answered. An error that may pass is tried again for as long as a call
 * may take; then, or where nobody can be asked, this rejects with `ClientError`.
 */
export async function askCoordinators<Answer>(
  client: ClusterClient,
  what: string,
  groupIds: readonly string[],
  ask: (nodeId: number, groupIds: readonly string[]) => Promise<ByGroup<Answer>>,
): Promise<Map<string, Answer | ClientError>> {
  const settled = new Map<string, Answer | ClientError>()
  let waiting = [...new Set(groupIds)]
  await client.retrying(what, async () => {
    const found = await findCoordinators(client, waiting)
    const byNode = groupBy(waiting, (groupId) => found.get(groupId))
    const answers = await Promise.all([...byNode].map(([node, those]) => answersOf(node, those, ask)))
    let passing: ClientError | undefined
    const again: string[] = []
    for (const [groupId, answer] of answers.flatMap((each) => [...each])) {
      if (answer instanceof ClientError && answer.retriable) {
        passing ??= answer
        again.push(groupId)
      } else settled.set(groupId, answer)
    }
    waiting = again
    if (passing !== undefined) throw passing
  })
  return settled
}

/** What was asked for of a single group. Throws `ClientError`. */
export function onlyAnswer<Answer>(answers: ByGroup<Answer>, groupId: string): Answer {
  const answer = answers.get(groupId)
  if (answer === undefined) throw new ClientError('UNKNOWN_SERVER_ERROR', `nothing was answered about group ${groupId}`)
  if (answer instanceof ClientError) throw answer
  return answer
}

async function answersOf<Answer>(
  node: number | ClientError | undefined,
  groupIds: readonly string[],
  ask: (nodeId: number, groupIds: readonly string[]) => Promise<ByGroup<Answer>>,
): Promise<ByGroup<Answer>> {
  try {
    if (typeof node === 'number') return await ask(node, groupIds)
    throw (
      node ?? new ClientError('COORDINATOR_NOT_AVAILABLE', `nobody was named as coordinator of ${groupIds[0]}`, true)
    )
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    return new Map(groupIds.map((groupId) => [groupId, error]))
  }
}

/** The node of each group's coordinator. Before version 4 each has to be asked for by itself. */
export async function findCoordinators(client: ClusterClient, groupIds: readonly string[]): Promise<ByGroup<number>> {
  const version = (await client.connection('any')).versionOf(FindCoordinator) ?? FIRST_WITH_SEVERAL
  const bodies =
    version >= FIRST_WITH_SEVERAL
      ? [{ keyType: GROUPS, coordinatorKeys: groupIds }]
      : groupIds.map((key) => ({ key, ...(version > 0 ? { keyType: GROUPS } : {}) }))
  const responses = await Promise.all(bodies.map((body) => client.call('any', FindCoordinator, body)))
  const found = responses.flatMap((response, n) =>
    version >= FIRST_WITH_SEVERAL ? response.coordinators : [{ ...response, key: groupIds[n]! }],
  )
  // A broker that has come since is in none of the answers before.
  if (found.some(({ errorCode, nodeId }) => errorCode === ErrorCode.NONE && !client.view.brokers.has(nodeId))) {
    await client.refresh([])
  }
  return new Map(
    found.map(({ key, nodeId, errorCode, errorMessage }) => [
      key,
      errorCode === ErrorCode.NONE ? nodeId : serverError(errorCode, `group ${key}`, errorMessage),
    ]),
  )
}
