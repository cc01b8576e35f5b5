/**
 * Founding: how a node comes to belong to a cluster, before anything else of it runs (`raft/founding.ts` decides). And for as long as it
 * runs it answers others that ask.
 *
 * What is written, in this order, each durable before the next: the first snapshot of the metadata log, empty but for the voters, on those that
 * are founding voters; the cluster's id in the directory of the metadata; and in the others. A node whose directory has no cluster's id belongs
 * to none, and removes a snapshot that it finds.
 */
import { randomUuid } from '../../base/uuid.js'
import { canonicalText, type NamedController } from '../../config/named-controllers.js'
import type { Timer } from '../../io/clock.js'
import { DiskError } from '../../io/disk.js'
import type { Ports } from '../../io/ports.js'
import { EMPTY_IMAGE } from '../../metadata/image.js'
import { THIS_RELEASE } from '../../metadata/release.js'
import { ErrorCode } from '../../protocol/errors.js'
import { LOG_BEGINNING } from '../../raft/epoch-chain.js'
import { decideFounding, type FoundingDecision, type FoundingSelf } from '../../raft/founding.js'
import { type Voter, type VoterEndpoint, VoterSet } from '../../raft/voter-set.js'
import type { LogDirectories } from '../../storage/log-directories.js'
import { METADATA_LOG } from '../../storage/log-files.js'
import { hasQuorum } from '../../storage/metadata-place.js'
import type { FoundingResponse } from '../apis/quorum/describe-founding.js'
import { FoundingRounds } from './founding-round.js'
import { buildSnapshot, readSnapshot, SnapshotError, snapshotFileName, writeSnapshot } from './snapshot-file.js'

const ROUND_MS = 100
const COMPLAIN_MS = 5000
/** Nodes are not all started in the same moment. */
const FIRST_COMPLAINT_MS = 1000

export interface FoundingOptions {
  readonly directories: LogDirectories
  /** None: the node begins a cluster of its own, and has already. */
  readonly named: readonly NamedController[]
  readonly isController: boolean
  /** Where this node serves controllers. */
  readonly endpoints: readonly VoterEndpoint[]
  /** Who leads, once that is known. */
  readonly leader: () => { readonly leaderId: number; readonly leaderEpoch: number }
}

/** The error is a sentence for the operator. */
export type FoundingDone = (error: string | undefined) => void

export class Founding {
  readonly #ports: Ports
  readonly #options: FoundingOptions
  readonly #text: string
  readonly #rounds: FoundingRounds
  #foundingVoters: readonly Voter[] = []
  #belongs = false
  /** What it has decided is being written: what it is going to be cannot be told. */
  #writes = false
  #timer: Timer | undefined
  #complainedMs: number
  #stopped = false

  constructor(ports: Ports, options: FoundingOptions) {
    this.#ports = ports
    this.#options = options
    this.#text = canonicalText(options.named)
    const { nodeId: id, directoryId } = options.directories.metadata
    this.#rounds = new FoundingRounds(ports, { id, directoryId }, options.named)
    this.#complainedMs = ports.clock.monotonicMs() + FIRST_COMPLAINT_MS - COMPLAIN_MS
  }

  /** Calls back when this node belongs to a cluster, which may take for ever. */
  begin(done: FoundingDone): void {
    const { metadata } = this.#options.directories
    try {
      const isKnown = hasQuorum(this.#ports.disk, metadata.path)
      if (metadata.clusterId !== undefined && (isKnown || this.#options.named.length === 0)) {
        this.#foundingVoters = this.#readFounding()
        this.#belongs = true
        return done(undefined)
      }
    } catch (error) {
      if (error instanceof SnapshotError || error instanceof DiskError) return done(error.message)
      throw error
    }
    this.#ask(done)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#rounds.stop()
  }

  answer(): FoundingResponse {
    const { directories, endpoints, leader } = this.#options
    const { nodeId, directoryId, clusterId = null } = directories.metadata
    const { leaderId, leaderEpoch } = leader()
    return {
      errorCode: this.#writes ? ErrorCode.BROKER_NOT_AVAILABLE : ErrorCode.NONE,
      nodeId,
      directoryId,
      named: this.#text,
      clusterId: this.#belongs ? clusterId : null,
      formattedFor: this.#belongs ? null : clusterId,
      foundingVoters: this.#foundingVoters.map((voter) => ({ ...voter, nodeId: voter.id })),
      endpoints,
      leaderId,
      leaderEpoch,
    }
  }

  #ask(done: FoundingDone): void {
    this.#rounds.ask((round) => {
      const decision = decideFounding(this.#self, round)
      switch (decision.is) {
        case 'end':
          this.stop()
          return done(decision.sentence)
        case 'wait':
          if (decision.complaint !== undefined) this.#complain(decision.complaint)
          this.#timer = this.#ports.clock.timer(ROUND_MS, () => this.#ask(done))
          return
        default:
          this.#rounds.stop()
          this.#take(decision, done)
      }
    })
  }

  get #self(): FoundingSelf {
    const { directories, isController } = this.#options
    const { nodeId: id, directoryId, clusterId: formattedFor } = directories.metadata
    return { id, directoryId, named: this.#text, isController, formattedFor }
  }

  #take(decision: FoundingDecision & { readonly is: 'join' | 'found' }, done: FoundingDone): void {
    const { logger, random } = this.#ports
    const { voters } = decision
    this.#writes = true
    const clusterId = decision.clusterId ?? randomUuid(random)
    const join = (): void =>
      this.#options.directories.join(clusterId, (error) => {
        if (this.#stopped) return
        if (error !== undefined) return done(`the cluster's id cannot be written: ${error.message}`)
        this.#foundingVoters = voters ?? []
        this.#belongs = true
        this.#writes = false
        const ids = voters?.map(({ id }) => id)
        logger.info({ clusterId, voters: ids }, decision.is === 'found' ? 'founded a cluster' : 'joined a cluster')
        done(undefined)
      })
    if (voters === undefined) return join()
    const content = { image: EMPTY_IMAGE, voters: new VoterSet(voters), lastContainedTimestamp: 0 }
    const bytes = buildSnapshot(LOG_BEGINNING, content, this.#ports.clock.wallMs())
    writeSnapshot(this.#ports, this.#logDirectory, LOG_BEGINNING, bytes, (error) => {
      if (this.#stopped) return
      if (error === undefined) join()
      else done(`the founding of the cluster cannot be written: ${error.message}`)
    })
  }

  /** None if this node was not there, or it is long ago. Throws `SnapshotError` or `DiskError`. */
  #readFounding(): readonly Voter[] {
    const bytes = this.#ports.disk.readFile(`${this.#logDirectory}/${snapshotFileName(LOG_BEGINNING)}`)
    return bytes === undefined ? [] : readSnapshot(LOG_BEGINNING, bytes, THIS_RELEASE).voters.voters
  }

  get #logDirectory(): string {
    return `${this.#options.directories.metadata.path}/${METADATA_LOG}`
  }

  #complain(complaint: string): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs - this.#complainedMs < COMPLAIN_MS) return
    this.#complainedMs = nowMs
    this.#ports.logger.warn({ named: this.#text }, `waits for its cluster: ${complaint}`)
  }
}
