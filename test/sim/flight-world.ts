/**
 * A simulated node with a small flight recorder, so that its halves are dropped often, under load and faults drawn from a seed: what it
 * leaves behind at the end of each of its lives is a flight record.
 */

import { FlightRecorder } from '../../src/base/flight-recorder.js'
import type { Prng } from '../../src/base/prng.js'
import { Node } from '../../src/broker/node.js'
import { Partition } from '../../src/broker/partition.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { Ports } from '../../src/io/ports.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { SimulatedClient } from '../../src/sim/client.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { WorkloadProducer } from '../../src/sim/producer.js'
import { Simulation } from '../../src/sim/simulation.js'

const HOST = 'broker1'
const PORT = 9092
const LOAD_MS = 6000
const LONGEST_PHASE_MS = 60_000
const SETTINGS = {
  listeners: `PLAINTEXT://${HOST}:${PORT}`,
  'log.dirs': '/data',
  'log.dir.reserved.bytes': '0',
  'broker.session.timeout.ms': '250',
}
/** Those of which one is heard of too late each time are few. */
const HEARTBEATS_MS = [100, 100, 100, 300]

export class FlightWorld {
  readonly simulation: Simulation
  /** One for each life of the node that has ended. */
  readonly records: string[] = []
  readonly #random: Prng
  readonly #network: SimulatedNetwork
  readonly #machine: Machine
  readonly #entriesPerHalf: number
  readonly #heartbeatMs: number
  #node: Node | undefined
  #serving = false
  #restarts = true

  /** Without a size of its halves some are small and some large. */
  constructor(seed: number | string, entriesPerHalf?: number) {
    this.simulation = new Simulation(seed)
    this.#random = this.simulation.random('flight')
    this.#network = new SimulatedNetwork(this.simulation)
    this.#machine = new Machine(this.simulation, this.#network, HOST)
    this.#entriesPerHalf = entriesPerHalf ?? this.#random.pick([20, 100, 8192])
    this.#heartbeatMs = entriesPerHalf === undefined ? this.#random.pick(HEARTBEATS_MS) : HEARTBEATS_MS[0]!
  }

  get node(): Node | undefined {
    return this.#machine.process?.alive === true ? this.#node : undefined
  }

  /** Load and faults for a while. */
  run(): void {
    this.start()
    this.#createTopic('flight', 2)
    this.#nextFault()
    this.#nextTopic(0)
    this.simulation.runUntil(() => false, LOAD_MS)
    this.#restarts = false
    this.#end(() => this.#machine.crash())
  }

  start(): void {
    if (this.node !== undefined) return
    this.#serving = false
    this.#machine.boot(
      (ports) => {
        const events = {
          started: () => {
            this.#serving = true
          },
          ended: () => ports.host.exit(1),
        }
        const config = nodeConfig({ ...SETTINGS, 'broker.heartbeat.interval.ms': String(this.#heartbeatMs) })
        this.#node = new Node(config, ports, events, new FlightRecorder(this.#entriesPerHalf))
        this.#node.start()
      },
      () => this.#startAgain(),
    )
  }

  /** Lets time pass until the node serves and leads a partition. */
  untilPartition(): Partition {
    this.start()
    this.#createTopic('flight', 1)
    let found: Partition | undefined
    const leads = (): boolean => {
      for (const { topicId } of this.node?.broker?.image.topicsById.values() ?? []) {
        const hosted = this.node!.broker!.replicas.find(topicId, 0)
        if (hosted instanceof Partition && hosted.isLeader && hosted.highWatermark > 20) found = hosted
      }
      return this.#serving && found !== undefined
    }
    if (!this.simulation.runUntil(leads, LONGEST_PHASE_MS)) throw new Error('the node never leads a partition')
    return found!
  }

  /** A failure within a turn of the node's process, as the program hands it to the node; then its end, and the file that it leaves. */
  failWith(action: () => void): string | undefined {
    this.#restarts = false
    const node = this.node!
    this.#machine.process!.after(0, 'arrival', 'failure', () => {
      try {
        action()
      } catch (error) {
        node.crashed(error)
      }
    })
    if (!this.simulation.runUntil(() => this.node === undefined, this.simulation.nowMs + LONGEST_PHASE_MS)) {
      throw new Error('the node does not end')
    }
    let bytes: Uint8Array | undefined
    const look = (ports: Ports): void => {
      bytes = ports.disk.readFile(`${SETTINGS['log.dirs']}/flight-recorder.jsonl`)
    }
    this.#machine.boot(look, () => {})
    return bytes && Buffer.from(bytes).toString()
  }

  #end(how: () => void): void {
    const node = this.node
    if (node === undefined) return
    how()
    this.records.push(node.flightRecord())
    this.#startAgain()
  }

  #startAgain(): void {
    if (!this.#restarts) return
    this.simulation.schedule(this.#random.float() * 50, 'node starts again', () => {
      if (this.#restarts) this.start()
    })
  }

  #nextFault(): void {
    this.simulation.schedule(this.#random.exponential(400), 'fault', () => {
      if (!this.#restarts) return
      const { device } = this.#machine
      const kind = this.#random.below(6)
      if (kind === 0) this.#end(() => this.#machine.crash())
      else if (kind === 1) this.#end(() => this.#machine.losePower())
      else if (kind <= 3) this.#machine.process?.pause(this.#random.below(1500))
      else {
        device.faults.capacityBytes = device.usedBytes + this.#random.below(200)
        this.simulation.schedule(this.#random.below(900), 'room', () => {
          device.faults.capacityBytes = Number.POSITIVE_INFINITY
        })
      }
      this.#nextFault()
    })
  }

  /** Topics without load, so that the controller has something to do. */
  #nextTopic(n: number): void {
    this.simulation.schedule(this.#random.exponential(150), 'topic', () => {
      if (!this.#restarts) return
      this.#create(this.#client(`admin${n}`), `topic${n}`, 1 + this.#random.below(3), () => {})
      this.#nextTopic(n + 1)
    })
  }

  #createTopic(name: string, partitions: number): void {
    const admin = this.#client('admin')
    const created = (topicId: string): void => {
      const now = (): number => this.simulation.nowMs
      for (let process = 0; process < 2 * partitions; process++) {
        const place = { topic: name, topicId, partition: process % partitions, now, record: () => {} }
        const load = { codec: 'none', pauseMs: 8, maxRecordsPerBatch: 4 } as const
        new WorkloadProducer(this.#client(`p${process}`), { ...place, ...load, process, acks: -1, idempotent: true })
      }
    }
    this.#create(admin, name, partitions, created)
  }

  #create(client: SimulatedClient, name: string, numPartitions: number, created: (topicId: string) => void): void {
    const wanted = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
    client.whenReady(() =>
      client.call(CreateTopics, { topics: [wanted], timeoutMs: 2000 }, (_, response) => {
        const topicId = response?.topics[0]?.errorCode === 0 ? response.topics[0].topicId : this.#idOf(name)
        if (topicId === undefined) client.later(100, () => this.#create(client, name, numPartitions, created))
        else created(topicId)
      }),
    )
  }

  #idOf(name: string): string | undefined {
    return this.node?.broker?.image.topicsByName.get(name)?.topicId
  }

  #client(name: string): SimulatedClient {
    let client: SimulatedClient | undefined
    new Machine(this.simulation, this.#network, name).boot(
      (ports) => {
        client = new SimulatedClient(ports, { host: HOST, port: PORT }, name)
      },
      () => {},
    )
    return client!
  }
}
