/** A shard is read anew from the files of its log as a start would find them, whatever is being done to them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '../../src/base/uuid.js'
import { encodeGroupRecord, type GroupRecord } from '../../src/coordinator/group/group-records.js'
import { buildBatch } from '../../src/records/builder.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { loadedFrom } from '../../src/sim/group-reload.js'

/** A commit of this offset for a partition of topic t. */
function commit(at: number, partition: number, offset: number): Buffer {
  const times = { commitTimestamp: 1, expireTimestamp: -1 }
  const value = { offset, leaderEpoch: -1, metadata: '', topicId: ZERO_UUID, ...times }
  const record: GroupRecord = { type: 'OffsetCommit', key: { group: 'g', topic: 't', partition }, value }
  return Buffer.from(buildBatch([{ ...encodeGroupRecord(record), timestamp: 1 }], { baseOffset: at }))
}

function fileOf(...batches: Buffer[]): SimulatedFile {
  const made = new SimulatedFile()
  made.write(0, Buffer.concat(batches))
  return made
}

const nameOf = (baseOffset: number): string => `${String(baseOffset).padStart(20, '0')}.log`

/** Offsets by partition; undefined: the files are in flux. */
function loaded(folder: SimulatedDirectory, endOffset: number): [number, number][] | undefined {
  const shard = loadedFrom(folder, endOffset)
  const partitions = shard && [...shard.offsets.allOf('g')].flatMap(([, each]) => [...each])
  return partitions?.map(([partition, { offset }]): [number, number] => [partition, offset]).sort()
}

/** Three segments, of which the first two are about to be made one. */
function dirty(): SimulatedDirectory {
  const folder = new SimulatedDirectory()
  folder.set(nameOf(0), fileOf(commit(0, 0, 10), commit(1, 0, 11)))
  folder.set(nameOf(2), fileOf(commit(2, 1, 20), commit(3, 0, 12)))
  folder.set(nameOf(4), fileOf(commit(4, 2, 30)))
  return folder
}

const WHOLE = [
  [0, 12],
  [1, 20],
  [2, 30],
]

test('segments that are cleaned together are there at every step of it', () => {
  const folder = dirty()
  assert.deepEqual(loaded(folder, 5), WHOLE)
  folder.set(`${nameOf(0)}.cleaned`, fileOf(commit(2, 1, 20), commit(3, 0, 12)))
  assert.deepEqual(loaded(folder, 5), WHOLE)
  folder.rename(`${nameOf(0)}.cleaned`, `${nameOf(0)}.swap`)
  assert.deepEqual(loaded(folder, 5), WHOLE, 'from here on it counts')
  folder.rename(nameOf(2), `${nameOf(2)}.deleted`)
  assert.deepEqual(loaded(folder, 5), WHOLE, 'the second is out of service')
  folder.rename(nameOf(0), `${nameOf(0)}.deleted`)
  folder.rename(`${nameOf(0)}.swap`, nameOf(0))
  assert.deepEqual(loaded(folder, 5), WHOLE)
})

test('a segment that is missing is missed, and an end that does not fit is in flux', () => {
  const folder = dirty()
  assert.equal(loaded(folder, 6), undefined)
  folder.remove(nameOf(2))
  assert.deepEqual(loaded(folder, 5), [
    [0, 11],
    [2, 30],
  ])
})
