/**
 * What must hold of partitions with several replicas, looked at in all nodes at once after every event, where something has moved. What no node could
 * know is kept here: all that any leader has ever counted as committed. Each counts how often it was tried in earnest.
 *
 * Names are those of the published specifications of Kafka's replication (KIP-966). A partition that was allowed to lose something (an unclean election, or
 * power lost under `flush.policy=os`) is looked at no more where that could matter: then histories say what was lost.
 */
import { assert } from '../base/assert.js'
import { Partition } from '../broker/partition.js'
import type { ReplicaComparisons } from '../broker/replica-comparisons.js'
import { type ElectionRules, rulesOf } from '../controller/election-rules.js'
import { hasDirectory, type MetadataImage, type TopicImage } from '../metadata/image.js'
import { type PartitionState, RECOVERING } from '../metadata/records.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'
import { LogCursor } from './log-cursor.js'
import { checkBroker, checkFenced, checkState, checkSuccession } from './partition-state-rules.js'
import { checkAdvance, checkComplete, checkFetcher, checkQuorumSuperset, checkReplica } from './replica-rules.js'
import { viewOf } from './replica-view.js'
import { newlySeen, newlyWatched, type Seen, type SeenNode, type Watched } from './watched-replicas.js'

export class ReplicaInvariants {
  readonly counts: Record<string, number> = {}
  readonly #world: ClusterWorld
  readonly #watched = new Map<string, Watched>()
  readonly #moved = new Set<Watched>()
  readonly #seen = new Map<ClusterNode, SeenNode>()
  /** With which the machines began. */
  readonly #bootIds: readonly string[]
  #image: MetadataImage | undefined
  /** Batches that are committed, of all partitions. */
  #batches = 0
  #sinceThorough = 0
  #everTampered = false

  constructor(world: ClusterWorld) {
    this.#world = world
    this.#bootIds = world.nodes.map(({ machine }) => machine.bootId)
  }

  /** The newest that is committed to any node. */
  get image(): MetadataImage | undefined {
    return this.#image
  }

  /** The end (exclusive) of what any leader has counted as committed. */
  committedEnd(topicId: string, partition: number): number {
    return this.#watched.get(keyOf(topicId, partition))?.committed.endOffset ?? 0
  }

