import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool } from '../../src/base/buffer-pool.js'
import type { Services } from '../../src/broker/apis/services.js'
import { apiVersions } from '../../src/broker/apis/session/api-versions.js'
import { RequestMetrics } from '../../src/broker/metrics/request-metrics.js'
import { type Lane, QuorumPeers } from '../../src/broker/quorum/peers.js'
import { ConnectionLimits, connectionLimits } from '../../src/broker/server/connection-limits.js'
import { type Handler, handler } from '../../src/broker/server/handler.js'
import { Pipeline } from '../../src/broker/server/pipeline.js'
import { RequestMemory } from '../../src/broker/server/request-memory.js'
import { CLUSTER, OPEN_STAGES } from '../../src/broker/server/stages.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { Connection, ConnectionHandlers } from '../../src/io/network.js'
import type { Ports } from '../../src/io/ports.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { Vote } from '../../src/protocol/messages/vote.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'

const LONGEST_MS = 60_000
const SERVER = { host: 'server', port: 9093 }
const NODE_ID = 7

const vote = handler<Services, typeof Vote.request.fields, typeof Vote.response.fields>(Vote, {
  versions: [1, 2],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ errorCode, topics: [] }),
  handle: (_, __, call) => call.reply({ errorCode: 0, topics: [] }),
})

/** A server that serves less at first, and a member that asks it. */
class Pair {
  readonly simulation = new Simulation('peers')
  readonly #network = new SimulatedNetwork(this.simulation)
  readonly server = new Machine(this.simulation, this.#network, SERVER.host)
  readonly client = new Machine(this.simulation, this.#network, 'client')
  /** Connections from now on are served this. */
  handlers: readonly Handler<Services>[] = [vote]
  accepted = 0
  peers: QuorumPeers | undefined
  disconnected: number[] = []

  constructor() {
    this.serve()
    this.client.boot(
      ({ clock, network }) => {
        const disconnected = (nodeId: number): void => void this.disconnected.push(nodeId)
        this.peers = new QuorumPeers({ clock, network, clientId: 'test', requestTimeoutMs: 1000, disconnected })
      },
      () => {},
    )
  }

  serve(): void {
    this.server.boot(
      (ports) =>
        ports.network.listen(SERVER, {
          listening: () => {},
          failed: () => assert.fail('it cannot listen'),
          connection: (connection) => this.#accept(ports, connection),
        }),
      () => {},
    )
    this.simulation.runUntil(() => false, this.simulation.nowMs + 10)
  }

  /** Asks one thing; whether there was an answer. */
  ask(lane: Lane, port = SERVER.port): boolean {
    let answered: boolean | undefined
    this.client.process!.begin(() => {
      const call = this.peers!.to(NODE_ID, { ...SERVER, port }, lane)
      call(Vote, { topics: [] }, (response) => (answered = response !== undefined))
    })
    const until = this.simulation.nowMs + LONGEST_MS
    assert.ok(
      this.simulation.runUntil(() => answered !== undefined, until),
      'the call has come to an end',
    )
    return answered!
  }

  #accept(ports: Ports, connection: Connection): ConnectionHandlers {
    this.accepted++
    const { settings } = nodeConfig({})
    const versions = apiVersions(() => this.handlers)
    const services = { nodeId: NODE_ID, clusterId: 'c', release: THIS_RELEASE, quorum: { image: undefined } }
    const pipeline = new Pipeline<Services>(ports, {
      handlers: [versions, ...this.handlers],
      services: services as unknown as Services,
      stages: OPEN_STAGES,
      listener: { name: 'CONTROLLER', serves: 'controller' },
      maxFrameBytes: 100_000,
      memory: new RequestMemory(new BufferPool(100_000), ports.clock, Number.POSITIVE_INFINITY),
      limits: new ConnectionLimits(() => connectionLimits(settings)),
      maxIdleMs: -1,
      requests: new RequestMetrics(),
    })
    const handlers = pipeline.accept(connection)
    pipeline.serve()
    return handlers
  }
}

test('there is one connection for what is answered late, and one for all else', () => {
  const pair = new Pair()
  for (let n = 0; n < 3; n++) for (const lane of ['fetch', 'other'] as const) assert.ok(pair.ask(lane))
  assert.equal(pair.accepted, 2)
  assert.deepEqual(pair.disconnected, [])
})

test('the end of a session is told where it was fetched over it, and the next call makes another', () => {
  const pair = new Pair()
  assert.ok(pair.ask('fetch') && pair.ask('other'))
  pair.server.crash()
  pair.simulation.runUntil(() => false, pair.simulation.nowMs + 100)
  assert.deepEqual(pair.disconnected, [NODE_ID])
  assert.equal(pair.ask('fetch'), false)
  // It had not come about.
  assert.deepEqual(pair.disconnected, [NODE_ID])
  pair.serve()
  assert.ok(pair.ask('fetch'))
})

test('a server that serves more than it did is asked again', () => {
  const pair = new Pair()
  pair.handlers = []
  assert.equal(pair.ask('other'), false)
  assert.equal(pair.ask('other'), false)
  pair.handlers = [vote]
  assert.ok(pair.ask('other'))
  assert.equal(pair.accepted, 3)
})

test('where nobody answers the call ends', () => {
  const pair = new Pair()
  assert.equal(pair.ask('other', 1), false)
  pair.server.process!.pause(LONGEST_MS)
  assert.equal(pair.ask('other'), false)
})
