/**
 * GroupMembership: what a simulated process that consumes needs of its membership in a group. There are two: `GroupMember`, written for the simulator alone, which also does what no client
 * should do, and `CoreMember`, on the cores that users are given.
 */
import type { GroupPlace } from './group-protocol.js'

export interface GroupMembership {
  readonly memberId: string
  /** Or member epoch; -1: it is none. */
  readonly generation: number
  /** How often it was assigned something. */
  readonly rounds: number
  readonly stable: boolean
  readonly ended: boolean
  /** What it has. */
  readonly owned: readonly GroupPlace[]
  /** Until then its coordinator cannot have given it up. */
  readonly certainUntilMs: number
  /** Another one was started under its instance id then. */
  replacedMs: number
  /** Its application works on something for too long. */
  isMute: boolean
  /** Nobody else is let in under its instance id before it has said that it goes (KIP-848). */
  readonly holdsInstance?: boolean
  /** What it says of itself when it asks what is committed; undefined: nothing. */
  readonly claim?: { readonly memberId: string; readonly memberEpoch: number } | undefined
  /** It wants something else from now on. */
  subscribe(topics: readonly string[]): void
  /** It says that it goes, where that is the custom, and is `done` soon. */
  leave(done: () => void): void
  /** A request that named it in this generation was answered so. */
  told(errorCode: number, generation: number): void
}
