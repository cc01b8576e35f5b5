/**
 * Invariants of a running node, looked at from outside after every event: cheap ones each time, thorough ones now and then and at the end. Each
 * counts how often it was tried in earnest.
 */
import { assert } from '../base/assert.js'
import type { Partition } from '../broker/partition.js'
import { ReplicaDigest } from '../log/replica-digest.js'
import { targetCompression } from '../log/target-compression.js'
import type { BatchView } from '../records/batch.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import { readRecords } from '../records/reader.js'
import { parentOf } from '../storage/durable-directory.js'
import { PARTITION_METADATA, parsePartitionMetadata, parseRetiredDirectoryName } from '../storage/log-files.js'
import { parseOffsetCheckpoint } from '../storage/offset-checkpoint.js'
import { type ConfigChanges, wrongSettings } from './config-changes.js'
import { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'
import { batchesOf, type LogFile, logFilesIn } from './segment-files.js'
import { keyOf } from './topic-lives.js'
import type { World } from './world.js'

const THOROUGH_EVERY = 1000
const MAX_BATCH_BYTES = 10 * 1024 * 1024
/** For files of the data directory itself. */
const OTHER_DESCRIPTORS = 2

export class Invariants {
  readonly counts: Record<string, number> = {}
  readonly #world: World
  #looked = 0
  /** High watermarks by partition, of the node that runs now: they never go back. */
  #highWatermarks = new Map<string, number>()
  /** What was committed when a partition came under `flush.policy=commit`: none of it was promised to be flushed. */
  #committedBefore = new Map<string, number>()
  #ofStart = 0
  /** Start offsets by partition: they never go back, whatever happens to the node. */
  readonly #startOffsets = new Map<string, number>()
  /** Where they were to start at the last look, and at most at any time. */
  readonly #decidedStarts = new Map<string, number>()
  readonly #latestDecided = new Map<string, number>()
  /** Up to where clients wanted partitions to be deleted. */
  readonly #deletable = new Map<string, number>()
  /** The same where it is not known which topic of the name will be struck. */
  readonly #deletableByName = new Map<object, { readonly id: Partition['id']; readonly offset: number }>()

  constructor(world: World) {
    this.#world = world
  }

  /** After an event. */
  check(): void {
    if (this.#world.starts !== this.#ofStart) {
      this.#ofStart = this.#world.starts
      this.#highWatermarks = new Map()
      this.#committedBefore = new Map()
    }
    for (const partition of this.#world.partitions) this.#offsets(partition)
    this.#descriptors()
    this.#looked++
    if (this.#looked % THOROUGH_EVERY === 0) this.#thorough()
  }

  /** A client asks for the deletion of what is in front of this offset, by name; until it has called back that may strike another topic. */
  mayDelete(id: Partition['id'], offset: number): () => void {
    const key = keyOfPartition(id)
    this.#deletable.set(key, Math.max(offset, this.#deletable.get(key) ?? 0))
    const request = {}
    this.#deletableByName.set(request, { id, offset })
    return () => void this.#deletableByName.delete(request)
  }

  /** At the end, when nothing is under way any more. */
  checkAll(configs?: ConfigChanges): void {
    this.#thorough()
    const broker = this.#world.node?.broker
    if (configs === undefined || broker === undefined) return
    const contradiction = configs.contradiction(broker.image)
    assert(contradiction === undefined, contradiction ?? '')
    if (configs.acknowledged > 0) this.#count('settings that were acknowledged are there')
    for (const partition of this.#world.partitions) {
      const wrong = wrongSettings(partition, broker)
      assert(wrong === undefined, wrong ?? '')
      this.#count('partitions go by their settings')
    }
  }

  /** No more files are open than may be, and what reads and writes the data directory itself. */
  #descriptors(): void {
    const { node, machine } = this.#world
    const limit = node?.broker?.settings['log.open.files.max']
    if (limit === undefined) return
    const { descriptors } = machine.process!
    assert(descriptors <= limit + OTHER_DESCRIPTORS, `${descriptors} descriptors, and ${limit} may be for logs`)
    if (this.#world.halved > 0) this.#count('a node went on without one of its directories')
    if (descriptors >= limit) this.#count('as many files are open as may be')
  }

  /** start <= high watermark <= log end, recovery point <= flushed <= log end <= next; committed is flushed where the policy says so. */
  #offsets(partition: Partition): void {
    const { log, highWatermark, settings, id } = partition
    // A topic that is made again begins anew.
    const key = keyOfPartition(id)
    const { startOffset, flushedEndOffset, logEndOffset, nextOffset, recoveryPoint } = log
    const numbers = `${key}: start ${startOffset}, recovery ${recoveryPoint}, flushed ${flushedEndOffset}, committed ${highWatermark}, end ${logEndOffset}, next ${nextOffset}`
    assert(startOffset <= flushedEndOffset && flushedEndOffset <= logEndOffset && logEndOffset <= nextOffset, numbers)
    assert(recoveryPoint <= flushedEndOffset && highWatermark <= logEndOffset, numbers)
    if (settings['flush.policy'] === 'commit') {
      if (this.#committedBefore.get(key) === Number.POSITIVE_INFINITY) this.#committedBefore.set(key, highWatermark)
      assert(highWatermark <= Math.max(flushedEndOffset, this.#committedBefore.get(key) ?? 0), numbers)
      if (highWatermark > 0) this.#count('committed is flushed')
    } else this.#committedBefore.set(key, Number.POSITIVE_INFINITY)
    this.#front(partition, key)
    const before = this.#highWatermarks.get(key) ?? 0
    if (partition.isLeader) {
      assert(highWatermark >= before, `${key}: the high watermark went back from ${before} to ${highWatermark}`)
      if (highWatermark > before) this.#count('high watermark rises')
      this.#highWatermarks.set(key, highWatermark)
    }
  }

  /** The start moves forward, up to what is committed, and no farther than was decided. */
  #front({ id, log, settings, highWatermark, isLeader }: Partition, key: string): void {
    const { startOffset, front } = log
    const before = this.#startOffsets.get(key) ?? 0
    const decidedBefore = Math.max(before, this.#decidedStarts.get(key) ?? 0)
    this.#decidedStarts.set(key, front.decidedStartOffset)
    if (front.decidedStartOffset > decidedBefore) this.#retention({ id, log, settings }, key, decidedBefore)
    this.#latestDecided.set(key, Math.max(this.#latestDecided.get(key) ?? 0, front.decidedStartOffset))
    if (startOffset === before) return
    assert(startOffset > before, `${key}: the start went back from ${before} to ${startOffset}`)
    assert(startOffset <= highWatermark || !isLeader, `${key}: starts at ${startOffset}, committed ${highWatermark}`)
    assert(startOffset <= this.#latestDecided.get(key)!, `${key}: nobody wanted it to start at ${startOffset}`)
    this.#startOffsets.set(key, startOffset)
    if (startOffset <= this.#deletableUpTo(id)) this.#count('deleted in front of the start')
  }

  /** It was decided that the log starts later, by the settings of this moment: over nothing that had to be kept. */
  #retention({ id, log, settings }: Pick<Partition, 'id' | 'log' | 'settings'>, key: string, from: number): void {
    const to = log.front.decidedStartOffset
    if (to <= this.#deletableUpTo(id)) return
    assert(settings['cleanup.policy'].has('delete'), `${key}: only what clients want deleted may go`)
    // What was there before a cleaning may have been younger than what is left of it.
    if (settings['cleanup.policy'].has('compact')) return
    const { 'retention.ms': retentionMs, 'retention.bytes': retentionBytes } = settings
    const { machine, simulation } = this.#world
    // A process that was held up within its turn is ahead of the event.
    const nowMs = machine.wallMsAt(machine.process?.nowMs ?? simulation.nowMs)
    const isTooLarge = retentionBytes >= 0 && log.sizeBytes >= retentionBytes
    for (const batch of this.#batches(log.directory, (file) => file.content, true)) {
      if (batch.nextOffset <= from || batch.baseOffset >= to) continue
      const isOld = retentionMs >= 0 && nowMs - batch.maxTimestamp > retentionMs
      assert(isOld || isTooLarge, `${key}: ${batch.baseOffset} had to be kept, and the log is to start at ${to}`)
      this.#count('what retention has removed had its time')
    }
  }

  #deletableUpTo(id: Partition['id']): number {
    const byName = [...this.#deletableByName.values()].filter(
      (asked) => asked.id.topic === id.topic && asked.id.partition === id.partition,
    )
    return Math.max(this.#deletable.get(keyOfPartition(id)) ?? 0, ...byName.map(({ offset }) => offset))
  }

  /** What is flushed is on the device, and the running digest is that of the bytes in the files. */
  #thorough(): void {
    for (const partition of this.#world.partitions) {
      const { log } = partition
      if (log.failed || log.logEndOffset !== log.nextOffset) continue
      this.#digest(partition)
      this.#durable(partition)
      this.#owner(partition)
      this.#compacted(partition)
      this.#compressed(partition)
    }
  }

  /** Nothing is left of deleted topics, and each directory of a partition is hosted. */
  get isTidy(): boolean {
    const hosted = new Set(this.#world.partitions.map(({ id }) => `${id.topic}-${id.partition}`))
    return this.#world.directories.every((path) => {
      const folder = this.#world.machine.find(path)
      if (!(folder instanceof SimulatedDirectory)) return false
      if (folder.names.some((name) => parseRetiredDirectoryName(name) === 'delete')) return false
      return folder.names.every((name) => !/^topic\d+-\d+$/.test(name) || hosted.has(name))
    })
  }

  /** The directory says that it is this topic's. */
  #owner({ log, id }: Partition): void {
    const folder = this.#world.machine.find(log.directory)
    const file = folder instanceof SimulatedDirectory ? folder.get(PARTITION_METADATA) : undefined
    const owner = file instanceof SimulatedFile ? parsePartitionMetadata(file.content.toString()) : undefined
    this.#count("directory is its topic's")
    assert(owner === id.topicId, () => `${log.directory} is that of ${owner}, not of ${id.topicId}`)
  }

  #digest({ log, id, settings }: Partition): void {
    // It is of what was appended.
    if (settings['cleanup.policy'].has('compact')) return
    const digest = new ReplicaDigest()
    for (const batch of this.#batches(log.directory, (file) => file.content)) {
      if (batch.baseOffset >= log.logEndOffset) break
      digest.append(batch.partitionLeaderEpoch, batch.baseOffset, batch.nextOffset, batch.crc)
    }
    const running = log.state.digest.current
    const fromBytes = digest.current
    if (running === undefined || running.startOffset !== fromBytes?.startOffset) return
    this.#count('digest is that of the bytes')
    assert(
      running.high === fromBytes.high && running.low === fromBytes.low && running.endOffset === fromBytes.endOffset,
      () => `${id.topic}-${id.partition}: digest ${JSON.stringify(running)}, of the bytes ${JSON.stringify(fromBytes)}`,
    )
  }

  /** Compaction leaves holes inside of files, and none between them. */
  #durable({ log, id, settings }: Partition): void {
    const mayHaveHoles = settings['cleanup.policy'].has('compact')
    // What lies in front of the start need not be there; a segment may begin before it.
    let endOffset = -1
    files: for (const file of this.#files(log.directory)) {
      if (endOffset >= 0 && file.baseOffset !== endOffset) break
      endOffset = file.baseOffset
      for (const batch of batchesOf(file.file.durableContent)) {
        const follows = mayHaveHoles ? batch.baseOffset >= endOffset : batch.baseOffset === endOffset
        if (!follows || batch.computeCrc() !== batch.crc) break files
        endOffset = batch.nextOffset
      }
    }
    if (log.flushedEndOffset > 0) this.#count('flushed is on the device')
    assert(
      endOffset >= log.flushedEndOffset || log.flushedEndOffset <= log.startOffset,
      () => `${id.topic}-${id.partition}: flushed up to ${log.flushedEndOffset}, on the device up to ${endOffset}`,
    )
  }

  /** From the start of the log to the offset up to which the cleaner says that it was, no key stands twice. */
  #compacted({ log, id, settings }: Partition): void {
    if (!settings['cleanup.policy'].has('compact')) return
    const checkpoint = this.#world.machine.find(`${parentOf(log.directory)}/cleaner-offset-checkpoint`)
    if (!(checkpoint instanceof SimulatedFile)) return
    const entries = parseOffsetCheckpoint(checkpoint.content.toString()) ?? []
    const cleaned = entries.find(({ topic, partition }) => topic === id.topic && partition === id.partition)
    if (cleaned === undefined || cleaned.offset <= log.startOffset) return
    const seen = new Map<string, number>()
    for (const batch of this.#batches(log.directory, (file) => file.content)) {
      if (batch.baseOffset >= cleaned.offset) break
      for (const { key, offset } of readRecords(batch, MAX_BATCH_BYTES)) {
        if (offset >= cleaned.offset) break
        if (offset < log.startOffset) continue
        const text = Buffer.from(key ?? []).toString('hex')
        const before = seen.get(text)
        assert(
          before === undefined,
          () =>
            `${id.topic}-${id.partition}: cleaned up to ${cleaned.offset}, and ${before} and ${offset} have one key`,
        )
        seen.set(text, offset)
      }
    }
    this.#count('no key stands twice where it was cleaned')
  }

  /** Every batch has the codec that its topic has wanted from the beginning; one that compaction has emptied has none. */
  #compressed({ log, id, settings }: Partition): void {
    const target = targetCompression(settings)
    if (target === undefined) return
    for (const batch of this.#batches(log.directory, (file) => file.content)) {
      const { baseOffset, codecId, recordCount } = batch
      if (baseOffset >= log.logEndOffset) break
      assert(
        recordCount === 0 || CODEC_NAMES[codecId] === target.codec,
        () => `${id.topic}-${id.partition}: ${CODEC_NAMES[codecId]} at ${baseOffset}, and ${target.codec} is wanted`,
      )
      this.#count(`batch is compressed with ${target.codec}`)
    }
  }

  /** The whole batches of all segments, in order. */
  *#batches(directory: string, content: (file: SimulatedFile) => Buffer, withDeleted = false): Iterable<BatchView> {
    for (const { file } of this.#files(directory, withDeleted)) yield* batchesOf(content(file))
  }

  /** The logs of segments, in order, as a start would have them. */
  #files(directory: string, withDeleted = false): LogFile[] {
    const folder = this.#world.machine.find(directory)
    if (!(folder instanceof SimulatedDirectory)) return []
    return logFilesIn(folder, withDeleted ? ['.log', '.log.deleted'] : ['.log'])
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }
}

function keyOfPartition({ topic: name, topicId, partition }: Partition['id']): string {
  return `${keyOf({ name, topicId })}-${partition}`
}
