/**
 * A member of the model world: a process on a disk, or nothing on it. It is the shell that `RaftNode` asks for, on delays that the world
 * draws; a late flush may speak of what has been cut off meanwhile.
 */

import type { FlightRecorder } from '../../src/base/flight-recorder.js'
import { fromPlain, type Plain, toPlain } from '../../src/base/plain.js'
import type { Prng } from '../../src/base/prng.js'
import type { Random } from '../../src/io/random.js'
import type { OutgoingReply, OutgoingRequest } from '../../src/raft/messages.js'
import { type AppendAction, controlRecordCount, type LogAction } from '../../src/raft/raft-log.js'
import { RaftNode } from '../../src/raft/raft-node.js'
import type { FetchSnapshotOrder, RaftState, Ready } from '../../src/raft/raft-state.js'
import type { RaftTimeouts } from '../../src/raft/raft-timeouts.js'
import type { VoterSet } from '../../src/raft/voter-set.js'
import type { ModelBatch, ModelDisk } from './model-disk.js'
import { recordedRaft } from './recorded-raft.js'

/** What the world does for its members. */
export interface Surroundings {
  readonly random: Prng
  readonly nowMs: () => number
  /** Processes are recorded there, if anywhere. */
  readonly recorders?: FlightRecorder[] | undefined
  /** Calls back later, if the process still runs then. */
  later(member: ModelMember, delayMs: number, action: () => void): void
  request(from: ModelMember, request: OutgoingRequest): void
  reply(from: ModelMember, reply: OutgoingReply): void
  fetchSnapshot(from: ModelMember, order: FetchSnapshotOrder): void
  appended(member: ModelMember, batch: ModelBatch): void
  truncates(member: ModelMember, endOffset: number): void
  changedRole(member: ModelMember, ready: Ready<ModelBatch>): void
  uid(): number
  /** How long a flush takes, how long a change of the log; whether an append fails. */
  diskMs(): number
  appendFails(): boolean
}

export class ModelMember {
  readonly id: number
  readonly #world: Surroundings
  readonly #timeouts: RaftTimeouts
  disk: ModelDisk
  #raft: RaftNode<ModelBatch> | undefined
  /** Of the process; what was begun by another is void. */
  incarnation = 0
  /** It stands still until then. */
  pausedUntilMs = 0
  /** To be done to the log, in order: a cut takes its time. */
  #actions: LogAction<ModelBatch>[] = []
  #cutting = false
  /** Up to here a flush is under way. */
  #flushingTo: number | undefined

  constructor(id: number, disk: ModelDisk, world: Surroundings, timeouts: RaftTimeouts) {
    this.id = id
    this.disk = disk
    this.#world = world
    this.#timeouts = timeouts
  }

  get runs(): boolean {
    return this.#raft !== undefined
  }

  get raft(): RaftNode<ModelBatch> {
    return this.#raft!
  }

  start(): void {
    this.incarnation++
    const { id: nodeId, disk } = this
    const { random, recorders } = this.#world
    const options = { nodeId, directoryId: disk.directoryId, timeouts: this.#timeouts }
    const make = (source: Random): RaftNode<ModelBatch> =>
      new RaftNode<ModelBatch>({ ...options, random: source }, disk.saved, disk.content())
    if (recorders === undefined) this.#raft = make(random)
    else {
      const { raft, recorder } = recordedRaft(make, random)
      this.#raft = raft
      recorders.push(recorder)
    }
  }

  crash(): void {
    this.#raft = undefined
    this.#actions = []
    this.#cutting = false
    this.#flushingTo = undefined
    this.disk.crash(this.#world.random)
  }

  /** The node is made anew of its state, as a flight record keeps that: nothing may be missing in it. */
  recapture(): void {
    if (this.#world.recorders !== undefined) return
    const text = JSON.stringify(toPlain(this.raft.capture()))
    this.#raft = RaftNode.restore(fromPlain(JSON.parse(text) as Plain) as RaftState, this.#world.random)
  }

  /** Does what the core says until it says nothing more. */
  advance(): void {
    for (;;) {
      const ready = this.raft.takeReady()
      if (ready === undefined) return
      const { save, log, role, fetchSnapshot, replies, requests } = ready
      if (role !== undefined) this.#world.changedRole(this, ready)
      if (save !== undefined) {
        this.disk.saving = save
        this.#world.later(this, this.#world.diskMs(), () => {
          this.disk.saved = save
          this.disk.saving = undefined
          this.raft.stateSaved(save.leaderEpoch)
        })
      }
      for (const action of log) this.#actions.push(action)
      this.#work()
      for (const each of requests) this.#world.request(this, each)
      for (const each of replies) this.#world.reply(this, each)
      if (fetchSnapshot !== undefined) this.#world.fetchSnapshot(this, fetchSnapshot)
    }
  }

  #work(): void {
    while (this.#actions.length > 0 && !this.#cutting) {
      const action = this.#actions[0]!
      if (action.action !== 'append') return this.#cut(action)
      if (this.#world.appendFails()) return this.#fail()
      this.#actions.shift()
      this.#append(action)
    }
    this.#flush()
  }

  #append({ baseOffset, epoch, content }: AppendAction<ModelBatch>): void {
    const { disk } = this
    if (baseOffset !== disk.end) throw new Error(`${this.id} appends at ${baseOffset}, its log ends at ${disk.end}`)
    let batch: ModelBatch
    if (content.is === 'fetched') batch = content.batch
    else {
      const count = content.is === 'leaderChange' ? controlRecordCount(baseOffset) : 1
      const size = content.is === 'proposed' ? content.batch.endOffset : count
      let voters: VoterSet | undefined
      if (content.is === 'voters' || (content.is === 'leaderChange' && content.isFirst)) voters = content.voters
      batch = { baseOffset, endOffset: baseOffset + size, epoch, uid: this.#world.uid(), voters }
    }
    disk.batches.push(batch)
    this.#world.appended(this, batch)
  }

  #cut(action: Exclude<LogAction<ModelBatch>, { action: 'append' }>): void {
    this.#cutting = true
    if (action.action === 'truncate') this.#world.truncates(this, action.endOffset)
    this.#world.later(this, 3 * this.#world.diskMs(), () => {
      this.#cutting = false
      this.#actions.shift()
      if (action.action === 'truncate') this.disk.truncate(action.endOffset)
      else this.disk.restart(this.disk.snapshot!)
      // Of a flush that is under way only what is left counts.
      if (this.#flushingTo !== undefined) this.#flushingTo = Math.min(this.#flushingTo, this.disk.end)
      this.raft.truncated()
      this.raft.persisted(this.disk.persisted)
      this.#work()
    })
  }

  /** What was not written will not be; a cut that was asked for stays. */
  #fail(): void {
    this.#actions = this.#actions.filter(({ action }) => action !== 'append')
    this.raft.appendFailed({ endOffset: this.disk.end }, this.#world.nowMs())
    this.#work()
  }

  #flush(): void {
    const { disk } = this
    if (this.#flushingTo !== undefined || disk.persisted === disk.end) return
    this.#flushingTo = disk.end
    const { end } = disk
    this.#world.later(this, this.#world.diskMs(), () => {
      disk.persisted = Math.max(disk.persisted, this.#flushingTo!)
      this.#flushingTo = undefined
      // It speaks of what it began with, although that may be about to be cut off.
      this.raft.persisted(this.#cutting ? end : disk.persisted)
      this.#flush()
    })
  }
}
