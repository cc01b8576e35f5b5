/**
 * What must hold in every world of the model, looked at after each event at the member that had it (Raft's properties, and those of the
 * published specifications of KRaft). What no member could know is kept here.
 */
import assert from 'node:assert/strict'
import { LOG_BEGINNING, type OffsetAndEpoch } from '../../src/raft/epoch-chain.js'
import type { OutgoingReply, RaftRequest } from '../../src/raft/messages.js'
import type { RaftNode } from '../../src/raft/raft-node.js'
import { replicaName } from '../../src/raft/voter-set.js'
import type { ModelBatch, ModelDisk } from './model-disk.js'

export interface Looked {
  readonly id: number
  readonly disk: ModelDisk
  readonly raft: RaftNode<ModelBatch>
}

/** What a directory has promised; a crash changes nothing of it. */
interface Promises {
  epoch: number
  /** The candidate that it has voted for, by epoch. */
  readonly votes: Map<number, string>
}

export class ModelInvariants {
  /** Who led, by epoch. */
  readonly #leaders = new Map<number, string>()
  readonly #promises = new Map<string, Promises>()
  /** Every batch that was ever written, by place and epoch, with the end of the one before it. */
  readonly #written = new Map<string, { readonly uid: number; readonly before: OffsetAndEpoch }>()
  /** In order, without gaps. */
  readonly committed: ModelBatch[] = []
  /** The epoch of the leader that committed it. */
  readonly #committedBy: number[] = []
  /** By incarnation. */
  readonly #highWatermarks = new Map<RaftNode<ModelBatch>, number>()

  get committedEnd(): number {
    return this.committed.at(-1)?.endOffset ?? 0
  }

