/** Strange frames, and what a running Apache Kafka made of each: the same here, but for what is listed with its reason. The broker serves on. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Reader } from '../../src/base/bytes/reader.js'
import { decodeResponse } from '../../src/protocol/frame.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { golden } from '../golden.js'
import { batchOf, Produce, produceRequest } from './requests.js'
import { startNode } from './test-node.js'
import { requestFrame, type WireClient } from './wire-client.js'

interface OddFrame {
  readonly case: string
  readonly send: string
  readonly connection: 'open' | 'closed'
  readonly answer: string
}

interface Expected {
  readonly connection: 'open' | 'closed'
  readonly answer: string | ((frames: readonly Buffer[]) => void)
}

const frames = golden<OddFrame>('odd-frames.jsonl')
const correlation = 7

/** The records went to a topic that had others already: everything but the offset is as Kafka answered. */
function appended(acks: number): Expected {
  return {
    connection: 'open',
    answer: ([frame]) => {
      const { body } = decodeResponse(Produce, 3, new Reader(frame!))
      const [result] = body.responses[0]!.partitionResponses
      assert.equal(result!.errorCode, 0, `acks ${acks}`)
      assert.ok(result!.baseOffset >= 0)
      assert.equal(result!.logAppendTimeMs, -1)
    },
  }
}

/** The list of APIs is another one than Kafka's. */
function listed(version: number, count = 1): Expected {
  return {
    connection: 'open',
    answer: (answers) => {
      assert.equal(answers.length, count)
      for (const [index, frame] of answers.entries()) {
        const { correlationId, body } = decodeResponse(ApiVersions, version, new Reader(frame))
        assert.equal(correlationId, count === 1 ? correlation : index + 1)
        assert.equal(body.errorCode, 0)
        assert.ok(body.apiKeys.length > 0)
      }
    },
  }
}

/** Where the answer cannot be, or is not meant to be, byte for byte that of the broker that was asked. */
const expectations: ReadonlyMap<string, Expected> = new Map<string, Expected>([
  ['ApiVersions v0', listed(0)],
  ['ApiVersions v0, client id null', listed(0)],
  ['ApiVersions v3', listed(3)],
  ['two requests in one write', listed(0, 2)],
  ['Produce v3, acks 1', appended(1)],
  ['Produce v3, acks -1', appended(-1)],
  [
    'Metadata v1, two bytes too many',
    {
      connection: 'open',
      answer: ([frame]) => {
        const { body } = decodeResponse(Metadata, 1, new Reader(frame!))
        assert.deepEqual([body.brokers.length, body.topics], [1, []])
      },
    },
  ],
  // Produce v0 to v2 are served here: nothing was asked, nothing is answered.
  ['Produce v2, advertised but not served', { connection: 'open', answer: '0000000c000000070000000000000000' }],
  // Fetch v0 to v3 are served here, with messages of magic 0 and 1.
  ['Fetch v3, not served', { connection: 'open', answer: '0000000c000000070000000000000000' }],
  // A negative length other than -1 is damage, not null.
  ['Metadata v1, topic count -2', { connection: 'closed', answer: '' }],
  // Kafka says nothing for a while; a client is better told.
  [
    'Produce v3, records null',
    {
      connection: 'open',
      answer: '0000002e00000007000000010006636f646563730000000100000000'.concat('0057', 'ff'.repeat(16), '00000000'),
    },
  ],
  // There is no SASL yet: the API is not served.
  ['SaslHandshake v1 on a listener without SASL', { connection: 'closed', answer: '' }],
])

const broker = await startNode()
after(() => broker.remove())
const topic = { name: 'codecs', topicId: await broker.createTopic('codecs') }
await broker.use((client) => client.request(Produce, 9, produceRequest(topic, batchOf(['first']))))

const probe = requestFrame(ApiVersions, 0, 4711, { clientSoftwareName: '', clientSoftwareVersion: '' })

/** Everything that comes before the answer to a request that is sent behind, or before the end. */
async function answersTo(client: WireClient, bytes: Buffer, staysOpen: boolean): Promise<Buffer[]> {
  client.write(bytes)
  const answers: Buffer[] = []
  if (!staysOpen) {
    await client.closed
    while (client.unread > 0) answers.push(await client.frame())
    return answers
  }
  client.write(probe)
  for (;;) {
    const frame = await client.frame()
    if (frame.readInt32BE() === 4711) return answers
    answers.push(frame)
  }
}

test('the vectors are there', () => {
  assert.equal(frames.length, 43)
  for (const name of expectations.keys())
    assert.ok(
      frames.some((frame) => frame.case === name),
      name,
    )
})

for (const { case: name, send, connection, answer } of frames) {
  test(`odd frame: ${name}`, async () => {
    const bystander = await broker.client()
    const client = await broker.client()
    const expected = expectations.get(name) ?? { connection, answer }
    const bytes = Buffer.from(send, 'hex')
    if (name === 'half a frame') {
      // What is sent behind completes it: only then is there something to answer.
      client.write(bytes)
      assert.equal((await bystander.request(Metadata, 1, { topics: [] })).brokers.length, 1)
      assert.deepEqual([client.bytesReceived, client.isClosed], [0, false])
      client.write(Buffer.from('000007000178', 'hex'))
      assert.equal((await client.frame()).readInt32BE(), 7)
    } else {
      const answers = await answersTo(client, bytes, expected.connection === 'open')
      if (typeof expected.answer === 'string') {
        const got = answers.map((frame) => `${frame.length.toString(16).padStart(8, '0')}${frame.toString('hex')}`)
        assert.equal(got.join(''), expected.answer)
      } else expected.answer(answers)
    }
    // Whoever else is connected notices nothing, and the next client is served.
    for (const other of [bystander, await broker.client()]) {
      const { topics } = await other.request(Metadata, 1, { topics: [{ name: 'codecs' }] })
      assert.equal(topics[0]!.errorCode, 0)
      other.close()
    }
    client.close()
  })
}

test('records that were answered with acks=0 are there, and what was refused is not', async () => {
  const { topics } = await broker.use((client) => client.request(Metadata, 12, { topics: [topic] }))
  assert.equal(topics[0]!.errorCode, 0)
  const partition = broker.node.broker!.replicas.find(topic.topicId, 0)
  assert.ok(partition !== 'offline' && partition !== undefined)
  // One, and three each by acks 1, 0 and -1.
  assert.equal(partition.highWatermark, 10)
})
