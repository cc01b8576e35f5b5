/**
 * A server that strangers connect to, seen from outside: many that send large requests and never finish, many that fetch and never read, and a hundred
 * thousand frames that no client would send. It stays within its memory, and a neighbour is served throughout.
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { within } from '../../jepsen/beds/within.js'
import { Writer } from '../../src/base/bytes/writer.js'
import { Prng } from '../../src/base/prng.js'
import { HANDLERS } from '../../src/broker/apis/index.js'
import type { Fields } from '../../src/protocol/field.js'
import { RequestHeader, requestHeaderVersion } from '../../src/protocol/frame.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { Schema } from '../../src/protocol/schema.js'
import { batchOf, fetchRequest, produceRequest, valuesIn } from '../broker/requests.js'
import { requestFrame, WireClient } from '../broker/wire-client.js'
import { mutate, mutationCount } from '../fuzz/mutate.js'
import { golden } from '../golden.js'
import { temporaryDirectory } from '../node-ports.js'
import { arbitraryOf } from '../protocol/arbitrary.js'
import { SEED_VARIABLE } from '../seed.js'
import { withoutLinux } from './linux.js'
import { Neighbour, quantile } from './neighbour.js'
import { type CommandProcess, collected, SERVES, type ServerOptions, startServer } from './server-process.js'

const MB = 1024 * 1024
const LONGEST_TEST_MS = 120_000
const QUIET_MS = 2000
const LONGEST_P99_MS = 50

interface Place {
  readonly server: CommandProcess
  readonly port: number
  readonly random: Prng
}

async function place(t: TestContext, name: string, options: Pick<ServerOptions, 'node' | 'set'> = {}): Promise<Place> {
  const seed = process.env[SEED_VARIABLE] ?? String(Date.now())
  t.diagnostic(`seed ${seed} (again with: npm run test:process -- --seed ${seed} strangers)`)
  const random = new Prng(`${name} ${seed}`)
  const data = temporaryDirectory(name)
  const port = await fixedPort(random)
  const server = startServer({ data, port, ...options })
  t.after(async () => {
    if (server.running) await server.end('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  })
  await server.says(SERVES)
  return { server, port, random }
}

function residentBytes({ pid }: CommandProcess): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kib) * 1024
}

function connect(port: number, host = '127.0.0.1'): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true }, () => {
      socket.off('error', reject)
      // What becomes of it is the server's matter.
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

async function createTopic(client: WireClient, name: string): Promise<void> {
  const wanted = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const [topic] = (await client.request(CreateTopics, 4, { topics: [wanted], timeoutMs: 5000 })).topics
  assert.equal(topic!.errorCode, 0)
}

test('200 that declare 100 MB each and 50 that never read: below 512 MB, and a neighbour in 50 ms', {
  timeout: LONGEST_TEST_MS,
  skip: withoutLinux,
}, async (t) => {
  const { server, port } = await place(t, 'strangers')
  const client = await WireClient.connect({ host: '127.0.0.1', port })
  await createTopic(client, 'large')
  await createTopic(client, 'near')
  const batch = batchOf(['x'.repeat(1_000_000)])
  for (let n = 0; n < 60; n++) {
    const { responses } = await client.request(Produce, 9, produceRequest({ name: 'large' }, batch, { acks: 1 }))
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
  const startBytes = residentBytes(server)
  const neighbour = new Neighbour({ port, topic: 'near' })
  t.after(() => neighbour.stop())
  await sleep(QUIET_MS)
  const quiet = await neighbour.tookMs()
  let mostBytes = 0

  const readers = await Promise.all(Array.from({ length: 50 }, () => connect(port)))
  const everything = requestFrame(
    Fetch,
    11,
    1,
    fetchRequest({ name: 'large' }, 0, { maxBytes: 0x7fff_ffff, partition: { partitionMaxBytes: 0x7fff_ffff } }),
  )
  for (const reader of readers) {
    reader.pause()
    for (let n = 0; n < 20; n++) reader.write(everything)
  }
  const declare = Buffer.alloc(4)
  declare.writeInt32BE(100 * MB)
  const piece = Buffer.alloc(256 * 1024, 1)
  const senders = await Promise.all(Array.from({ length: 200 }, () => connect(port)))
  for (const sender of senders) sender.write(declare)
  // A frame is whole when its sender has sent all of it: these send for ever, 100 MB less a byte at most.
  const sent = senders.map(() => 0)
  const untilMs = performance.now() + 10_000
  while (performance.now() < untilMs) {
    for (const [index, sender] of senders.entries()) {
      if (sender.writableNeedDrain || sender.destroyed || sent[index]! + piece.length >= 100 * MB) continue
      sender.write(piece)
      sent[index]! += piece.length
    }
    mostBytes = Math.max(mostBytes, residentBytes(server))
    await sleep(2)
  }
  const tookMs = await neighbour.tookMs()
  await neighbour.stop()
  const total = sent.reduce((sum, each) => sum + each, 0)
  const [p50, p99, quietP99] = [quantile(tookMs, 0.5), quantile(tookMs, 0.99), quantile(quiet, 0.99)]
  t.diagnostic(
    `sent ${(total / MB).toFixed(0)} MB; resident ${(startBytes / MB).toFixed(0)} MB before, ${(mostBytes / MB).toFixed(0)} MB at most`,
  )
  t.diagnostic(
    `neighbour: ${tookMs.length} requests, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (before: ${quietP99.toFixed(1)} ms), longest ${tookMs.at(-1)!.toFixed(1)} ms`,
  )
  assert.ok(total > 128 * MB, 'they have tried')
  assert.ok(
    senders.every((sender) => !sender.destroyed),
    'nobody is turned away',
  )
  assert.ok(mostBytes < 512 * MB, `${mostBytes / MB} MB`)
  assert.ok(tookMs.length > 300)
  // On a machine that is busy with other things the same requests take long in quiet, too.
  assert.ok(p99 < LONGEST_P99_MS + quietP99, `${p99} ms, in quiet ${quietP99} ms`)

  // When they go, their memory does, and a large request is taken.
  for (const socket of [...readers, ...senders]) socket.destroy()
  const { responses } = await client.request(Produce, 9, produceRequest({ name: 'large' }, batch, { acks: 1 }))
  assert.equal(responses[0]!.partitionResponses[0]!.baseOffset, 60)
  client.close()
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
})

interface Vector {
  readonly api: string
  readonly kind: string
  readonly version: number
  readonly hex: string
}

const VECTORS = ['data', 'groups', 'transactions', 'topics-configs', 'cluster', 'old-versions', 'security']

const FRAMES = 100_000
const SAMPLES = 20
/** The first that cannot be answered ends the connection: what is behind it is not looked at. */
const FRAMES_PER_CONNECTION = 4
const CONNECTIONS_AT_ONCE = 16
const LONGEST_ANSWER_MS = 500

