/**
 * Members of one quorum, each with its disk and its process on simulated ports: the production shell, its handlers and its connections, without the
 * rest of a node. Whatever is handed out as committed is compared: at one offset there is one image, whoever has it.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { FlightRecorder } from '../../src/base/flight-recorder.js'
import { uuidFromBytes } from '../../src/base/uuid.js'
import { HANDLERS } from '../../src/broker/apis/index.js'
import type { Services } from '../../src/broker/apis/services.js'
import { RequestMetrics } from '../../src/broker/metrics/request-metrics.js'
import { DEFAULT_QUORUM_SETTINGS, type QuorumSettings } from '../../src/broker/quorum/options.js'
import { Quorum, type QuorumLeader } from '../../src/broker/quorum/quorum.js'
import { buildSnapshot, snapshotFileName } from '../../src/broker/quorum/snapshot-file.js'
import { ConnectionLimits, connectionLimits } from '../../src/broker/server/connection-limits.js'
import { Pipeline } from '../../src/broker/server/pipeline.js'
import { RequestMemory } from '../../src/broker/server/request-memory.js'
import { OPEN_STAGES } from '../../src/broker/server/stages.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { Logger, Severity } from '../../src/io/logger.js'
import type { Ports } from '../../src/io/ports.js'
import { EMPTY_IMAGE, type MetadataImage } from '../../src/metadata/image.js'
import type { MetadataRecord } from '../../src/metadata/records.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import type { Fields } from '../../src/protocol/field.js'
import type { InOfMessage, Message, OutOfMessage } from '../../src/protocol/schema.js'
import { type Voter, VoterSet } from '../../src/raft/voter-set.js'
import { ClientConnection } from '../../src/rpc/client-connection.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { replayFlight } from '../../src/sim/replay-flight.js'
import { Simulation } from '../../src/sim/simulation.js'
import { LogDirectories } from '../../src/storage/log-directories.js'
import { LOG_OPTIONS } from '../log-options.js'

const DATA = '/data'
const LOG = `${DATA}/__cluster_metadata-0`
const PORT = 9093
const CLUSTER_ID = 'ccccccccccccccccccccAA'
export const LONGEST_MS = 120_000

export interface RigOptions {
  readonly voters?: number
  readonly observers?: number
  readonly settings?: Partial<QuorumSettings>
  readonly segmentBytes?: number
}

export interface RigMember {
  readonly id: number
  readonly machine: Machine
  readonly directoryId: string
  /** Of the process that runs, once it is open. */
  quorum: Quorum | undefined
  directories: LogDirectories | undefined
  recorder: FlightRecorder
  image: MetadataImage | undefined
  /** How often an image came without a delta. */
  wholeImages: number
  leads: boolean
  /** As it was told. */
  leaders: QuorumLeader[]
  starts: number
  /** Why it ended itself. */
  ended: string | undefined
}

export class QuorumRig {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly members: readonly RigMember[]
  readonly voters: VoterSet
  readonly settings: QuorumSettings
  readonly #segmentBytes: number
  /** By offset: which image was handed out there. */
  readonly #digests = new Map<number, string>()
  readonly #leaderOf = new Map<number, number>()
  #proposed = 0
  /** How often what was logged. */
  readonly counts = new Map<string, number>()
  readonly errors: string[] = []
  /** Names of resources whose change is committed, as a leader has seen. */
  readonly acknowledged = new Map<string, { readonly epoch: number }>()
  readonly #waiting = new Map<RigMember, { readonly name: string; readonly endOffset: number }[]>()