  /** A client was told that what ends at this offset (exclusive) is committed. */
  acknowledged(topicId: string, partition: number, endOffset: number): void {
    const watched = this.#watched.get(keyOf(topicId, partition))
    if (watched !== undefined && this.#mayHaveLost(watched)) return
    const committedEnd = this.committedEnd(topicId, partition)
    assert(
      committedEnd >= endOffset,
      () => `${topicId}-${partition}: acknowledged up to ${endOffset}, and committed up to ${committedEnd}`,
    )
    this.#count('acknowledged is committed')
  }

  /** The front of a log is to be deleted up to here (exclusive). */
  mayDelete(topicId: string, partition: number, offset: number): void {
    const watched = this.#watched.get(keyOf(topicId, partition))
    if (watched !== undefined) watched.deletable = Math.max(watched.deletable, offset)
  }

  /** What is committed in the metadata, newer than all before. */
  committed(image: MetadataImage): void {
    const before = this.#image
    this.#image = image
    if (image.brokers !== before?.brokers) {
      for (const broker of image.brokers.values()) {
        const known = before?.brokers.get(broker.brokerId)
        if (known === undefined || known === broker) continue
        checkBroker(known, broker)
        this.#count('epochs of brokers rise')
      }
    }
    const isFenced = (id: number): boolean => image.brokers.get(id)?.fenced !== false
    const settings = this.#world.nodes.find(({ node }) => node?.broker !== undefined)?.node?.broker?.settings
    for (const topic of image.topicsById.values()) {
      const unchanged = before?.topicsById.get(topic.topicId) === topic && before.configs === image.configs
      if (unchanged && before.brokers === image.brokers) continue
      const rules = settings && rulesOf({ image, settings }, topic)
      for (const [index, state] of topic.partitions.entries()) this.#state(topic, index, state, rules, isFenced)
    }
    if (before === undefined || before.topicsById === image.topicsById) return
    for (const watched of this.#watched.values()) {
      if (!image.topicsById.has(watched.topicId)) watched.state = undefined
    }
  }

  /** One node has had a turn. */
  look(node: ClusterNode): void {
    const broker = node.node?.broker
    if (broker === undefined) return
    let seen = this.#seen.get(node)
    if (seen?.start !== node.starts) {
      seen = { start: node.starts, replicas: new Map(), comparedBytes: 0 }
      this.#seen.set(node, seen)
    }
    this.#compared(node, seen, broker.comparisons)
    const { replicas } = seen
    let count = 0
    broker.replicas.forEach((partition) => {
      count++
      const watched = replicas.get(partition)?.watched ?? this.#watchedOf(partition)
      if (watched !== undefined) this.#replica(node, replicas, partition, watched)
    })
    // Deleted, or lost with their directory.
    if (replicas.size > count) {
      const hosted = new Set(broker.replicas.hosted.partitions)
      for (const partition of replicas.keys()) if (!hosted.has(partition)) replicas.delete(partition)
    }
  }

  /** Whether somebody has changed what a replica holds behind everybody's back: until it is as it was, replicas may differ. */
  tamper(topicId: string, partition: number, isTamperedWith: boolean): void {
    const watched = this.#watched.get(keyOf(topicId, partition))
    assert(watched !== undefined, () => `${topicId}-${partition} is not there`)
    watched.isTamperedWith = isTamperedWith
    this.#everTampered = true
  }

  /** Nobody raises an alarm because replicas differ where they do not. */
  #compared({ host }: ClusterNode, seen: SeenNode, { alarms, comparedBytes }: ReplicaComparisons): void {
    if (comparedBytes === seen.comparedBytes) return
    seen.comparedBytes = comparedBytes
    assert(alarms === 0 || this.#everTampered, () => `${host} says that replicas differ, and nobody has changed them`)
    this.#count('replicas are compared without a false alarm')
  }

  /** All nodes have been looked at after this event. */
  settle(): void {
    for (const watched of this.#moved) {
      watched.moved = false
      this.#candidates(watched)
    }
    this.#moved.clear()
    this.#sinceThorough++
  }

  /** Now and then, the less often the more there is to read, and at the end. */
  checkAll(always = false): void {
    if (!always && this.#sinceThorough < this.#batches) return
    this.#sinceThorough = 0
    for (const watched of this.#watched.values()) if (watched.state !== undefined) this.#durable(watched)
  }

  #state(
    topic: TopicImage,
    index: number,
    state: PartitionState,
    rules: ElectionRules | undefined,
    isFenced: (brokerId: number) => boolean,
  ): void {
    const where = `${topic.name}-${index}`
    const watched = this.#watch(topic, index)
    const before = watched.state
    watched.state = state
    if (state !== before) this.#move(watched)
    if (state.leaderRecoveryState === RECOVERING) watched.mayHaveLost = true
    if (before !== undefined && before !== state) {
      checkSuccession(before, state, where)
      if (state.partitionEpoch > before.partitionEpoch) this.#count('epochs of partitions rise')
    }
    if (rules === undefined) return
    const { minInsyncReplicas, keepsEligible, survivesCrashes } = rules
    if (!survivesCrashes) watched.everOs = true
    watched.lowestMin = Math.min(watched.lowestMin, minInsyncReplicas)
    watched.largestMin = Math.max(watched.largestMin, minInsyncReplicas)
    const enough = Math.min(watched.lowestMin, state.replicas.length)
    const sameReplicas = watched.replicas === state.replicas || watched.replicas.join() === state.replicas.join()
    if (!keepsEligible || !sameReplicas) watched.remembered = 0
    if (keepsEligible && state.isr.length >= enough) watched.remembered = enough
    watched.replicas = state.replicas
    watched.remembered = Math.min(watched.remembered, enough)
    checkState(state, { keepsEligible, largestMin: watched.largestMin, remembered: watched.remembered }, where)
    const inSync = state.isr.join()
    if (!keepsEligible) watched.inSyncBefore = inSync
    else if (inSync !== watched.inSyncBefore) watched.inSyncBefore = undefined
    // Who was the last one before eligible replicas were kept apart stays it until others are in sync, whatever else changes.
    checkFenced(state, isFenced, keepsEligible && watched.inSyncBefore === undefined, where)
    if (state.isr.length > 1) this.#count('no fenced broker is in sync with others')
    if (state.leader < 0) this.#count('a fenced broker leads nothing')
    if (state.eligibleLeaderReplicas.length > 0) this.#count('somebody is eligible beside the ISR')
    if (state.isr.length === 0 && state.eligibleLeaderReplicas.length === 0)
      this.#count('a recovery quorum is remembered')
  }

  #watchedOf({ id }: Partition): Watched | undefined {
    return this.#watched.get(keyOf(id.topicId, id.partition))
  }

  #watch({ name, topicId }: TopicImage, partition: number): Watched {
    const key = keyOf(topicId, partition)
    let watched = this.#watched.get(key)
    if (watched === undefined) {
      const directory = `${name}-${partition}`
      watched = newlyWatched({ key, name: `${name}-${partition}`, topicId, partition, directory })
      this.#watched.set(key, watched)
    }
    return watched
  }

