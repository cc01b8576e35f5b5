/**
 * Topics of a simulated cluster whose records are replicated: how they are drawn, how they are made, and what their settings promise.
 */
import type { Prng } from '../base/prng.js'
import type { Uuid } from '../base/uuid.js'
import { ErrorCode } from '../protocol/errors.js'
import { CreateTopics } from '../protocol/messages/create-topics.js'
import type { SimulatedClient } from './client.js'
import type { ClusterWorld } from './cluster-world.js'

export interface ReplicatedTopicPlan {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly minInsyncReplicas: number
  readonly flushPolicy: 'commit' | 'os'
  readonly configs: Readonly<Record<string, string>>
  /** By partition: on which brokers; without it the controller says. */
  readonly assignments?: readonly (readonly number[])[]
}

export interface ReplicatedTopic extends ReplicatedTopicPlan {
  readonly topicId: Uuid
}

const CREATE_TIMEOUT_MS = 2000
const RETRY_MS = 200
const MOST_TOPICS = 3
const MOST_PARTITIONS = 2
const OS_CHANCE = 0.3

/** `brokers`: how many replicas there can be. */
export function drawTopics(random: Prng, brokers: number): ReplicatedTopicPlan[] {
  const count = random.between(1, MOST_TOPICS)
  return Array.from({ length: count }, (_, n) => {
    const replicationFactor = Math.min(brokers, n === 0 ? 3 : random.pick([1, 2, 3, 3, 3, 4, 5]))
    return {
      name: `records${n}`,
      partitions: random.between(1, MOST_PARTITIONS),
      replicationFactor,
      minInsyncReplicas: Math.min(replicationFactor, random.pick([1, 2])),
      flushPolicy: random.chance(OS_CHANCE) ? 'os' : 'commit',
      configs: { 'internal.segment.bytes': String(random.pick([2048, 8192, 65_536, 1024 * 1024])) },
    }
  })
}

/** What names a partition in a history. */
export function keyOf({ name }: { readonly name: string }, partition: number): string {
  return `${name}-${partition}`
}

/** Asks until the topic is there; others must not make one of this name. */
export function createTopic(
  world: ClusterWorld,
  admin: SimulatedClient,
  plan: ReplicatedTopicPlan,
  done: (topic: ReplicatedTopic) => void,
): void {
  const { name, partitions, replicationFactor, minInsyncReplicas, flushPolicy, assignments } = plan
  const configs = { 'min.insync.replicas': String(minInsyncReplicas), 'flush.policy': flushPolicy, ...plan.configs }
  const wanted = {
    name,
    // Where they are given, numbers are not.
    numPartitions: assignments === undefined ? partitions : -1,
    replicationFactor: assignments === undefined ? replicationFactor : -1,
    assignments: (assignments ?? []).map((brokerIds, partitionIndex) => ({
      partitionIndex,
      brokerIds: [...brokerIds],
    })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
  const ask = (): void =>
    admin.whenReady(() =>
      admin.call(CreateTopics, { topics: [wanted], timeoutMs: CREATE_TIMEOUT_MS }, (_, response) => {
        const answer = response?.topics[0]
        const topicId = answer?.errorCode === ErrorCode.NONE ? answer.topicId : idOf(world, name)
        if (topicId === undefined) admin.later(RETRY_MS, ask)
        else done({ ...plan, topicId })
      }),
    )
  ask()
}

/** What is committed anywhere: it may have been made although nobody has answered. */
function idOf({ nodes }: ClusterWorld, name: string): Uuid | undefined {
  for (const { node } of nodes) {
    const topic = node?.quorum?.image?.topicsByName.get(name)
    if (topic !== undefined) return topic.topicId
  }
  return undefined
}