  constructor(seed: string | number, options: RigOptions = {}) {
    const { voters = 3, observers = 0, settings = {}, segmentBytes = LOG_OPTIONS.segmentBytes } = options
    this.simulation = new Simulation(seed)
    this.network = new SimulatedNetwork(this.simulation)
    this.settings = { ...DEFAULT_QUORUM_SETTINGS, ...settings }
    this.#segmentBytes = segmentBytes
    const random = this.simulation.random('rig')
    this.members = Array.from({ length: voters + observers }, (_, at) => ({
      id: at + 1,
      machine: new Machine(this.simulation, this.network, `node${at + 1}`),
      directoryId: uuidFromBytes(random.bytes(16)),
      quorum: undefined,
      directories: undefined,
      recorder: new FlightRecorder(),
      image: undefined,
      wholeImages: 0,
      leads: false,
      leaders: [],
      starts: 0,
      ended: undefined,
    }))
    this.voters = new VoterSet(this.members.slice(0, voters).map((member) => this.#voter(member)))
    for (const [at, member] of this.members.entries()) this.#found(member, at < voters)
  }

  startAll(): this {
    for (const member of this.members) this.start(member)
    return this
  }

  member(id: number): RigMember {
    return this.members[id - 1]!
  }

  get running(): RigMember[] {
    return this.members.filter((member) => this.runs(member))
  }

  runs({ machine, quorum }: RigMember): boolean {
    return machine.process?.alive === true && quorum !== undefined
  }

  /** The one that leads in the latest epoch. */
  get leader(): RigMember | undefined {
    const leading = this.running.filter(({ leads }) => leads)
    return leading.sort((a, b) => b.quorum!.leader().epoch - a.quorum!.leader().epoch)[0]
  }

  start(member: RigMember): void {
    if (member.machine.process?.alive === true) return
    member.quorum = undefined
    member.image = undefined
    member.leads = false
    member.ended = undefined
    member.starts++
    member.recorder = new FlightRecorder()
    this.#waiting.set(member, [])
    member.machine.boot(
      (ports) => this.#open(member, ports),
      () => {},
    )
  }

  crash(member: RigMember, how: 'crash' | 'losePower' = 'crash'): void {
    if (member.machine.process?.alive === true) member.machine[how]()
    member.quorum = undefined
    member.leads = false
  }

  /** Stops it in order. */
  stop(member: RigMember): void {
    const { directories } = member
    if (!this.runs(member) || directories === undefined) return
    const { process } = member.machine
    this.turn(member, (quorum) => {
      quorum.stop()
      directories.closeClean(-1, () => process!.kill())
    })
    member.quorum = undefined
    member.leads = false
  }

  /** Nothing goes between those in one group and the others. */
  split(...groups: readonly (readonly number[])[]): void {
    const groupOf = (host: string): number => groups.findIndex((ids) => ids.includes(Number(host.slice('node'.length))))
    this.network.setLinks((from, to) => (groupOf(from) === groupOf(to) ? 'deliver' : 'hold'))
  }

  heal(): void {
    this.network.setLinks(() => 'deliver')
  }

  /** A turn of its process. Undefined: it sleeps, and the turn comes later. */
  turn<Result>(member: RigMember, action: (quorum: Quorum) => Result): Result | undefined {
    let result: Result | undefined
    member.machine.process!.begin(() => {
      result = action(member.quorum!)
    })
    return result
  }

  /** Proposes one more change to whoever leads. False: nobody does. */
  propose(member = this.leader, valueBytes = 10): boolean {
    if (member === undefined || !this.runs(member)) return false
    const name = `t${this.#proposed++}`
    const value = 'x'.repeat(valueBytes)
    const record: MetadataRecord = { type: 'config', resourceType: 2, resourceName: name, name: 'k', value }
    return (
      this.turn(member, (quorum) => {
        const offset = quorum.propose([record])
        // The end of the turn may take the lead away again.
        if (offset !== undefined) this.#waiting.get(member)!.push({ name, endOffset: offset + 1 })
        return offset !== undefined
      }) ?? false
    )
  }

  /** As a tool would ask, from elsewhere. */
  ask<Request extends Fields, Response extends Fields>(
    member: RigMember,
    message: Message<Request, Response>,
    version: number,
    body: InOfMessage<Request>,
  ): OutOfMessage<Response> {
    const machine = new Machine(this.simulation, this.network, `tool${this.simulation.events}`)
    let answer: OutOfMessage<Response> | undefined
    machine.boot(
      ({ clock, network }) => {
        const address = { host: member.machine.host, port: PORT }
        const options = { clock, network, address, clientId: 'tool', requestTimeoutMs: LONGEST_MS }
        new ClientConnection(options).send(message, version, body, (error, response) => {
          assert.equal(error, undefined)
          answer = response
        })
      },
      () => {},
    )
    this.until(() => answer !== undefined, `${message.name} is answered`)
    return answer!
  }

  until(condition: () => boolean, what: string, longestMs = LONGEST_MS): void {
    const reached = this.simulation.runUntil(condition, this.simulation.nowMs + longestMs)
    assert.ok(reached, `within ${longestMs} ms: ${what}; ${this.describe()}`)
  }

  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  /** One leads, all follow it, and all have everything committed that it has. */
  get isAtRest(): boolean {
    const { leader } = this
    if (leader === undefined || this.running.length < this.members.length) return false
    const { endOffset } = leader.quorum!
    const { epoch } = leader.quorum!.leader()
    return this.running.every(({ quorum, image }) => {
      const known = quorum!.leader()
      const follows = known.nodeId === leader.id && known.epoch === epoch
      return follows && quorum!.highWatermark === endOffset && image?.offset === endOffset - 1
    })
  }

  /** All are at rest, and nothing that was acknowledged is missing anywhere. */
  converge(longestMs = LONGEST_MS): void {
    this.until(() => this.isAtRest, 'all have what the leader has', longestMs)
    for (const { id, image } of this.members) {
      for (const name of this.acknowledged.keys()) assert.ok(image!.configs.has(`2/${name}`), `${id} has lost ${name}`)
    }
  }

  describe(): string {
    const text = this.members.map(({ id, quorum, ended }) => {
      const at =
        quorum && `${quorum.role} ${JSON.stringify(quorum.leader())} ${quorum.highWatermark}/${quorum.endOffset}`
      return `${id}: ${at ?? ended ?? 'down'}`
    })
    return text.join('; ')
  }

  /** Files of a member's metadata log that are called so. */
  files({ machine }: RigMember, ending: string): string[] {
    const found = machine.find(LOG)
    return found instanceof SimulatedDirectory ? found.names.filter((name) => name.endsWith(ending)) : []
  }

  /** Changes the last byte of the metadata log, which its owner has not seen. */
  damageEnd(member: RigMember): void {
    const last = this.files(member, '.log').at(-1)!
    const file = member.machine.find(`${LOG}/${last}`)
    assert.ok(file instanceof SimulatedFile)
    const at = file.sizeBytes - 1
    file.write(at, Buffer.from([file.content[at]! ^ 0xff]))
  }

  /** Feeds the flight records of the members that run to their cores again. */
  replayFlights(): number {
    let inputs = 0
    for (const { id, recorder } of this.running) {
      const report = replayFlight(recorder.dump())
      assert.deepEqual([report.mismatches, report.thrown], [[], []], `the flight of ${id}`)
      inputs += report.inputs
    }
    return inputs
  }

  #voter({ id, directoryId, machine }: RigMember): Voter {
    return { id, directoryId, endpoints: [{ name: 'CONTROLLER', host: machine.host, port: PORT }] }
  }

  /** As it is founded: who votes stands in a snapshot of nothing. */
  #found({ id, machine, directoryId }: RigMember, votes: boolean): void {
    const { device } = machine
    device.makeDurableDirectory(LOG)
    const meta = `#\nnode.id=${id}\ndirectory.id=${directoryId}\nversion=1\ncluster.id=${CLUSTER_ID}\n`
    write(device, `${DATA}/meta.properties`, Buffer.from(meta))
    if (!votes) return
    const first = { offset: 0, epoch: 0 }
    const content = { image: EMPTY_IMAGE, voters: this.voters, lastContainedTimestamp: 0 }
    write(device, `${LOG}/${snapshotFileName(first)}`, buildSnapshot(first, content, 0))
  }

