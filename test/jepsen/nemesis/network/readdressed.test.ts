/** Answers that name brokers, in all their versions, before and after they have gone through the proxy of a cluster by its address. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressBook } from '../../../../jepsen/nemesis/network/readdressed.js'
import { DecodeError, Reader } from '../../../../src/base/bytes/reader.js'
import { Writer } from '../../../../src/base/bytes/writer.js'
import { ErrorCode } from '../../../../src/protocol/errors.js'
import type { Fields } from '../../../../src/protocol/field.js'
import { decodeResponse, encodeRequest, encodeResponse } from '../../../../src/protocol/frame.js'
import { ApiVersions } from '../../../../src/protocol/messages/api-versions.js'
import { DescribeCluster } from '../../../../src/protocol/messages/describe-cluster.js'
import { Fetch } from '../../../../src/protocol/messages/fetch.js'
import { FindCoordinator } from '../../../../src/protocol/messages/find-coordinator.js'
import { Heartbeat } from '../../../../src/protocol/messages/heartbeat.js'
import { Metadata } from '../../../../src/protocol/messages/metadata.js'
import { Produce } from '../../../../src/protocol/messages/produce.js'
import { ShareFetch } from '../../../../src/protocol/messages/share-fetch.js'
import type { InOfMessage, Message, OutOfMessage } from '../../../../src/protocol/schema.js'

const CORRELATION_ID = 77
const FRONT = { host: '127.0.0.1', port: 40_001 }
const OTHER = { host: 'far', port: 9092 }

const book = new AddressBook()
const target = { host: 'where it was', port: 9091 }
book.add(1, FRONT, target)

function requestOf<Request extends Fields>(
  message: Message<Request, Fields>,
  version: number,
  body: InOfMessage<Request>,
) {
  const writer = new Writer()
  encodeRequest(writer, message, { version, correlationId: CORRELATION_ID, clientId: 'one', body })
  return writer.toBuffer()
}

/** What a client is told where the cluster has answered that. */
function told<Request extends Fields, Response extends Fields>(
  message: Message<Request, Response>,
  versions: { readonly asked: number; readonly answered?: number },
  request: InOfMessage<Request>,
  response: InOfMessage<Response>,
): OutOfMessage<Response> {
  const { asked, answered = asked } = versions
  const found = book.answerTo(requestOf(message, asked, request))
  assert.equal(found?.correlationId, CORRELATION_ID)
  const writer = new Writer()
  encodeResponse(writer, message, { version: answered, correlationId: CORRELATION_ID, body: response })
  const frame = found.change(writer.toBuffer())
  assert.equal(frame.readInt32BE(0), frame.length - 4)
  const { correlationId, body } = decodeResponse(message, answered, new Reader(frame.subarray(4)))
  assert.equal(correlationId, CORRELATION_ID)
  return body
}

function versionsOf({ versions: [first, last] }: Message): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }) => ({ host, port })

test('Metadata names the fronts of brokers, and leaves one without a front as it is', () => {
  for (const asked of versionsOf(Metadata as unknown as Message)) {
    const brokers = [1, 2].map((nodeId) => ({ nodeId, ...OTHER, ...(asked > 0 && { rack: `r${nodeId}` }) }))
    const partition = { partitionIndex: 0, leaderId: 1, replicaNodes: [1, 2], isrNodes: [1], errorCode: 0 }
    const topics = [{ errorCode: 0, name: 'one', partitions: [partition] }]
    const { brokers: now, topics: kept } = told(Metadata, { asked }, { topics: [] }, { brokers, topics })
    assert.deepEqual(now.map(addressOf), [FRONT, OTHER], `version ${asked}`)
    if (asked > 0)
      assert.deepEqual(
        now.map(({ rack }) => rack),
        ['r1', 'r2'],
      )
    assert.deepEqual(kept[0]!.partitions[0]!.replicaNodes, [1, 2])
  }
})