  /** Of the batch that ends at this offset; undefined: no committed one does. */
  committedAt(endOffset: number): OffsetAndEpoch | undefined {
    if (endOffset === 0) return LOG_BEGINNING
    const found = this.committed[this.#indexOf(endOffset)]
    return found && { offset: endOffset, epoch: found.epoch }
  }

  looked({ id, disk, raft }: Looked): void {
    const self = { id, directoryId: disk.directoryId }
    const { role, epoch, highWatermark, voters } = raft
    if ((role === 'prospective' || role === 'candidate') && voters?.has(id, disk.directoryId) !== true) {
      // It was one before its removal, which may not be committed.
      const sets = [disk.startVoters, ...disk.batches.flatMap((batch) => batch.voters ?? [])].slice(-2)
      assert.ok(sets[0]?.has(id, disk.directoryId) === true, `${id} is ${role} and no voter`)
    }
    const name = replicaName(self)
    const promises = this.#promisesOf(name)
    assert.ok(epoch >= promises.epoch, `${id} goes back to epoch ${epoch} from ${promises.epoch}`)
    if (disk.end === raft.endOffset && !disk.restarting) {
      const latest = disk.batches.findLast((batch) => batch.voters)?.voters ?? disk.startVoters
      if (voters !== latest) {
        assert.deepEqual(voters?.voters, latest?.voters, `${id} goes by other voters than those of its log`)
      }
    }
    if (role === 'unattached') assert.equal(raft.leaderId, -1, `${id} has no leader and names one`)
    if (role === 'follower') {
      const leader = this.#leaders.get(epoch)
      assert.equal(leader?.split('@')[0], String(raft.leaderId), `${id} follows another than ${leader} in ${epoch}`)
    }
    const before = this.#highWatermarks.get(raft) ?? -1
    assert.ok(highWatermark >= before, `the high watermark of ${id} goes back to ${highWatermark} from ${before}`)
    if (highWatermark > before) this.#advanced({ id, disk, raft }, before)
  }

  /** A batch now stands at the end of a log. */
  appended(disk: ModelDisk, batch: ModelBatch): void {
    const previous = disk.batches.at(-2)
    const before = previous ? { offset: previous.endOffset, epoch: previous.epoch } : disk.start
    const key = `${batch.baseOffset} ${batch.epoch}`
    const known = this.#written.get(key)
    if (known === undefined) this.#written.set(key, { uid: batch.uid, before })
    else assert.deepEqual({ uid: batch.uid, before }, known, `two logs part below ${key}, which both have`)
    if (batch.voters === undefined) return
    const uncommitted = disk.batches.filter(({ voters, baseOffset }) => voters && baseOffset >= this.committedEnd)
    assert.ok(uncommitted.length <= 1, `two voter sets at ${uncommitted.map((each) => each.baseOffset)} are open`)
  }

  /** What a member is asked to cut off. */
  truncated({ id, raft }: Looked, endOffset: number): void {
    assert.ok(endOffset >= raft.highWatermark, `${id} cuts at ${endOffset} below ${raft.highWatermark}`)
  }

  /** A reply leaves: what it promises is durable. */
  replied({ id, disk }: Looked, request: RaftRequest, { reply }: OutgoingReply): void {
    const promises = this.#promisesOf(replicaName({ id, directoryId: disk.directoryId }))
    const { saved } = disk
    promises.epoch = Math.max(promises.epoch, reply.leaderEpoch)
    if (request.kind !== 'vote' || request.preVote || reply.kind !== 'vote' || !reply.voteGranted) return
    const candidate = replicaName(request.replica)
    const before = promises.votes.get(request.replicaEpoch)
    assert.ok(before === undefined || before === candidate, `${id} votes for ${before} and ${candidate}`)
    promises.votes.set(request.replicaEpoch, candidate)
    const isSaved = saved.leaderEpoch > request.replicaEpoch || saved.votedId === request.replica.id
    assert.ok(saved.leaderEpoch >= request.replicaEpoch && isSaved, `${id} votes and has not saved that`)
  }

  /** It asks for votes: its own is durable. */
  stood({ id, disk }: Looked, request: RaftRequest): void {
    if (request.kind !== 'vote' || request.preVote) return
    const name = replicaName({ id, directoryId: disk.directoryId })
    const { votes } = this.#promisesOf(name)
    const before = votes.get(request.replicaEpoch)
    assert.ok(
      before === undefined || before === name,
      `${id} stands in ${request.replicaEpoch} and voted for ${before}`,
    )
    votes.set(request.replicaEpoch, name)
    const { leaderEpoch, votedId } = disk.saved
    assert.ok(leaderEpoch === request.replicaEpoch && votedId === id, `${id} stands and has not saved that`)
  }

  /** It leads from now on, if only for a moment. */
  leads({ id, disk, raft }: Looked): void {
    const name = replicaName({ id, directoryId: disk.directoryId })
    const { epoch, endOffset } = raft
    const known = this.#leaders.get(epoch)
    assert.ok(known === undefined || known === name, `${name} leads in epoch ${epoch}, as does ${known}`)
    if (known !== undefined) return
    this.#leaders.set(epoch, name)
    // Leader completeness; before its first batch is written. A vote of an old epoch may have been long on its way.
    const end = this.committed[this.#committedBy.findLastIndex((by) => by < epoch)]
    if (end === undefined) return
    assert.ok(endOffset > end.endOffset, `${name} leads from ${endOffset} on, and ${end.endOffset} is committed`)
    if (disk.end < end.endOffset || disk.start.offset >= end.endOffset) return
    const own = disk.batches.find(({ endOffset: each }) => each === end.endOffset)
    assert.equal(own?.uid, end.uid, `${name} leads in ${epoch} without what is committed`)
  }

  #advanced({ id, disk, raft }: Looked, before: number): void {
    const { highWatermark } = raft
    this.#highWatermarks.set(raft, highWatermark)
    if (disk.restarting) {
      const { id: snapshotId } = disk.snapshot!
      assert.deepEqual(this.committedAt(highWatermark), snapshotId, `${id} has a snapshot of what is not committed`)
      return
    }
    assert.ok(highWatermark <= disk.persisted, `${id} counts ${highWatermark} as committed, durable: ${disk.persisted}`)
    const wasEnd = this.committedEnd
    for (const batch of disk.batches) {
      if (batch.endOffset <= before) continue
      if (batch.baseOffset >= highWatermark) break
      if (batch.baseOffset === this.committedEnd) {
        this.committed.push(batch)
        this.#committedBy.push(raft.epoch)
      } else {
        const known = this.committed[this.#indexOf(batch.endOffset)]
        assert.equal(batch.uid, known?.uid, `${id} has another batch committed at ${batch.baseOffset}`)
      }
    }
    assert.ok(this.committedEnd >= highWatermark, `${id} counts ${highWatermark} as committed, of ${this.committedEnd}`)
    if (this.committedEnd > wasEnd) {
      // One that has removed itself resigns with that.
      assert.ok(
        raft.role === 'leader' || raft.role === 'resigned',
        `${id} is the first to know that ${this.committedEnd} is committed`,
      )
      this.onCommitted?.({ id, disk, raft })
    }
  }

  /** Something is committed for the first time. */
  onCommitted: ((by: Looked) => void) | undefined

  #indexOf(endOffset: number): number {
    let low = 0
    let high = this.committed.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.committed[middle]!.endOffset < endOffset) low = middle + 1
      else high = middle
    }
    return this.committed[low]?.endOffset === endOffset ? low : -1
  }

  #promisesOf(name: string): Promises {
    let promises = this.#promises.get(name)
    if (promises === undefined) this.#promises.set(name, (promises = { epoch: 0, votes: new Map() }))
    return promises
  }
}