  #open(member: RigMember, given: Ports): void {
    const ports = { ...given, logger: this.#counting(given.logger) }
    const end = (sentence: string): void => {
      member.ended = sentence
      ports.host.exit(1)
    }
    const options = {
      paths: [DATA],
      metadataPath: DATA,
      nodeId: member.id,
      reservedBytes: 0,
      openFiles: 100,
      checkpointIntervalMs: 500,
      deleteDelayMs: 100,
      joins: false,
    }
    LogDirectories.open(ports, options, { lost: end, offline: () => {}, room: () => {} }, (error, directories) => {
      if (directories === undefined) return end(error!.message)
      member.directories = directories
      const quorumOptions = {
        directories,
        log: { ...LOG_OPTIONS, segmentBytes: this.#segmentBytes, fileDeleteDelayMs: 100 },
        endpoints: this.#voter(member).endpoints,
        recorder: member.recorder,
        named: this.voters.voters.map(({ id, endpoints }) => ({ nodeId: id, ...endpoints[0]! })),
        settings: this.settings,
        release: THIS_RELEASE,
        lost: end,
      }
      Quorum.open(ports, quorumOptions, (openError, quorum) => {
        if (quorum === undefined) return end(openError!.message)
        this.#observe(member, quorum)
        this.#listen(member, ports, quorum, directories)
      })
    })
  }

  /** Counts lines by their sentence. */
  #counting(logger: Logger): Logger {
    const counted = (severity: Severity) => (fields: object, message: string) => {
      this.counts.set(message, (this.counts.get(message) ?? 0) + 1)
      if (severity === 'error') this.errors.push(`${message} ${JSON.stringify(fields)}`)
      logger[severity](fields, message)
    }
    const [debug, info, warn, error] = [counted('debug'), counted('info'), counted('warn'), counted('error')]
    const { levels } = logger
    return {
      debug,
      info,
      warn,
      error,
      levels,
      child: () => this.#counting(logger),
      named: () => this.#counting(logger),
    }
  }

