/**
 * The yardstick, a process of its own: the sockets of the broker (`src/io/node/network.ts`) and nothing behind them. For as many bytes as a
 * request has it answers with as many as an answer has, all that came with one read in one write; it looks into nothing.
 *
 * Arguments: bytes of a request, the answer in base64. Sends its port to the parent process.
 */
import type { Connection, ConnectionHandlers } from '../../src/io/network.js'
import { NodeNetwork } from '../../src/io/node/network.js'

/** Answers that one write may hold: more than one read can ask for is never needed. */
const LARGEST_GROUP = 4096

const requestBytes = Number(process.argv[2])
const answer = Buffer.from(process.argv[3]!, 'base64')
const answers = Buffer.alloc(answer.length * LARGEST_GROUP, answer)

class Echo implements ConnectionHandlers {
  readonly #connection: Connection
  /** Of a request that is not whole yet. */
  #receivedBytes = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  data(bytes: Uint8Array): void {
    const receivedBytes = this.#receivedBytes + bytes.length
    const requests = Math.floor(receivedBytes / requestBytes)
    this.#receivedBytes = receivedBytes - requests * requestBytes
    if (requests > 0) this.#connection.write([answers.subarray(0, requests * answer.length)])
  }

  drained(): void {}

  closed(): void {}
}

new NodeNetwork().listen(
  { host: '127.0.0.1', port: 0 },
  {
    listening: (listener) => process.send!(listener.address.port),
    failed: (error) => {
      throw error
    },
    connection: (connection) => new Echo(connection),
  },
)
process.on('disconnect', () => process.exit(0))
