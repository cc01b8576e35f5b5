/**
 * Target `node`: a whole node in the simulator, and connections that send it what no client would: noise, mutated requests of every API, frames cut
 * anywhere. The node does not end, does not hold more memory than came in, answers a good client afterwards and stops in order.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Writer } from '../../src/base/bytes/writer.js'
import type { Prng } from '../../src/base/prng.js'
import { HANDLERS } from '../../src/broker/apis/index.js'
import type { Connection } from '../../src/io/network.js'
import { RequestHeader, requestHeaderVersion } from '../../src/protocol/frame.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { Message } from '../../src/protocol/schema.js'
import { Machine } from '../../src/sim/machine.js'
import { withTraps } from '../../src/sim/traps.js'
import { BROKER_HOST, BROKER_PORT } from '../../src/sim/world.js'
import { batchOf, fetchRequest, produceRequest, type Topic, valuesIn } from '../broker/requests.js'
import { SimulatedBroker } from '../broker/simulated-broker.js'
import { golden } from '../golden.js'
import { arbitraryOf } from '../protocol/arbitrary.js'
import { MESSAGES } from '../protocol/messages.js'
import { withinMemory } from './meter.js'
import { mutate, mutationCount } from './mutate.js'
import { randomBatch } from './record-batches.js'
import type { Outcome, Target } from './target.js'

/** One connection: what it sends, in which pieces. */
interface Attack {
  readonly frames: number
  readonly bytes: Buffer
  readonly pieces: readonly { readonly end: number; readonly atMs: number }[]
  /** When it goes, and how it reads what it is answered. */
  readonly leavesAtMs: number
  readonly leaves: 'end' | 'destroy'
  readonly reads: boolean
}

interface NodeInput {
  readonly seed: string
  readonly attacks: readonly Attack[]
}

const TOPIC = 'target'
const ATTACK_MS = 5000
/** A frame as large as this is refused unread. */
const LARGEST_FRAME_BYTES = 1_000_000
/** What a connection may cost before it has said anything, and what a node needs anyhow. */
const BYTES_OF_CONNECTION = 256 * 1024
const BYTES_OF_NODE = 64 * 1024 * 1024
const BYTES_PER_BYTE = 64

export const node: Target<NodeInput> = { name: 'node', floor: 0.12, draw, bytesOf, run }

function bytesOf({ attacks }: NodeInput): Uint8Array {
  return Buffer.concat(attacks.map(({ bytes }) => bytes))
}

function draw(random: Prng): NodeInput {
  const seed = String(random.uint32())
  return { seed, attacks: Array.from({ length: random.between(1, 16) }, () => attack(random)) }
}

function attack(random: Prng): Attack {
  const frames = random.pick([1, 2, 3, 5, 12])
  const parts = Array.from({ length: frames }, () => frame(random))
  const whole = Buffer.concat(parts)
  // Above the frames: then nothing fits any more.
  const bytes = random.chance(0.15) ? mutate(random, whole, 1) : whole
  const pieces: { end: number; atMs: number }[] = []
  let atMs = random.below(1000)
  for (let end = 0; end < bytes.length; ) {
    end = Math.min(bytes.length, end + (random.chance(0.3) ? random.between(1, 8) : random.between(1, 4000)))
    pieces.push({ end, atMs: Math.min(atMs, ATTACK_MS - 1) })
    if (random.chance(0.3)) atMs += random.exponential(100)
  }
  const leavesAtMs = random.chance(0.3) ? random.below(ATTACK_MS) : ATTACK_MS
  return { frames, bytes, pieces, leavesAtMs, leaves: random.pick(['end', 'destroy']), reads: random.chance(0.9) }
}

let oddFrames: readonly Buffer[] | undefined