  #move(watched: Watched): void {
    if (watched.moved) return
    watched.moved = true
    this.#moved.add(watched)
  }

  #replica(node: ClusterNode, replicas: Map<Partition, Seen>, partition: Partition, watched: Watched): void {
    const { log, highWatermark, leading, following, leaderEpoch } = partition
    // Everything is in flux. A leader goes on counting what others have while its own log is repaired.
    if (following?.cutting === true || (log.failed && leading === undefined) || log.closed) return
    const { flushedEndOffset, logEndOffset, startOffset } = log
    const partitionEpoch = leading?.partitionEpoch ?? -1
    const counted = leading === undefined ? 0 : leading.isr.length * 64 + leading.maximalIsr.length
    let seen = replicas.get(partition)
    const isNew = seen === undefined
    if (seen === undefined) {
      seen = newlySeen(watched, new LogCursor(node.machine, log.directory))
      replicas.set(partition, seen)
    }
    const isSameRole =
      seen.leaderEpoch === leaderEpoch && seen.isLeader === (leading !== undefined) && seen.followed === following
    if (
      !isNew &&
      isSameRole &&
      seen.highWatermark === highWatermark &&
      seen.flushedEndOffset === flushedEndOffset &&
      seen.logEndOffset === logEndOffset &&
      seen.startOffset === startOffset &&
      seen.partitionEpoch === partitionEpoch &&
      seen.counted === counted
    ) {
      return
    }
    const where = `${node.host}: ${watched.name}`
    const policy = partition.settings
    if (policy['flush.policy'] !== 'commit') watched.everOs = true
    if (policy['cleanup.policy'].has('compact')) watched.everCompacted = true
    const view = viewOf(node, partition)
    checkReplica(view, where)
    checkFetcher(view, where)
    assert(
      startOffset <= watched.deletable || watched.everCompacted || this.#mayHaveLost(watched),
      () =>
        `${where} starts at ${startOffset}, and nobody wanted more to be deleted than what is in front of ${watched.deletable}`,
    )
    if (startOffset > 0) this.#count('only what was to be deleted is')
    this.#count(view.isLeader ? 'a leader is well-formed' : 'a follower is well-formed')
    if (leading !== undefined) {
      this.#leads(node, watched, leaderEpoch)
      if (isSameRole && highWatermark !== seen.highWatermark) {
        assert(
          highWatermark > seen.highWatermark,
          () => `${where}: the high watermark goes back from ${seen.highWatermark} to ${highWatermark}`,
        )
        // In one turn it may have moved first, and then those in sync were others.
        if (seen.partitionEpoch === partitionEpoch) {
          checkAdvance(leading, node.id, highWatermark, where)
          this.#count('the high watermark moves with all that count')
        }
      }
      if (watched.state?.leaderEpoch === leaderEpoch) {
        checkQuorumSuperset(leading, watched.state, where)
        this.#count('the leader counts all who may lead')
      }
    }
    // A leader may have told of it and ended in one turn.
    const isLeaderGone = this.#hosted(watched, partition.leaderId)?.isLeader !== true
    this.#match(seen, watched, highWatermark, where, leading !== undefined || isLeaderGone)
    seen.leaderEpoch = leaderEpoch
    seen.isLeader = leading !== undefined
    seen.followed = following
    seen.highWatermark = highWatermark
    seen.flushedEndOffset = flushedEndOffset
    seen.logEndOffset = logEndOffset
    seen.startOffset = startOffset
    seen.partitionEpoch = partitionEpoch
    seen.counted = counted
    this.#move(watched)
  }

  /** Nobody else ever leads in the same leader epoch. */
  #leads({ id, host }: ClusterNode, { leaders, name }: Watched, leaderEpoch: number): void {
    const known = leaders.get(leaderEpoch)
    assert(known === undefined || known === id, () => `${host} leads ${name} in ${leaderEpoch}, and ${known} did`)
    if (known === undefined) leaders.set(leaderEpoch, id)
  }

  /** Log matching: what a replica counts as committed is what the others do. */
  #match(seen: Seen, watched: Watched, highWatermark: number, where: string, isLeader: boolean): void {
    if (watched.everCompacted || this.#mayHaveLost(watched) || highWatermark <= seen.cursor.offset) return
    for (const batch of seen.cursor.batchesUpTo(highWatermark)) {
      // A leader may have told of it and been deposed in one turn.
      if (watched.committed.take(batch, where, isLeader || seen.isLeader)) this.#batches++
      else this.#count('committed records are equal')
    }
  }

  /** Whoever leads or may be made leader, and runs, has all that is committed. */
  #candidates(watched: Watched): void {
    const { state, committed } = watched
    const image = this.#image
    if (state === undefined || image === undefined || this.#mayHaveLost(watched) || committed.endOffset === 0) return
    for (const id of [...state.isr, ...state.eligibleLeaderReplicas]) {
      const partition = this.#hosted(watched, id)
      const broker = image.brokers.get(id)
      // What was in a directory that is gone is not thought to be there.
      if (partition === undefined || broker === undefined || !hasDirectory(state, broker)) continue
      const where = `node${id}: ${watched.name}, in sync or eligible`
      const { startOffset, flushedEndOffset, logEndOffset } = partition.log
      checkComplete(
        { startOffset, endOffset: watched.everOs ? logEndOffset : flushedEndOffset },
        committed.endOffset,
        where,
      )
      this.#count('who may lead has all that is committed')
      if (id === state.leader && watched.verifiedEpoch < state.leaderEpoch) {
        watched.verifiedEpoch = state.leaderEpoch
        this.#reread(watched, id, partition, 'a new leader has what is committed of a partition')
      }
    }
  }

  /** The replica on a node that serves, as far as it is whole. */
  #hosted({ topicId, partition }: Watched, brokerId: number): Partition | undefined {
    const node = this.#world.nodes[brokerId - 1]
    if (node?.serving !== true) return undefined
    const hosted = node.node?.broker?.replicas.find(topicId, partition)
    if (!(hosted instanceof Partition) || hosted.log.failed || hosted.log.closed) return undefined
    return hosted.following?.cutting === true ? undefined : hosted
  }

  /** Consistent read: what was shown to consumers once stands there still. */
  #reread(watched: Watched, id: number, { log }: Partition, what: string): void {
    if (watched.everCompacted || watched.isTamperedWith) return
    const cursor = new LogCursor(this.#world.nodes[id - 1]!.machine, log.directory)
    const { endOffset } = watched.committed
    for (const batch of cursor.batchesUpTo(endOffset)) watched.committed.match(batch, `node${id}`)
    assert(
      cursor.offset >= endOffset || log.startOffset >= endOffset,
      () => `node${id}: ${watched.name} can be read up to ${cursor.offset}, and ${endOffset} is committed`,
    )
    this.#count(what)
  }

  /** No committed record is lost: as many replicas as were enough have it, but for those whose disks were replaced. */
  #durable(watched: Watched): void {
    const { state, committed, everOs } = watched
    if (state === undefined || this.#mayHaveLost(watched) || committed.endOffset === 0) return
    if (watched.everCompacted || watched.isTamperedWith) return
    const { endOffset } = committed
    let holders = 0
    for (const node of this.#world.brokers) {
      const partition = this.#hosted(watched, node.id)
      if (partition !== undefined && [...state.isr, ...state.eligibleLeaderReplicas].includes(node.id)) {
        const broker = this.#image?.brokers.get(node.id)
        if (broker !== undefined && hasDirectory(state, broker)) {
          this.#reread(watched, node.id, partition, 'committed records are read again')
        }
      }
      const cursor = new LogCursor(node.machine, node.directoryOf(watched.directory), !everOs)
      let isSame = true
      for (const batch of cursor.batchesUpTo(endOffset)) isSame &&= committed.has(batch)
      const isDeleted = watched.deletable >= endOffset && cursor.beginsAt >= endOffset
      if (isSame && (isDeleted || cursor.offset >= endOffset)) holders++
    }
    const replaced = this.#world.brokers.filter((node) => node.replaced > 0).length
    const needed = Math.min(watched.lowestMin, state.replicas.length) - replaced
    assert(
      holders >= needed,
      () => `${watched.name}: what ends at ${endOffset} is committed, and on ${holders} disks, not on ${needed}`,
    )
    if (needed > 0) this.#count('no committed record is lost')
  }

  #mayHaveLost(watched: Watched): boolean {
    if (watched.everOs && !watched.mayHaveLost) {
      watched.mayHaveLost = this.#world.nodes.some(({ machine }, n) => machine.bootId !== this.#bootIds[n])
    }
    return watched.mayHaveLost
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}
