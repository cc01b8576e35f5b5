/**
 * GroupCertainty: until when a member of a group cannot have been given up, as no real member knows: what it is told counts if the broker that says so coordinates in
 * truth, by the newest metadata, and has looked.
 *
 * A broker that was deposed and has not heard of it says what was so in its time, and one that loads its groups says to every heartbeat that all is well, without knowing any
 * of them (in Kafka, too): in both cases the member may have been given up long ago, and nobody has promised it anything.
 */
import type { Reign } from './group-locator.js'

export interface ReignOptions {
  /** Who coordinates the group in truth. */
  readonly reign: () => Reign | undefined
  /** The broker that the client is connected to. */
  readonly nodeId: () => number
}

export interface CertaintyOptions extends ReignOptions {
  /** What a broker has of the group, as long as it is loaded there: another one after each load. */
  readonly shardAt: (nodeId: number) => object | undefined
  /** No other member that was started under its instance id still runs. */
  readonly isAlone: () => boolean
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Of the simulation. */
  readonly now: () => number
}

/** The clock of the coordinator may go so much faster. */
export const DRIFT = 1.15

/** Whether, from now until it is asked, the broker that the client is connected to has been the one coordinator. */
function witness({ reign, nodeId }: ReignOptions): () => boolean {
  const before = reign()
  return () => {
    const after = reign()
    return before !== undefined && after?.leaderEpoch === before.leaderEpoch && after.nodeId === nodeId()
  }
}

/** For what is asked now; when it is answered, and well: until when the member is not given up. Undefined: the answer says nothing of that. */
export function certainty(options: CertaintyOptions): () => number | undefined {
  const { reign, nodeId, shardAt, isAlone, sessionTimeoutMs, rebalanceTimeoutMs, now } = options
  const sentMs = now()
  const before = reign()
  const shard = before === undefined || !isAlone() ? undefined : shardAt(before.nodeId)
  const isTrue = witness(options)
  return () => {
    const answering = nodeId()
    if (shard === undefined || before?.nodeId !== answering || shardAt(answering) !== shard) return undefined
    // One that was deposed meanwhile says at least that it had not given up the member before.
    return isTrue() ? sentMs + Math.min(sessionTimeoutMs, rebalanceTimeoutMs) / DRIFT : sentMs
  }
}
