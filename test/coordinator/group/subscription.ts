/** What a consumer says in JoinGroup that it wants to read. */
import { Writer } from '../../../src/base/bytes/writer.js'
import { ConsumerProtocolSubscription } from '../../../src/protocol/messages/records/consumer-protocol.js'

export function encodeSubscription(topics: readonly string[], version = 1): Uint8Array {
  const writer = new Writer()
  writer.int16(version)
  ConsumerProtocolSubscription.encode(version, writer, { topics, ownedPartitions: [] })
  return writer.toBuffer()
}