test('DescribeCluster names the fronts of brokers, and controllers as they are', () => {
  const brokers = [1, 2].map((brokerId) => ({ brokerId, ...OTHER }))
  const of = (asked: number, endpointType: number) => {
    const body = { throttleTimeMs: 0, clusterId: 'c', errorCode: 0, brokers, ...(asked > 0 && { endpointType }) }
    return told(DescribeCluster, { asked }, { includeClusterAuthorizedOperations: false }, body).brokers.map(addressOf)
  }
  for (const asked of versionsOf(DescribeCluster as unknown as Message)) {
    assert.deepEqual(of(asked, 1), [FRONT, OTHER], `version ${asked}`)
    if (asked > 0) assert.deepEqual(of(asked, 2), [OTHER, OTHER], `version ${asked}`)
  }
})

test('FindCoordinator names the front, of one key and of several', () => {
  for (const asked of versionsOf(FindCoordinator as unknown as Message)) {
    const several = asked >= 4
    const request = several ? { coordinatorKeys: ['a', 'b'] } : { key: 'a' }
    const each = (nodeId: number) => ({ nodeId, errorCode: 0, errorMessage: null, ...OTHER })
    const coordinators = [1, 2].map((nodeId) => ({ key: `${nodeId}`, ...each(nodeId) }))
    const body = told(FindCoordinator, { asked }, request, several ? { coordinators } : each(1))
    if (several) assert.deepEqual(body.coordinators.map(addressOf), [FRONT, OTHER], `version ${asked}`)
    else assert.deepEqual(addressOf(body), FRONT, `version ${asked}`)
  }
})

test('the front of a broker leads to where the cluster says that it is now, and stays where it says nothing', () => {
  const metadata = (host: string, port: number) =>
    told(Metadata, { asked: 9 }, { topics: [] }, { brokers: [{ nodeId: 1, host, port, rack: null }], topics: [] })
  assert.deepEqual(metadata('moved', 9094).brokers.map(addressOf), [FRONT])
  assert.deepEqual(target, { host: 'moved', port: 9094 })
  metadata('', -1)
  assert.deepEqual(target, { host: 'moved', port: 9094 })
})

test('versions in which records come with addresses are not offered, nor any that is not known here', () => {
  const apis = [Produce, Fetch, Metadata, Heartbeat].map(({ key }) => ({ apiKey: key, minVersion: 0, maxVersion: 99 }))
  const apiKeys = [...apis, { apiKey: ShareFetch.key, minVersion: 1, maxVersion: 2 }]
  for (const asked of versionsOf(ApiVersions as unknown as Message)) {
    const { apiKeys: now } = told(ApiVersions, { asked }, {}, { errorCode: 0, apiKeys })
    const most = new Map(now.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
    assert.deepEqual([...most.keys()], [Produce.key, Fetch.key, Metadata.key, Heartbeat.key])
    assert.ok(most.get(Produce.key)! < 10 && most.get(Fetch.key)! < 16)
    assert.equal(most.get(Metadata.key), Metadata.versions[1])
    assert.equal(most.get(Heartbeat.key), 99)
  }
})

test('who refuses the version of ApiVersions does so in version 0', () => {
  const body = { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }] }
  const { errorCode, apiKeys } = told(ApiVersions, { asked: 4, answered: 0 }, {}, body)
  assert.equal(errorCode, ErrorCode.UNSUPPORTED_VERSION)
  assert.equal(apiKeys[0]!.maxVersion, 3)
})

test('an answer that names no broker is left alone, and one that cannot be read is an error', () => {
  const heartbeat = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
  assert.equal(book.answerTo(requestOf(Heartbeat, 3, heartbeat)), undefined)
  assert.equal(book.answerTo(Buffer.from([0, 0, 0, 1, 0])), undefined)
  const { change } = book.answerTo(requestOf(Metadata, 9, { topics: [] }))!
  assert.throws(() => change(Buffer.from([0, 0, 0, 6, 0, 0, 0, 77, 0, 9])), DecodeError)
  const unknown = requestOf(Metadata, 9, { topics: [] })
  unknown.writeInt16BE(Metadata.versions[1] + 1, 6)
  assert.throws(() => book.answerTo(unknown)!.change(Buffer.alloc(64)), DecodeError)
})
