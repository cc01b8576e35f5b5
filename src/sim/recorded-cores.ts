/**
 * The cores that a flight record speaks of, by the kinds under which their shells record them: how each is made of a state, and what its
 * inputs mean. The other side of the `track` calls in `broker/`.
 */
import { plainDifference, toPlain } from '../base/plain.js'
import {
  type ControllerApi,
  ControllerCore,
  type ControllerRequest,
  type ControllerState,
  type Moment,
} from '../controller/controller-core.js'
import type { Random } from '../io/random.js'
import type { MetadataImage } from '../metadata/image.js'
import type { MetadataRecord } from '../metadata/records.js'
import type { OffsetAndEpoch } from '../raft/epoch-chain.js'
import type { RaftRequest } from '../raft/messages.js'
import { RaftNode } from '../raft/raft-node.js'
import type { RaftState } from '../raft/raft-state.js'
import { type RecordedResponse, responseOf } from '../raft/recorded-response.js'
import { type Voter, VoterSet } from '../raft/voter-set.js'
import type { ProposalAnswer } from '../replication/isr-proposal.js'
import { PartitionLeader } from '../replication/partition-leader.js'
import type { PartitionLeaderOptions, PartitionLeaderState } from '../replication/partition-leader-state.js'

export interface RecordedInput {
  /** Of the record, from 1. */
  readonly line: number
  readonly name: string
  readonly args: readonly unknown[]
  /** What was drawn while the core had the input: numbers, and bytes in hexadecimal. */
  readonly drawn: (number | string)[]
}

export interface RecordedCore {
  /** Undefined: there is none. */
  capture(): unknown
  /** Gives the core an input; what it throws comes through. Returns where its decision differs from the recorded one. */
  feed(input: RecordedInput): string | undefined
}

/** The input is none of this kind of core: the record is of another release. */
export class UnknownInputError extends Error {
  override readonly name = 'UnknownInputError'

  constructor(kind: string, input: string) {
    super(`a core of the kind ${kind} has no input ${input}`)
  }
}

/** The core goes another way than it did: what it draws is not what was drawn. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError'
}

/** Makes a core of its state; undefined: there was none. */
export const RECORDED_CORES: Readonly<Record<string, (state: unknown) => RecordedCore>> = {
  raft: (state) => new RecordedRaft(state as RaftState),
  controller: (state) => new RecordedController(state as ControllerState | undefined),
  'partition-leader': (state) => new RecordedLeader(state as PartitionLeaderState | undefined),
}

class RecordedRaft implements RecordedCore {
  readonly #random = new RecordedRandom()
  readonly #node: RaftNode<undefined>

  constructor(state: RaftState) {
    this.#node = RaftNode.restore(state, this.#random)
  }

  capture(): unknown {
    return this.#node.capture()
  }

  feed({ name, args, drawn }: RecordedInput): string | undefined {
    this.#random.drawn = drawn
    this.#input(name, args)
    // Batches that nobody takes would only pile up.
    while (this.#node.takeReady() !== undefined);
    return this.#random.drawn.length === 0 ? undefined : `${drawn.length} of what was drawn is left over`
  }

  #input(name: string, args: readonly unknown[]): void {
    const node = this.#node
    switch (name) {
      case 'tick':
        return node.tick(args[0] as number, args[1] as number)
      case 'step':
        return node.step(args[0] as RaftRequest, args[1] as number, args[2] as number)
      case 'answered':
        return node.answered(args[0] as number, responseOf(args[1] as RecordedResponse), args[2] as number)
      case 'failed':
        return node.failed(args[0] as number, args[1] as number)
      case 'disconnected':
        return node.disconnected(args[0] as number, args[1] as number)
      case 'propose':
        return void node.propose(undefined, args[0] as number)
      case 'stateSaved':
        return node.stateSaved(args[0] as number)
      case 'persisted':
        return node.persisted(args[0] as number)
      case 'truncated':
        return node.truncated()
      case 'appendFailed':
        return node.appendFailed(args[0] as { readonly endOffset: number }, args[1] as number)
      case 'snapshotTaken':
        return node.snapshotTaken(args[0] as number)
      case 'logStartMoved':
        return node.logStartMoved(args[0] as number)
      case 'snapshotPiece':
        return node.snapshotPiece(args[0] as number)
      case 'snapshotLoaded':
        return void node.snapshotLoaded(
          args[0] as OffsetAndEpoch,
          new VoterSet(args[1] as readonly Voter[]),
          args[2] as number,
        )
      case 'snapshotFailed':
        return node.snapshotFailed(args[0] as number)
      case 'resign':
        return node.resign(args[0] as number)
      default:
        throw new UnknownInputError('raft', name)
    }
  }
}

class RecordedLeader implements RecordedCore {
  #leader: PartitionLeader | undefined