/** With its length. */
function frame(random: Prng): Buffer {
  oddFrames ??= golden<{ send: string }>('odd-frames.jsonl').map(({ send }) => Buffer.from(send, 'hex'))
  const kind = random.below(20)
  if (kind === 0) return random.pick(oddFrames)
  if (kind === 1) return withLength(Buffer.from(random.bytes(random.below(300))))
  if (kind === 2)
    return withLength(Buffer.alloc(random.below(40)), random.pick([-1, 0, 0x7fff_ffff, LARGEST_FRAME_BYTES]))
  const message = random.chance(0.9) ? random.pick(HANDLERS).message : random.pick(MESSAGES)
  const [first, last] = message.versions
  const version = random.between(first, last)
  const header = headerOf(random, message, version)
  const body = bodyOf(random, message, version)
  const count = mutationCount(random)
  if (random.chance(0.15)) return withLength(mutate(random, Buffer.concat([header, body]), count))
  return withLength(Buffer.concat([header, mutate(random, body, random.chance(0.5) ? 0 : count)]))
}

function withLength(bytes: Buffer, length = bytes.length): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(length)
  return Buffer.concat([prefix, bytes])
}

function headerOf(random: Prng, message: Message, version: number): Buffer {
  const writer = new Writer()
  RequestHeader.encode(requestHeaderVersion(message, version), writer, {
    requestApiKey: message.key,
    requestApiVersion: version,
    correlationId: random.uint32() | 0,
    clientId: random.pick([null, '', 'fuzz']),
  })
  return Buffer.from(writer.toBuffer())
}

function bodyOf(random: Prng, message: Message, version: number): Buffer {
  const writer = new Writer()
  const likely = random.chance(0.5) ? likelyBody(random, message) : undefined
  const [value] =
    likely === undefined
      ? fc.sample(arbitraryOf(message.request, version), { seed: random.uint32() | 0, numRuns: 1 })
      : [likely]
  try {
    message.request.encode(version, writer, value as never)
    return Buffer.from(writer.toBuffer())
  } catch {
    // What this version cannot say.
    return Buffer.from(random.bytes(random.below(60)))
  }
}

/** Something that gets as far as partitions that exist. */
function likelyBody(random: Prng, message: Message): object | undefined {
  const topic: Topic = { name: TOPIC }
  switch (message.key) {
    case Produce.key:
      return produceRequest(topic, mutate(random, randomBatch(random, { baseOffset: 0 }), random.below(2)), {
        acks: random.pick([-1, 0, 1]),
        timeoutMs: random.pick([0, 100, 30_000, -1]),
        partition: random.pick([0, 0, 1, 7, -1]),
      })
    case Fetch.key:
      return fetchRequest(topic, random.pick([0, 1, -1, 1000, 2 ** 40]), {
        maxWaitMs: random.pick([0, 100, 0x7fff_ffff, -1]),
        minBytes: random.pick([0, 1, 1000, 0x7fff_ffff, -1]),
        maxBytes: random.pick([0, 1, 1000, 0x7fff_ffff, -1]),
        sessionEpoch: random.pick([-1, -1, 0, 1]),
        partition: { partitionMaxBytes: random.pick([0, 1, 1000, 0x7fff_ffff, -1]) },
      })
    case ListOffsets.key: {
      const timestamp = random.pick([-1, -2, -3, -4, -5, -6, 0, 1_763_600_000_100, 2 ** 52])
      return { replicaId: -1, topics: [{ name: TOPIC, partitions: [{ partitionIndex: random.below(3), timestamp }] }] }
    }
    case Metadata.key:
      return random.chance(0.5) ? { topics: [{ name: TOPIC }] } : { topics: [{ name: `auto${random.below(20)}` }] }
    case CreateTopics.key: {
      const numPartitions = random.pick([-1, 0, 1, 2, 3, 100_000, 0x7fff_ffff])
      const replicationFactor = random.pick([-1, 0, 1, 2, 0x7fff])
      const name = random.pick([TOPIC, `made${random.below(20)}`, '..', 'x'.repeat(250), 'a b'])
      const configs = random.chance(0.2)
        ? [{ name: 'segment.bytes', value: random.pick(['', 'x', '-5', '1048576']) }]
        : []
      return { topics: [{ name, numPartitions, replicationFactor, assignments: [], configs }], timeoutMs: 1000 }
    }
    case InitProducerId.key:
      return { transactionalId: null, transactionTimeoutMs: random.pick([0, -1, 60_000]) }
    default:
      return undefined
  }
}