  #listen(member: RigMember, ports: Ports, quorum: Quorum, directories: LogDirectories): void {
    const { settings } = nodeConfig({})
    const services = {
      nodeId: member.id,
      clusterId: CLUSTER_ID,
      release: THIS_RELEASE,
      clock: ports.clock,
      random: ports.random,
      quorum,
    }
    const { buffers } = directories.resources
    const pipeline = new Pipeline<Services>(ports, {
      handlers: HANDLERS,
      services: services as unknown as Services,
      stages: OPEN_STAGES,
      listener: { name: 'CONTROLLER', serves: 'controller' },
      maxFrameBytes: 10_000_000,
      memory: new RequestMemory(buffers, ports.clock, Number.POSITIVE_INFINITY),
      limits: new ConnectionLimits(() => connectionLimits(settings)),
      maxIdleMs: -1,
      requests: new RequestMetrics(),
    })
    ports.network.listen(
      { host: member.machine.host, port: PORT },
      {
        listening: () => {
          pipeline.serve()
          member.quorum = quorum
          quorum.start()
        },
        failed: (error) => {
          throw error
        },
        connection: (connection) => pipeline.accept(connection),
      },
    )
  }

  #observe(member: RigMember, quorum: Quorum): void {
    quorum.observe({
      leads: (epoch, image) => {
        assert.equal(this.#leaderOf.get(epoch) ?? member.id, member.id, `two leaders of epoch ${epoch}`)
        this.#leaderOf.set(epoch, member.id)
        assert.equal(image.offset, quorum.endOffset - 1)
        // One that wins an old epoch late leads for nobody: others have gone on without it.
        for (const [name, { epoch: of }] of this.acknowledged) {
          if (of >= epoch) continue
          assert.ok(image.configs.has(`2/${name}`), `${member.id} leads, and has lost ${name}`)
        }
        member.leads = true
        this.#waiting.set(member, [])
      },
      resigned: () => {
        assert.ok(member.leads)
        member.leads = false
        this.#waiting.set(member, [])
      },
      leaderChanged: (leader) => void member.leaders.push(leader),
      committed: (image, delta) => {
        const before = member.image
        if (delta === undefined) member.wholeImages++
        else assert.equal(delta.base, before)
        assert.ok(image.offset >= (before?.offset ?? -1), `${member.id} went back to ${image.offset}`)
        member.image = image
        const digest = digestOf(image)
        assert.equal(this.#digests.get(image.offset) ?? digest, digest, `two images at ${image.offset}`)
        this.#digests.set(image.offset, digest)
        const waiting = this.#waiting.get(member)!
        while (waiting.length > 0 && waiting[0]!.endOffset <= quorum.highWatermark) {
          const { name } = waiting.shift()!
          assert.ok(image.configs.has(`2/${name}`))
          this.acknowledged.set(name, { epoch: quorum.leader().epoch })
        }
      },
    })
  }
}

export function digestOf(image: MetadataImage): string {
  const text = JSON.stringify(image, (_, value) =>
    value instanceof Map ? [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) : value,
  )
  return createHash('sha256').update(text).digest('hex')
}

function write(device: Machine['device'], path: string, content: Buffer): void {
  const { parent, name } = device.parentOf(path, 'open')
  const file = new SimulatedFile()
  file.write(0, content)
  file.endFlush(file.beginFlush(), true)
  parent.set(name, file)
  parent.endFlush(parent.beginFlush(), true)
}
