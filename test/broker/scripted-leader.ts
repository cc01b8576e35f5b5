/** A broker that leads partitions as a test says: it notes each fetch, and answers it with what the test has it answer. */
import { BufferPool } from '../../src/base/buffer-pool.js'
import { Reader } from '../../src/base/bytes/reader.js'
import { Writer } from '../../src/base/bytes/writer.js'
import type { Connection, ConnectionHandlers } from '../../src/io/network.js'
import type { Fields } from '../../src/protocol/field.js'
import { decodeClientId, decodeRequestPrefix, encodeResponse } from '../../src/protocol/frame.js'
import { FrameAssembler } from '../../src/protocol/frame-assembler.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import type { Infer, InferInput, Message } from '../../src/protocol/schema.js'

export type FetchAnswer = InferInput<typeof Fetch.response>
export type AnsweredPartition = FetchAnswer['responses'][number]['partitions'][number]

export interface SeenFetch {
  readonly atMs: number
  /** Of the connection, from 0. */
  readonly connection: number
  readonly request: Infer<typeof Fetch.request>
}

export class ScriptedLeader {
  readonly seen: SeenFetch[] = []
  /** Undefined: it does not answer. */
  script: (seen: SeenFetch) => FetchAnswer | undefined = () => undefined
  readonly #nowMs: () => number
  #connections = 0

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  readonly connection = (socket: Connection): ConnectionHandlers => {
    const connection = this.#connections++
    const assembler = new FrameAssembler(1_000_000, new BufferPool(1_000_000))
    return {
      data: (bytes) =>
        void assembler.feed(bytes, ({ bytes: frame, start, end, owner }) => {
          this.#answer(socket, connection, new Reader(frame, start, end))
          owner?.release()
          return true
        }),
      drained() {},
      closed() {},
    }
  }

  #answer(socket: Connection, connection: number, reader: Reader): void {
    const { apiKey, apiVersion: version, correlationId } = decodeRequestPrefix(reader)
    const send = <Response extends Fields>(message: Message<Fields, Response>, body: InferInput<Response>): void => {
      const writer = new Writer()
      encodeResponse(writer, message as unknown as Message, { version, correlationId, body: body as never })
      socket.write(writer.chunks())
    }
    if (apiKey === ApiVersions.key) {
      const apiKeys = [{ apiKey: Fetch.key, minVersion: 4, maxVersion: 18 }]
      return send(ApiVersions as never, { errorCode: 0, apiKeys, throttleTimeMs: 0 } as never)
    }
    decodeClientId(Fetch as unknown as Message, version, reader)
    const request = Fetch.request.decode(version, reader) as Infer<typeof Fetch.request>
    const seen = { atMs: this.#nowMs(), connection, request }
    this.seen.push(seen)
    const answer = this.script(seen)
    if (answer !== undefined) send(Fetch as never, answer as never)
  }
}

export function answerFor(
  topicId: string,
  partitions: readonly AnsweredPartition[],
  sessionId = 0,
  errorCode = 0,
): FetchAnswer {
  return { errorCode, sessionId, responses: partitions.length === 0 ? [] : [{ topicId, partitions: [...partitions] }] }
}
