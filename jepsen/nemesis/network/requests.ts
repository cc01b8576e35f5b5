/** Requests and answers as a proxy sees them: frames with their length, and of the header as much as says which request it is. */
import { DecodeError, Reader } from '../../../src/base/bytes/reader.js'
import { decodeClientId, decodeRequestPrefix } from '../../../src/protocol/frame.js'
import { AlterPartition } from '../../../src/protocol/messages/alter-partition.js'
import { BeginQuorumEpoch } from '../../../src/protocol/messages/begin-quorum-epoch.js'
import { BrokerHeartbeat } from '../../../src/protocol/messages/broker-heartbeat.js'
import { Fetch } from '../../../src/protocol/messages/fetch.js'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.js'
import { Produce } from '../../../src/protocol/messages/produce.js'
import { Vote } from '../../../src/protocol/messages/vote.js'
import type { Message } from '../../../src/protocol/schema.js'

export interface SeenRequest {
  readonly apiKey: number
  readonly name: string
  readonly correlationId: number
  readonly clientId: string | null
}

/** What is worth being late, twice, or without an answer: what changes something, and may be tried again by who sent it. */
const MESSAGES: readonly Message[] = [
  Produce,
  OffsetCommit,
  Fetch,
  AlterPartition,
  BrokerHeartbeat,
  Vote,
  BeginQuorumEpoch,
]
/** Of clients; reading changes nothing. */
const OF_CLIENTS: readonly number[] = [Produce.key, OffsetCommit.key]
const LENGTH_BYTES = 4

/** Undefined: it is left alone. */
export function lookAt(frame: Buffer, isOfClients: boolean): SeenRequest | undefined {
  try {
    const reader = new Reader(frame.subarray(LENGTH_BYTES))
    const { apiKey, apiVersion, correlationId } = decodeRequestPrefix(reader)
    const message = MESSAGES.find(({ key }) => key === apiKey)
    if (message === undefined || (isOfClients && !OF_CLIENTS.includes(apiKey))) return undefined
    const clientId = decodeClientId(message, apiVersion, reader)
    // Nobody waits for an answer, and there is none.
    if (message === Produce && Produce.request.decode(apiVersion, reader).acks === 0) return undefined
    return { apiKey, name: message.name, correlationId, clientId }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

export function correlationIdOf(response: Buffer): number {
  return response.length < 2 * LENGTH_BYTES ? -1 : response.readInt32BE(LENGTH_BYTES)
}

/** With its length, in bytes of its own. */
export function copied(bytes: Uint8Array, start: number, end: number): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + end - start)
  frame.writeInt32BE(end - start)
  frame.set(bytes.subarray(start, end), LENGTH_BYTES)
  return frame
}