function run({ seed, attacks }: NodeInput): Outcome {
  return withTraps(() => {
    const sentBytes = attacks.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const limit = BYTES_OF_NODE + attacks.length * BYTES_OF_CONNECTION + BYTES_PER_BYTE * sentBytes
    return withinMemory('the node and its clients', limit, () => attacked(seed, attacks))
  })
}

function attacked(seed: string, attacks: readonly Attack[]): Outcome {
  const broker = new SimulatedBroker(seed, {
    'socket.request.max.bytes': String(LARGEST_FRAME_BYTES),
    'log.flush.offset.checkpoint.interval.ms': '500',
  })
  const { world } = broker
  broker.createTopic(TOPIC, 2)
  const attackers = attacks.map((each, index) => new Attacker(broker, `attacker${index}`, each))
  broker.pass(ATTACK_MS + 1000)
  isServing(broker)
  goodClient(broker)
  isServing(broker)
  world.stop()
  broker.until(() => world.exitCode !== undefined, 'the node stops')
  assert.equal(world.exitCode, 0, 'the node stops in order')
  const tried = attacks.reduce((sum, { frames }) => sum + frames, 0)
  return { tried, past: attackers.reduce((sum, { answers }) => sum + answers, 0) }
}

function isServing({ world }: SimulatedBroker): void {
  assert.equal(world.starts, 1, 'the node was started once')
  assert.equal(world.exits, 0, 'the node has ended itself')
  assert.ok(world.serving, 'the node serves')
}

/** Whoever comes in order is served. */
function goodClient(broker: SimulatedBroker): void {
  const client = broker.client()
  const { topics } = client.request(Metadata, 12, { topics: [{ name: TOPIC }], allowAutoTopicCreation: false })
  assert.equal(topics[0]!.errorCode, 0)
  const topic = { name: TOPIC, topicId: topics[0]!.topicId }
  const value = `after the attack ${broker.simulation.events}`
  const produced = client.request(Produce, 9, produceRequest(topic, batchOf([value]), { partition: 1 }))
  const [result] = produced.responses[0]!.partitionResponses
  assert.equal(result!.errorCode, 0, 'a good batch is taken')
  const wanted = fetchRequest(topic, result!.baseOffset, { partition: { partition: 1 } })
  const { responses } = client.request(Fetch, 12, wanted)
  const [fetched] = responses[0]!.partitions
  assert.equal(fetched!.errorCode, 0)
  assert.deepEqual(valuesIn(fetched!.records), [value])
}

class Attacker {
  /** Whole frames that came back. */
  answers = 0
  #received = Buffer.alloc(0)

  constructor(broker: SimulatedBroker, name: string, { bytes, pieces, leavesAtMs, leaves, reads }: Attack) {
    new Machine(broker.simulation, broker.world.network, name).boot(
      ({ clock, network }) => {
        let isOpen = true
        const connection: Connection = network.connect(
          { host: BROKER_HOST, port: BROKER_PORT },
          {
            data: (arrived) => this.#take(arrived),
            drained: () => {},
            closed: () => {
              isOpen = false
            },
          },
        )
        if (!reads) connection.pause()
        let from = 0
        for (const { end, atMs } of pieces) {
          const piece = bytes.subarray(from, end)
          from = end
          clock.timer(atMs, () => isOpen && connection.write([piece]))
        }
        clock.timer(leavesAtMs, () => isOpen && connection[leaves]())
      },
      () => {},
    )
  }

  #take(arrived: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, arrived])
    while (this.#received.length >= 4 && this.#received.length - 4 >= this.#received.readInt32BE()) {
      this.answers++
      this.#received = this.#received.subarray(4 + this.#received.readInt32BE())
    }
  }
}