test('100,000 frames that no client sends: at most 64 MB more, and a neighbour is answered throughout', {
  timeout: LONGEST_TEST_MS,
  skip: withoutLinux,
}, async (t) => {
  const collect = fileURLToPath(new URL('collect-garbage.js', import.meta.url))
  const { server, port, random } = await place(t, 'frames', {
    node: ['--expose-gc', '--import', collect],
    // What is created is no leak, either.
    set: ['auto.create.topics.enable=false'],
  })
  const client = await WireClient.connect({ host: '127.0.0.1', port })
  await createTopic(client, 'near')
  const frames = new Frames(random)
  // What is compiled and kept on first use is no leak.
  await attack(port, random, frames, FRAMES / 20)
  const startBytes = await collected(server, () => residentBytes(server))
  const neighbour = new Neighbour({ port, topic: 'near' })
  t.after(() => neighbour.stop())
  const beganMs = performance.now()
  await attack(port, random, frames, FRAMES)
  const tookMs = performance.now() - beganMs
  const answers = await neighbour.tookMs()
  await neighbour.stop()
  const endBytes = await collected(server, () => residentBytes(server))
  const grownBytes = endBytes - startBytes
  t.diagnostic(
    `${FRAMES} frames in ${(tookMs / 1000).toFixed(0)} s; resident ${(startBytes / MB).toFixed(0)} MB, then ${(endBytes / MB).toFixed(0)} MB`,
  )
  t.diagnostic(
    `neighbour: ${answers.length} requests, p99 ${quantile(answers, 0.99).toFixed(1)} ms; by kind ${JSON.stringify(frames.counts)}`,
  )
  assert.ok(frames.counts.inValidHeader * 2 >= frames.counts.all, 'half of them are mutated inside valid headers')
  assert.ok(
    [...frames.apis.values()].every((count) => count > 100),
    'every API has its share',
  )
  assert.ok(grownBytes <= 64 * MB, `${grownBytes / MB} MB`)
  assert.ok(answers.length > 200)
  assert.deepEqual(server.logLines('response cannot be encoded'), [])

  const { responses } = await client.request(Fetch, 11, fetchRequest({ name: 'near' }, 0))
  assert.equal(valuesIn(responses[0]!.partitions[0]!.records)[0], '0')
  client.close()
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
})

