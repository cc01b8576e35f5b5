/**
 * What must hold in a cluster at any time, looked at from outside after every event: cheaply where something has moved, thoroughly now and then and at
 * the end. What no node could know is kept here. Each counts how often it was tried in earnest.
 *
 * Names are those of the published specifications of KRaft: election safety, log matching, leader completeness, durability.
 */
import { assert } from '../base/assert.js'
import { contentOf } from '../broker/quorum/batches.js'
import { PrefixCheck } from '../check/check-prefix.js'
import type { MetadataImage } from '../metadata/image.js'
import type { BatchView } from '../records/batch.js'
import { BatchIterator } from '../records/reader.js'
import { type ClusterNode, type ClusterWorld, METADATA_DIRECTORY } from './cluster-world.js'
import { CommittedImages } from './committed-images.js'
import { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'
import { imageText } from './image-text.js'
import { LogCursor } from './log-cursor.js'
import { ReplicaInvariants } from './replica-invariants.js'

const THOROUGH_EVERY = 1000
/** At one offset of so many all are compared. */
const SHOWN_OFFSETS = 4

interface Committed {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly epoch: number
  readonly crc: number
}

/** What was seen last of a process. */
interface Looked {
  readonly start: number
  /** Behind what was matched of its log. */
  readonly cursor: LogCursor
  turns: number
  epoch: number
  leaderId: number
  highWatermark: number
  committedImage: MetadataImage | undefined
  appliedImage: MetadataImage | undefined
}

export class ClusterInvariants {
  readonly replicas: ReplicaInvariants
  readonly #counts: Record<string, number> = {}
  /** Epochs in which somebody led. */
  readonly #leaders = new Map<number, number>()
  readonly #world: ClusterWorld
  readonly #looked = new Map<ClusterNode, Looked>()
  /** Batches that some node counts as committed, in order, without gaps. */
  readonly #committed: Committed[] = []
  readonly #indexByOffset = new Map<number, number>()
  readonly #images = new CommittedImages()
  readonly #clusterIds = new Set<string>()
  /** By process: what is committed to it, and what it has applied. */
  readonly #prefixes = new PrefixCheck()
  #latestOffset = -1
  #events = 0

  constructor(world: ClusterWorld) {
    this.#world = world
    this.replicas = new ReplicaInvariants(world)
  }

  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts, ...this.replicas.counts }
  }

  /** How often somebody else led than before. */
  get leaderChanges(): number {
    const inOrder = [...this.#leaders].sort(([a], [b]) => a - b).map(([, id]) => id)
    return inOrder.filter((id, n) => n > 0 && id !== inOrder[n - 1]).length
  }

  /** The end (exclusive) of what some node counts as committed. */
  get committedEnd(): number {
    return this.#committed.at(-1)?.nextOffset ?? 0
  }

  /** After an event. */
  check(): void {
    for (const node of this.#world.nodes) this.#look(node)
    this.replicas.settle()
    this.#events++
    if (this.#events % THOROUGH_EVERY === 0) this.#thorough(false)
  }

  checkAll(): void {
    this.#thorough(true)
  }

  #thorough(atEnd: boolean): void {
    for (const node of this.#world.nodes) {
      const { clusterId } = node
      if (clusterId !== undefined && clusterId !== '') this.#clusterIds.add(clusterId)
      const highWatermark = node.node?.quorum?.highWatermark ?? -1
      if (highWatermark > 0) this.#match(node, highWatermark, 0)
      if ((filesOf(node)[0]?.baseOffset ?? 0) > 0) this.#count('a log behind a snapshot is looked at')
    }
    if (this.#world.plan.naming !== 'none') {
      assert(this.#clusterIds.size <= 1, () => `two clusters of one list: ${[...this.#clusterIds].join(' and ')}`)
      if (this.#clusterIds.size === 1) this.#count('one cluster id')
    }
    this.#durability()
    if (this.#world.plan.naming !== 'none') this.replicas.checkAll(atEnd)
  }

  #look(node: ClusterNode): void {
    const turns = node.machine.process?.turns ?? 0
    let looked = this.#looked.get(node)
    // Nothing of it has run since.
    if (looked?.start === node.starts && looked.turns === turns) return
    const quorum = node.node?.quorum
    if (quorum === undefined) return
    if (looked?.start !== node.starts) {
      const nothing = { epoch: -1, leaderId: -1, highWatermark: -1, committedImage: undefined, appliedImage: undefined }
      const cursor = new LogCursor(node.machine, METADATA_DIRECTORY)
      looked = { start: node.starts, cursor, turns, ...nothing }
      this.#looked.set(node, looked)
    }
    looked.turns = turns
    if (node.role === 'broker') {
      const { role } = quorum
      assert(role === 'unattached' || role === 'follower', () => `${node.host} is no controller, and ${role}`)
      this.#count('who is no controller observes')
    }
    const { nodeId: leaderId, epoch: leaderEpoch } = quorum.leader()
    if (leaderId !== looked.leaderId || leaderEpoch !== looked.epoch) {
      this.#election(node, looked, leaderId, leaderEpoch)
    }
    const { highWatermark } = quorum
    if (highWatermark !== looked.highWatermark) {
      assert(
        highWatermark > looked.highWatermark,
        () => `${node.host}: its high watermark goes back to ${highWatermark} from ${looked.highWatermark}`,
      )
      this.#matchMore(node, looked, highWatermark)
      looked.highWatermark = highWatermark
    }
    const committed = quorum.image
    if (committed !== looked.committedImage && committed !== undefined) {
      looked.committedImage = committed
      this.#show(node, 'knows', committed)
      this.#image(committed)
    }
    const applied = node.node?.broker?.image
    if (applied !== looked.appliedImage && applied !== undefined) {
      looked.appliedImage = applied
      this.#show(node, 'applied', applied)
    }
    if (node.serving && applied !== undefined) {
      assert(applied.brokers.has(node.id), () => `${node.host} serves clients and is not registered`)
      this.#count('a broker that serves is registered')
    }
    if (this.#world.plan.naming !== 'none') this.replicas.look(node)
  }

  /** No two name different leaders for one epoch; an epoch never goes back; a leader has all that is committed. */
  #election(node: ClusterNode, looked: Looked, leaderId: number, epoch: number): void {
    assert(epoch >= looked.epoch, () => `${node.host} goes back to epoch ${epoch} from ${looked.epoch}`)
    looked.epoch = epoch
    looked.leaderId = leaderId
    if (leaderId < 0) return
    const key = this.#world.plan.naming === 'none' ? epoch * 16 + node.id : epoch
    const known = this.#leaders.get(key)
    assert(
      known === undefined || known === leaderId,
      () => `${node.host} says that ${leaderId} leads in epoch ${epoch}, and it was ${known}`,
    )
    if (known === undefined) this.#leaders.set(key, leaderId)
    else this.#count('two name one leader for an epoch')
    if (leaderId !== node.id) return
    const newest = Math.max(...this.#leaders.keys())
    if (epoch < newest) return
    const endOffset = node.node!.quorum!.endOffset
    assert(
      endOffset >= this.committedEnd || this.#world.plan.naming === 'none',
      () => `${node.host} leads in ${epoch} and ends at ${endOffset}, and ${this.committedEnd} is committed`,
    )
    this.#match(node, Math.min(endOffset, this.committedEnd), 0)
    this.#count('a new leader has what is committed')
  }

  /** What a node counts as committed since it was looked at. */
  #matchMore(node: ClusterNode, { cursor, highWatermark: fromOffset }: Looked, highWatermark: number): void {
    if (this.#world.plan.naming === 'none' || node.node?.quorum?.isCutting === true) return
    for (const batch of cursor.batchesUpTo(highWatermark)) this.#matchBatch(node, batch)
    // A snapshot took the place of a part of the log.
    if (cursor.offset !== highWatermark) this.#match(node, highWatermark, fromOffset)
  }

  /** What a node counts as committed, from an offset on, is what the others do. */
  #match(node: ClusterNode, highWatermark: number, fromOffset: number): void {
    if (this.#world.plan.naming === 'none') return
    // A snapshot is about to take the place of what stands there.
    if (node.node?.quorum?.isCutting === true) return
    for (const batch of batchesOf(node, fromOffset)) {
      if (batch.nextOffset > highWatermark) break
      this.#matchBatch(node, batch)
    }
  }

  #matchBatch(node: ClusterNode, batch: BatchView): void {
    const { baseOffset, nextOffset, partitionLeaderEpoch: epoch, crc } = batch
    const index = this.#indexByOffset.get(baseOffset)
    if (index === undefined) {
      assert(
        baseOffset === this.committedEnd,
        () => `${node.host} has a batch committed at ${baseOffset}, and the others are at ${this.committedEnd}`,
      )
      this.#indexByOffset.set(baseOffset, this.#committed.length)
      this.#committed.push({ baseOffset, nextOffset, epoch, crc })
      this.#images.add(contentOf(batch, node.release).batch)
      return
    }
    const known = this.#committed[index]!
    assert(
      known.nextOffset === nextOffset && known.epoch === epoch && known.crc === crc,
      () =>
        `${node.host} has ${baseOffset} to ${nextOffset} of epoch ${epoch} committed, and another ${known.baseOffset} to ${known.nextOffset} of epoch ${known.epoch}`,
    )
    this.#count('committed batches are equal')
  }

  /** What is committed stands on the disk of somebody, whatever has happened: replaced disks are never too many. */
  #durability(): void {
    const last = this.#committed.at(-1)
    if (last === undefined || this.#world.plan.naming === 'none') return
    const holders = this.#world.controllers.filter((node) => {
      const endOffset = durableEndOf(node)
      return endOffset >= last.nextOffset
    })
    const needed = (this.#world.controllers.length >> 1) + 1
    const mayMiss = this.#world.controllers.filter(({ replaced }) => replaced > 0).length
    assert(
      holders.length >= Math.max(1, needed - mayMiss),
      () => `what ends at ${last.nextOffset} is committed, and only on the disks of ${holders.map(({ host }) => host)}`,
    )
    this.#count('committed is durable')
  }

  /** Not at every offset: images that have parted stay so. */
  #show(node: ClusterNode, what: string, image: MetadataImage): void {
    if (this.#world.plan.naming === 'none' || image.offset % SHOWN_OFFSETS !== 0) return
    const broker = `${node.host}#${node.starts} ${what}`
    const timeMs = this.#world.simulation.nowMs
    this.#prefixes.show({ broker, timeMs, offset: image.offset, content: imageText(image) })
    const [finding] = this.#prefixes.findings
    assert(finding === undefined, () => `${finding?.anomaly}: ${finding?.detail}`)
    this.#counts['metadata is a prefix of one log'] = this.#prefixes.compared
  }

  /** What the controller decides hangs together. */
  #image(image: MetadataImage): void {
    if (this.#world.plan.naming === 'none' || image.offset <= this.#latestOffset) return
    this.#latestOffset = image.offset
    for (const each of this.#images.before(image.offset)) this.replicas.committed(each)
    this.replicas.committed(image)
  }

  #count(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1
  }
}

/** The whole batches of the metadata log that begin at this offset or later, as a start would have them now. */
function* batchesOf(node: ClusterNode, fromOffset: number): Iterable<BatchView> {
  for (const { file } of filesOf(node)) {
    const batches = new BatchIterator(file.content)
    while (batches.next() === 'batch') if (batches.batch.baseOffset >= fromOffset) yield batches.batch
  }
}

function durableEndOf(node: ClusterNode): number {
  let endOffset = 0
  for (const { baseOffset, file } of filesOf(node)) {
    if (endOffset > 0 && baseOffset !== endOffset) break
    endOffset = baseOffset
    const batches = new BatchIterator(file.durableContent)
    while (batches.next() === 'batch') {
      if (batches.batch.baseOffset !== endOffset) return endOffset
      endOffset = batches.batch.nextOffset
    }
  }
  return endOffset
}

function filesOf(node: ClusterNode): { readonly baseOffset: number; readonly file: SimulatedFile }[] {
  const folder = node.machine.find(METADATA_DIRECTORY)
  if (!(folder instanceof SimulatedDirectory)) return []
  return folder.names
    .flatMap((name) => {
      const file = name.endsWith('.log') ? folder.get(name) : undefined
      return file instanceof SimulatedFile ? [{ baseOffset: Number.parseInt(name, 10), file }] : []
    })
    .sort((a, b) => a.baseOffset - b.baseOffset)
}