  constructor(state: PartitionLeaderState | undefined) {
    this.#leader = state && new PartitionLeader(state)
  }

  capture(): unknown {
    return this.#leader?.capture()
  }

  feed({ name, args }: RecordedInput): undefined {
    switch (name) {
      case 'leads':
        this.#leader = new PartitionLeader(args[0] as PartitionLeaderOptions)
        return
      case 'resigned':
        this.#leader = undefined
        return
      case 'changed':
        this.#leader?.changed(...(args as Parameters<PartitionLeader['changed']>))
        return
      case 'setUsable':
        this.#leader?.setUsable(args[0] as ReadonlyMap<number, number>)
        return
      case 'fetched':
        this.#leader?.fetched(...(args as Parameters<PartitionLeader['fetched']>))
        return
      case 'startMoved':
        this.#leader?.startMoved(args[0] as number)
        return
      case 'appended':
        this.#leader?.appended(args[0] as number)
        return
      case 'flushed':
        this.#leader?.flushed(args[0] as number)
        return
      case 'configure':
        this.#leader?.configure(...(args as Parameters<PartitionLeader['configure']>))
        return
      case 'tick':
        this.#leader?.tick(args[0] as number, args[1] as number)
        return
      case 'takeProposal':
        this.#leader?.takeProposal()
        return
      case 'keepOut':
        this.#leader?.keepOut(args[0] as number, args[1] as number)
        return
      case 'handOver':
        this.#leader?.handOver(args[0] as readonly number[])
        return
      case 'answered':
        this.#leader?.answered(args[0] as number, args[1] as ProposalAnswer)
        return
      default:
        throw new UnknownInputError('partition-leader', name)
    }
  }
}

class RecordedController implements RecordedCore {
  readonly #random = new RecordedRandom()
  #core: ControllerCore | undefined
  /** What was decided last, for comparison with what was appended. */
  #decided: readonly MetadataRecord[] | undefined

  constructor(state: ControllerState | undefined) {
    this.#core = state && ControllerCore.restore(state, this.#random)
  }

  capture(): unknown {
    return this.#core?.capture()
  }

  feed({ name, args, drawn }: RecordedInput): string | undefined {
    if (name === 'leads') {
      const [options, image, nowMs] = args as [ControllerState['options'], MetadataImage, number]
      this.#decided = undefined
      this.#core = new ControllerCore({ ...options, random: this.#random }, image, nowMs)
      return undefined
    }
    if (name === 'resigned') {
      this.#core = undefined
      return undefined
    }
    const core = this.#core
    if (core === undefined) return undefined
    this.#random.drawn = drawn
    switch (name) {
      case 'begin':
        this.#decided = core.begin().records
        return undefined
      case 'heard':
        core.heard(args[0] as number, args[1] as number, args[2] as number)
        return undefined
      case 'stalled':
        core.stalled(args[0] as number)
        return undefined
      case 'decide': {
        const [api, request, moment] = args as [ControllerApi, ControllerRequest<ControllerApi>, Moment]
        this.#decided = core.decide(api, request, moment).records
        return this.#random.drawn.length === 0
          ? undefined
          : `${this.#random.drawn.length} of what was drawn is left over`
      }
      case 'expire':
        this.#decided = core.expire(args[0] as number).records
        return undefined
      case 'barrier':
        this.#decided = core.barrier().records
        return undefined
      case 'sessionClosed':
        core.sessionClosed(args[0] as number, args[1] as number, args[2] as number)
        return undefined
      case 'refused':
        this.#decided = core.refused(...(args as [number, number, number, number])).records
        return undefined
      case 'apply':
        return this.#apply(core, args[0] as MetadataRecord[], args[1] as number)
      default:
        throw new UnknownInputError('controller', name)
    }
  }

  #apply(core: ControllerCore, records: readonly MetadataRecord[], baseOffset: number): string | undefined {
    const decided = this.#decided
    this.#decided = undefined
    core.apply(records, baseOffset)
    return decided === undefined ? undefined : plainDifference(toPlain(records), toPlain(decided))
  }
}

/** Gives what was drawn, in that order. */
class RecordedRandom implements Random {
  drawn: (number | string)[] = []

  below(limit: number): number {
    const value = this.drawn.shift()
    if (typeof value !== 'number' || value >= limit) {
      throw new DivergedError(`a number below ${limit} is drawn, and the record has ${value ?? 'nothing'}`)
    }
    return value
  }

  bytes(length: number): Uint8Array {
    const value = this.drawn.shift()
    const bytes = Buffer.from(typeof value === 'string' ? value : '', 'hex')
    if (bytes.length !== length) {
      throw new DivergedError(`${length} bytes are drawn, and the record has ${value ?? 'nothing'}`)
    }
    return bytes
  }
}