/** Frames of every kind, half of them a valid header of an API that is served and a mutated body of it. */
class Frames {
  readonly counts = { all: 0, inValidHeader: 0, mutatedHeader: 0, noise: 0 }
  readonly apis = new Map<string, number>()
  readonly #random: Prng
  readonly #bodies: readonly { readonly name: string; readonly header: Buffer; readonly bodies: readonly Buffer[] }[]

  constructor(random: Prng) {
    this.#random = random
    const vectors = new Map<string, Buffer[]>()
    for (const { api, kind, version, hex } of VECTORS.flatMap((file) => golden<Vector>(`${file}.jsonl.gz`))) {
      if (kind !== 'request') continue
      const key = `${api} ${version}`
      vectors.set(key, [...(vectors.get(key) ?? []), Buffer.from(hex, 'hex')])
    }
    this.#bodies = HANDLERS.flatMap(({ message, versions: [first, last] }) =>
      Array.from({ length: last - first + 1 }, (_, index) => {
        const version = first + index
        return {
          name: message.name,
          header: encoded(RequestHeader, requestHeaderVersion(message, version), {
            requestApiKey: message.key,
            requestApiVersion: version,
            correlationId: 1,
            clientId: 'stranger',
          }),
          // What Kafka does not have, it has no vectors of.
          bodies: vectors.get(`${message.name} ${version}`) ?? sampled(message.request, version, random),
        }
      }),
    )
    for (const { name } of this.#bodies) this.apis.set(name, 0)
  }

  next(): Buffer {
    const random = this.#random
    this.counts.all++
    const { name, header, bodies } = random.pick(this.#bodies)
    const kind = random.below(10)
    if (kind < 6) {
      this.counts.inValidHeader++
      this.apis.set(name, this.apis.get(name)! + 1)
      return framed(Buffer.concat([header, mutate(random, random.pick(bodies), mutationCount(random))]))
    }
    if (kind < 8) {
      this.counts.mutatedHeader++
      return framed(mutate(random, Buffer.concat([header, random.pick(bodies)]), mutationCount(random)))
    }
    this.counts.noise++
    return Buffer.from(random.bytes(random.between(1, 200)))
  }
}

function encoded<F extends Fields>(
  schema: Schema<F>,
  version: number,
  value: Parameters<Schema<F>['encode']>[2],
): Buffer {
  const writer = new Writer()
  schema.encode(version, writer, value)
  return Buffer.concat(writer.chunks())
}

function sampled(schema: Schema<Fields>, version: number, random: Prng): Buffer[] {
  const values = fc.sample(arbitraryOf(schema, version), { seed: random.uint32() | 0, numRuns: SAMPLES })
  return values.map((value) => encoded(schema, version, value))
}

function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Connections that send what they have, wait a little for answers, and go. Each goes on as long as the server lets it. */
async function attack(port: number, random: Prng, frames: Frames, count: number): Promise<void> {
  const goal = frames.counts.all + count
  const one = async (): Promise<void> => {
    while (frames.counts.all < goal) {
      // Ports of one's own are used up soon; addresses are not.
      const socket = await within(10_000, 'a connection', connect(port, `127.0.0.${random.between(1, 250)}`))
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.resume()
      for (let n = 0; n < FRAMES_PER_CONNECTION && !socket.destroyed && frames.counts.all < goal; n++) {
        socket.write(frames.next())
        if (random.chance(0.3)) await nextTurn()
      }
      if (random.chance(0.5)) socket.end()
      await Promise.race([closed, sleep(random.below(LONGEST_ANSWER_MS / 50))])
      socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, one))
}
