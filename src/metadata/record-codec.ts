/**
 * Metadata records to bytes and back: `1, type, version` as unsigned varints, then a protobuf message (proto/metadata.proto).
 *
 * A type or version that is not in the table is `UnknownRecordError`: going on without it would part this replica from the others.
 */
import protobuf from 'protobufjs/light.js'
import { DecodeError, Reader } from '../base/bytes/reader.js'
import { Writer } from '../base/bytes/writer.js'
import type { MetadataRecord } from './records.js'
import { knowsRecord, type Release, THIS_RELEASE } from './release.js'
import { schema } from './schema.js'

const FRAME_VERSION = 1

interface Kind {
  readonly number: number
  /** The version this release writes, which is also the newest it can read. */
  readonly version: number
  readonly message: protobuf.Type
  /** Fields wrapped in a message because protobuf cannot tell an empty list from an absent one. */
  readonly wrapped: readonly string[]
}

const root = protobuf.Root.fromJSON(schema as protobuf.INamespace)
compile(root)

const kinds: Readonly<Record<MetadataRecord['type'], Kind>> = {
  registerBroker: kind(0, 'RegisterBroker'),
  unregisterBroker: kind(1, 'UnregisterBroker'),
  topic: kind(2, 'Topic'),
  partition: kind(3, 'Partition'),
  config: kind(4, 'Config'),
  partitionChange: kind(5, 'PartitionChange'),
  removeTopic: kind(9, 'RemoveTopic'),
  featureLevel: kind(12, 'FeatureLevel'),
  producerIds: kind(15, 'ProducerIds'),
  brokerRegistrationChange: kind(17, 'BrokerRegistrationChange'),
  noOp: kind(20, 'NoOp'),
}

const byNumber = new Map(
  Object.entries(kinds).map(([type, each]) => [each.number, { type: type as MetadataRecord['type'], ...each }]),
)

/** The record is of a type or version that this release does not know: it must not go on reading. */
export class UnknownRecordError extends Error {
  override readonly name = 'UnknownRecordError'
}

export function encodeRecord(record: MetadataRecord): Buffer {
  const { number, version, message, wrapped } = kinds[record.type]
  const fields: Record<string, unknown> = { ...record }
  for (const name of wrapped) {
    if (fields[name] !== undefined) fields[name] = { values: fields[name] }
  }
  const writer = new Writer(32)
  writer.uvarint(FRAME_VERSION)
  writer.uvarint(number)
  writer.uvarint(version)
  writer.raw(message.encode(message.fromObject(fields)).finish())
  return writer.toBuffer()
}

/** Throws `UnknownRecordError`, or `DecodeError` where the bytes are damaged. */
export function decodeRecord(bytes: Uint8Array, release: Release = THIS_RELEASE): MetadataRecord {
  const reader = new Reader(bytes)
  const frame = reader.uvarint()
  const number = reader.uvarint()
  const version = reader.uvarint()
  const known = byNumber.get(number)
  const isKnown = known !== undefined && version <= known.version && knowsRecord(release, known.type)
  if (frame !== FRAME_VERSION || !isKnown) {
    throw new UnknownRecordError(
      `the metadata log holds a record of type ${number}, version ${version} (frame ${frame}), which this release of lograft ` +
        'does not know: start the release that wrote it, or a newer one',
    )
  }
  let fields: Record<string, unknown>
  try {
    const decoded = known.message.decode(bytes.subarray(reader.position))
    fields = known.message.toObject(decoded, {
      longs: Number,
      enums: String,
      defaults: true,
      arrays: true,
      objects: true,
    })
  } catch (error) {
    throw new DecodeError(`a metadata record of type ${number}: ${(error as Error).message}`)
  }
  for (const name of known.wrapped) {
    const list = fields[name] as { values: unknown } | null | undefined
    if (list == null) delete fields[name]
    else fields[name] = list.values
  }
  return { type: known.type, ...fields } as MetadataRecord
}

function kind(number: number, name: string): Kind {
  const message = root.lookupType(`lograft.metadata.${name}`)
  const wrapped = message.fieldsArray.filter((field) => field.type.endsWith('List')).map((field) => field.name)
  return { number, version: 0, message, wrapped }
}

/** protobufjs would write each type's functions when its first message comes: what is read from a disk or a peer would reserve what its bytes do not explain. */
function compile(namespace: protobuf.NamespaceBase): void {
  if (namespace instanceof protobuf.Type) namespace.setup()
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Namespace || nested instanceof protobuf.Type) compile(nested)
  }
}
