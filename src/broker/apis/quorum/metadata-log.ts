/** What the requests between members of the quorum have in common: they are of one cluster, and about one partition. */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import type { RaftReply } from '../../../raft/messages.js'
import { METADATA_TOPIC } from '../../../storage/log-files.js'
import { METADATA_TOPIC_ID } from '../../quorum/batches.js'
import { CLUSTER, type Need } from '../../server/stages.js'
import type { Services } from '../services.js'

/** What other servers of the cluster have to be allowed. */
export const AS_A_SERVER: readonly Need[] = [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }]

/** Whether a server that names this cluster, or none, is of this one. */
export function isOfCluster({ clusterId }: Services, named: string | null): boolean {
  return named === null || named === clusterId
}

export interface NamedTopic<Partition> {
  readonly topicName?: string
  readonly name?: string
  readonly topic?: string
  readonly topicId?: string
  readonly partitions: readonly Partition[]
}

/** The only partition that is asked for, if that is the one of the metadata log. */
export function logPartition<Partition>(
  topics: readonly NamedTopic<Partition>[],
  indexOf: (partition: Partition) => number,
): Partition | undefined {
  const [topic] = topics
  const [partition] = topic?.partitions ?? []
  if (topic === undefined || partition === undefined || topics.length > 1 || topic.partitions.length > 1)
    return undefined
  const name = topic.topicName ?? topic.name ?? topic.topic
  const isNamed = name === METADATA_TOPIC || (!name && topic.topicId === METADATA_TOPIC_ID)
  return isNamed && indexOf(partition) === 0 ? partition : undefined
}

/** Why a request about several partitions, or about another, is refused. */
export const WRONG_PARTITION: ErrorName = 'INVALID_REQUEST'

/** Where the leader can be reached, for who asked the wrong one. */
export function leaderEndpoints({
  quorum,
}: Services): { readonly nodeId: number; readonly host: string; readonly port: number }[] {
  const { nodeId, address } = quorum.leader()
  return address === undefined ? [] : [{ nodeId, host: address.host, port: address.port }]
}

/** What is answered for the one partition. */
export function ofLog<Partition>(
  services: Services,
  partition: Partition,
): {
  readonly errorCode: number
  readonly topics: readonly { readonly topicName: string; readonly partitions: readonly Partition[] }[]
  readonly nodeEndpoints: ReturnType<typeof leaderEndpoints>
} {
  return {
    errorCode: ErrorCode.NONE,
    topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
    nodeEndpoints: leaderEndpoints(services),
  }
}

/** What a change of the voters has come to. */
export function changeAnswer(reply: RaftReply): {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
} {
  const message = 'errorMessage' in reply ? reply.errorMessage : undefined
  return { throttleTimeMs: 0, errorCode: ErrorCode[reply.error], errorMessage: message ?? null }
}
