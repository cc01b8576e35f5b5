/** Two simulated computers, of which one listens and the other connects, and what both ends are told. */
import assert from 'node:assert/strict'
import type { Connection, NetworkError } from '../../src/io/network.js'
import { type Computer, Computers } from './computers.js'

/** One end of a connection, and what it was told. */
export class End {
  connection: Connection | undefined
  readonly pieces: Buffer[] = []
  drained = 0
  closed: { readonly code: string | undefined } | undefined
  /** Whatever came after `closed`. */
  afterwards = 0
  onData: () => void = () => {}

  readonly handlers = {
    data: (bytes: Uint8Array): void => {
      if (this.closed) this.afterwards++
      this.pieces.push(Buffer.from(bytes))
      this.onData()
    },
    drained: (): void => {
      if (this.closed) this.afterwards++
      this.drained++
    },
    closed: (error: NetworkError | undefined): void => {
      if (this.closed) this.afterwards++
      this.closed = { code: error?.code }
    },
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

export class Pair {
  readonly computers: Computers
  readonly client: Computer
  readonly server: Computer
  readonly near = new End()
  readonly far = new End()

  constructor(seed: string | number) {
    this.computers = new Computers(seed)
    this.client = this.computers.add('client')
    this.server = this.computers.add('server')
  }

  listen(): void {
    const { network } = this.server.ports
    network.listen(
      { host: 'server', port: 9092 },
      {
        listening: () => {},
        failed: (error) => {
          throw error
        },
        connection: (connection) => {
          this.far.connection = connection
          return this.far.handlers
        },
      },
    )
    this.computers.settle()
  }

  connect(): Connection {
    const { network } = this.client.ports
    this.near.connection = network.connect({ host: 'server', port: 9092 }, this.near.handlers)
    return this.near.connection
  }

  connected(): this {
    this.listen()
    this.connect()
    this.computers.settle()
    assert.ok(this.far.connection !== undefined)
    return this
  }
}
