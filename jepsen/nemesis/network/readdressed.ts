/**
 * What a cluster tells its clients of where brokers are, with other addresses in it: so that clients come by the proxy, although nobody can tell the cluster to advertise it. Answers that name brokers beside
 * records are not read for that: clients are offered the versions from before brokers did so (KIP-951), and of whatever else is changed only versions that are known here.
 */
import { DecodeError, Reader } from '../../../src/base/bytes/reader.js'
import { Writer } from '../../../src/base/bytes/writer.js'
import { ErrorCode } from '../../../src/protocol/errors.js'
import type { Fields } from '../../../src/protocol/field.js'
import { decodeRequestPrefix, decodeResponse, encodeResponse } from '../../../src/protocol/frame.js'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.js'
import { DescribeCluster } from '../../../src/protocol/messages/describe-cluster.js'
import { Fetch } from '../../../src/protocol/messages/fetch.js'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { Produce } from '../../../src/protocol/messages/produce.js'
import { ShareAcknowledge } from '../../../src/protocol/messages/share-acknowledge.js'
import { ShareFetch } from '../../../src/protocol/messages/share-fetch.js'
import type { InOfMessage, Message, OutOfMessage } from '../../../src/protocol/schema.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Whole frames, with their lengths. Throws `DecodeError`. */
export type ChangesAnswer = (answer: Buffer) => Buffer

const LENGTH_BYTES = 4
/** `endpointType` of DescribeCluster: what it names are controllers otherwise, which have the ids of brokers. */
const BROKERS = 1
/** From then on FindCoordinator answers for several keys. */
const SEVERAL_KEYS = 4
/** Key, version and correlation id. */
const HEADER_BYTES = 8
const ERROR_CODE_AT = 8
/** The last version that is offered, of what names brokers: of Produce and Fetch the last without. */
const MOST: Readonly<Record<number, number>> = {
  [Produce.key]: 9,
  [Fetch.key]: 15,
  [Metadata.key]: Metadata.versions[1],
  [FindCoordinator.key]: FindCoordinator.versions[1],
  [DescribeCluster.key]: DescribeCluster.versions[1],
  [ApiVersions.key]: ApiVersions.versions[1],
}
/** These do so in all versions. */
const NEVER: readonly number[] = [ShareFetch.key, ShareAcknowledge.key]

/** What is told of a broker, and where it is. */
interface Entry {
  readonly front: Address
  readonly target: Changeable<Address>
}

type Changeable<T> = { -readonly [Key in keyof T]: T[Key] }

export class AddressBook {
  readonly #entries = new Map<number, Entry>()

  /** Of a broker that is not in it the address stays what it is. `target` follows the broker to where answers say that it is now. */
  add(brokerId: number, front: Address, target: Changeable<Address>): void {
    this.#entries.set(brokerId, { front, target })
  }

  /** `request`: a whole frame, with its length. Undefined: its answer names no broker. */
  answerTo(request: Buffer): { readonly correlationId: number; readonly change: ChangesAnswer } | undefined {
    if (request.length < LENGTH_BYTES + HEADER_BYTES) return undefined
    const { apiKey, apiVersion, correlationId } = decodeRequestPrefix(new Reader(request.subarray(LENGTH_BYTES)))
    const change = this.#changeOf(apiKey, apiVersion)
    return change === undefined ? undefined : { correlationId, change }
  }

  #changeOf(apiKey: number, apiVersion: number): ChangesAnswer | undefined {
    switch (apiKey) {
      case ApiVersions.key:
        return (answer) => changed(ApiVersions, versionOfVersions(apiVersion, answer), answer, capped)
      case Metadata.key:
        return (answer) =>
          changed(Metadata, apiVersion, answer, ({ brokers, ...rest }) => {
            return { ...rest, brokers: brokers.map((broker) => this.#told(broker.nodeId, broker)) }
          })
      case DescribeCluster.key:
        return (answer) =>
          changed(DescribeCluster, apiVersion, answer, ({ brokers, ...rest }) => {
            if (rest.endpointType !== BROKERS) return { ...rest, brokers }
            return { ...rest, brokers: brokers.map((broker) => this.#told(broker.brokerId, broker)) }
          })
      case FindCoordinator.key:
        return (answer) =>
          changed(FindCoordinator, apiVersion, answer, ({ coordinators, ...rest }) => {
            if (apiVersion < SEVERAL_KEYS) return this.#told(rest.nodeId, { ...rest, coordinators })
            return { ...rest, coordinators: coordinators.map((each) => this.#told(each.nodeId, each)) }
          })
      default:
        return undefined
    }
  }

  #told<Named extends Address>(brokerId: number, named: Named): Named {
    const entry = this.#entries.get(brokerId)
    if (entry === undefined) return named
    // A fenced broker has none.
    if (named.port > 0) Object.assign(entry.target, { host: named.host, port: named.port })
    return { ...named, ...entry.front }
  }
}

function capped({ apiKeys, ...rest }: OutOfMessage<typeof ApiVersions.response.fields>) {
  const served = apiKeys
    .filter(({ apiKey }) => !NEVER.includes(apiKey))
    .map((api) => ({ ...api, maxVersion: Math.min(api.maxVersion, MOST[api.apiKey] ?? api.maxVersion) }))
  return { ...rest, apiKeys: served.filter(({ minVersion, maxVersion }) => minVersion <= maxVersion) }
}

/** Who does not know the version says so in version 0. */
function versionOfVersions(asked: number, answer: Buffer): number {
  const isRefusal =
    answer.length >= ERROR_CODE_AT + 2 && answer.readInt16BE(ERROR_CODE_AT) === ErrorCode.UNSUPPORTED_VERSION
  return isRefusal ? 0 : asked
}

function changed<Response extends Fields>(
  message: Message<Fields, Response>,
  version: number,
  answer: Buffer,
  change: (body: OutOfMessage<Response>) => InOfMessage<Response>,
): Buffer {
  if (!message.response.knows(version)) throw new DecodeError(`${message.name} v${version} is not known here`)
  const { correlationId, body } = decodeResponse(message, version, new Reader(answer.subarray(LENGTH_BYTES)))
  const writer = new Writer()
  encodeResponse(writer, message, { version, correlationId, body: change(body) })
  return writer.toBuffer()
}
