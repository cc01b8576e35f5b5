/** Who belongs to the cluster changes while it is used: a node comes and goes, a voter loses its vote, a node comes back with an empty disk. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import type { BedNode, TestBed } from '../beds/bed.js'
import { until } from '../beds/time.js'
import { type Asked, ask, asking } from './asking.js'
import type { Fault, FaultContext, Told } from './fault.js'
import { cancel, settled } from './moves.js'
import {
  ADMIN,
  addVoter,
  type Reassignment,
  reassign,
  reassignments,
  removeVoter,
  unregister,
  type Voter,
} from './requests.js'
import { type OfRun, Targets } from './targets.js'

const ASK_LIMIT_MS = 20_000
/** Until a node that was started belongs to the cluster, and has caught up with its metadata. */
const JOIN_LIMIT_MS = 60_000
const LEAST_VOTERS = 3
const MOST_LAG = 10

export function membershipFaults(ofRun: OfRun): readonly Fault[] {
  return [new NodeAdded(ofRun), new VoteLost(), new DiskReplaced(ofRun)]
}

/** A node that was not there: it gets a vote and replicas, and leaves again without both, its disk emptied. */
class NodeAdded implements Fault {
  readonly name = 'add node'
  readonly backend = ADMIN
  readonly #ofRun: OfRun
  #added: BedNode | undefined

  constructor(ofRun: OfRun) {
    this.#ofRun = ofRun
  }

  async begin({ bed, random }: FaultContext): Promise<Told | undefined> {
    const node = bed.nodes.find((each) => !each.isRunning && isEmpty(each.dataPath))
    if (node === undefined || (await ask(bed, votersOf)) === undefined) return undefined
    this.#added = node
    await node.start()
    let voters: string
    try {
      voters = await joined(bed, node, true)
    } catch (error) {
      const seen = `process ${node.pid} is there, and does not belong to the cluster: ${(error as Error).message}`
      return { what: 'a node with an empty disk was started', nodes: [node.id], seen }
    }
    const partitions = await new Targets(bed, this.#ofRun, random).partitions()
    const wanted = partitions
      .filter(({ replicas }) => replicas.length > 1 && !replicas.includes(node.id) && random.chance(0.5))
      .map(({ topic, partition, replicas }) => {
        const leaving = random.pick(replicas)
        return { topic, partition, replicas: replicas.map((id) => (id === leaving ? node.id : id)) }
      })
    const taken = wanted.length === 0 ? 0 : await ask(bed, (asked) => reassign(asked, wanted))
    const seen = `broker ${node.id} is there; the voters are ${voters}; ${taken ?? 'nobody says how many'} partitions move to it`
    return { what: 'a node with an empty disk was added', nodes: [node.id], seen }
  }

  async end({ bed }: FaultContext): Promise<Told | undefined> {
    const node = this.#added
    if (node === undefined) return undefined
    if (node.isRunning) await emptied(bed, node.id)
    const voter = await voterOf(bed, node.id)
    if (voter !== undefined) await asked(bed, (each) => removeVoter(each, voter))
    await node.end('SIGTERM')
    if (node.roles.includes('broker')) await asked(bed, (each) => unregister(each, node.id))
    rmSync(node.dataPath, { recursive: true, force: true })
    this.#added = undefined
    return { what: 'it left, and its disk was emptied', nodes: [node.id], seen: await described(bed) }
  }
}

/** A controller goes on without its vote, and gets it back. */
class VoteLost implements Fault {
  readonly name = 'remove voter'
  readonly backend = ADMIN
  #removed: Voter | undefined

  async begin({ bed, random }: FaultContext): Promise<Told | undefined> {
    const voters = await ask(bed, votersOf)
    if (voters === undefined) return undefined
    const running = voters.filter(({ id }) => bed.nodes.some((node) => node.id === id && node.isRunning))
    if (running.length < LEAST_VOTERS) return undefined
    const voter = random.pick(running)
    this.#removed = voter
    // Whether it was done is not known where nobody answers: it gets its vote back in any case.
    const left = await ask(bed, async (each) => {
      await removeVoter(each, voter)
      return votersOf(each)
    })
    if (left === undefined) return undefined
    if (left.some(({ id }) => id === voter.id)) throw new Error(`node ${voter.id} is still a voter`)
    return { what: `voter ${voter.id} lost its vote`, nodes: [voter.id], seen: await described(bed) }
  }

  async end({ bed }: FaultContext): Promise<Told | undefined> {
    const voter = this.#removed
    if (voter === undefined) return undefined
    const node = bed.nodes.find(({ id }) => id === voter.id)!
    if (!node.isRunning) await node.start()
    await joined(bed, node, true)
    this.#removed = undefined
    return { what: `voter ${voter.id} has its vote back`, nodes: [voter.id], seen: await described(bed) }
  }
}

/** A node is killed and what it had is gone; it comes back under its id, and gets its vote and its replicas again. */
class DiskReplaced implements Fault {
  readonly name = 'replace disk'
  readonly backend = ADMIN
  readonly #ofRun: OfRun
  #replaced: { readonly node: BedNode; voter: Voter | undefined } | undefined

  constructor(ofRun: OfRun) {
    this.#ofRun = ofRun
  }

  async begin({ bed, random, find }: FaultContext): Promise<Told | undefined> {
    const [node] = (await find('one')) ?? []
    if (node === undefined || !(await this.#canBeSpared(bed, node, random))) return undefined
    this.#replaced = { node, voter: await voterOf(bed, node.id) }
    await node.end('SIGKILL')
    rmSync(node.dataPath, { recursive: true, force: true })
    return { what: 'SIGKILL, and its disk was emptied', nodes: [node.id], seen: `there is no ${node.dataPath}` }
  }

  async end({ bed }: FaultContext): Promise<Told | undefined> {
    const replaced = this.#replaced
    if (replaced === undefined) return undefined
    const { node, voter } = replaced
    if (voter !== undefined) await asked(bed, (each) => removeVoter(each, voter))
    await node.start()
    await joined(bed, node, voter !== undefined)
    this.#replaced = undefined
    return { what: 'it came back with an empty disk', nodes: [node.id], seen: await described(bed) }
  }

  /** Another copy of all that it has is in sync, and a majority of voters is left. */
  async #canBeSpared(bed: TestBed, node: BedNode, random: FaultContext['random']): Promise<boolean> {
    const voters = await ask(bed, votersOf)
    if (voters === undefined) return false
    const left = voters.filter(({ id }) => id !== node.id && bed.nodes.some((each) => each.id === id && each.isRunning))
    const isVoter = voters.some(({ id }) => id === node.id)
    if (isVoter && (voters.length < LEAST_VOTERS || left.length <= voters.length / 2)) return false
    const all = { isTopic: () => true, group: this.#ofRun.group }
    const partitions = await new Targets(bed, all, random).partitions()
    return partitions.every(({ replicas, isr }) => !replicas.includes(node.id) || isr.length === replicas.length)
  }
}

function isEmpty(path: string): boolean {
  return !existsSync(path) || readdirSync(path).length === 0
}

function asked<T>(bed: TestBed, what: (asked: Asked) => Promise<T>): Promise<T> {
  return asking(bed, bed.bootstrap, what, ASK_LIMIT_MS)
}

async function votersOf({ admin }: Asked): Promise<readonly Voter[]> {
  const { currentVoters } = await admin.describeQuorum()
  return currentVoters.map(({ replicaId, replicaDirectoryId }) => ({ id: replicaId, directoryId: replicaDirectoryId }))
}

async function voterOf(bed: TestBed, id: number): Promise<Voter | undefined> {
  return (await asked(bed, votersOf)).find((voter) => voter.id === id)
}

/** Waits until a node belongs to the cluster, gives it a vote if it is to have one, and tells who votes. */
async function joined(bed: TestBed, node: BedNode, votes: boolean): Promise<string> {
  if (node.roles.includes('broker')) {
    await until(bed.time, JOIN_LIMIT_MS, `broker ${node.id} in the cluster`, async () => {
      const { endpoints } = await asked(bed, ({ admin }) => admin.describeCluster())
      return endpoints.some(({ nodeId, isFenced }) => nodeId === node.id && !isFenced) ? true : undefined
    })
  }
  const listener = node.quorumListener
  if (votes && listener !== undefined) {
    await until(bed.time, JOIN_LIMIT_MS, `node ${node.id} among the voters`, async () => {
      const { currentVoters, observers } = await asked(bed, ({ admin }) => admin.describeQuorum())
      if (currentVoters.some(({ replicaId }) => replicaId === node.id)) return true
      const end = Math.max(...currentVoters.map(({ logEndOffset }) => logEndOffset))
      // One of its lives before may still be remembered.
      const ready = observers.filter((each) => each.replicaId === node.id && each.logEndOffset >= end - MOST_LAG)
      const newest = ready.toSorted((a, b) => b.lastFetchTimestamp - a.lastFetchTimestamp)[0]
      if (newest === undefined) return undefined
      const voter = { id: node.id, directoryId: newest.replicaDirectoryId }
      await asked(bed, (each) => addVoter(each, voter, listener))
      return undefined
    })
  }
  return (await asked(bed, votersOf)).map(({ id }) => id).join(',')
}

/**
 * Its replicas go to others that have none yet, of all topics. What is under way is waited for or taken back before: Kafka 4.3 can wait for ever where a reassignment gets another goal half-way.
 */
async function emptied(bed: TestBed, id: number): Promise<void> {
  await finished(bed, await asked(bed, reassignments))
  await until(bed.time, JOIN_LIMIT_MS, `broker ${id} without replicas`, async () => {
    const wanted = await asked(bed, async ({ admin, client }): Promise<readonly Reassignment[]> => {
      const { endpoints } = await admin.describeCluster()
      const others = endpoints.filter(({ nodeId, isFenced }) => nodeId !== id && !isFenced).map(({ nodeId }) => nodeId)
      await client.refresh(null)
      return [...client.view.topics.values()].flatMap(({ name, partitions }) =>
        partitions
          .filter(({ replicas }) => replicas.includes(id))
          .map(({ partition, replicas }) => {
            const other = others.find((each) => !replicas.includes(each))
            return {
              topic: name,
              partition,
              replicas: replicas.flatMap((each) => (each === id ? (other ?? []) : each)),
            }
          })
          .filter(({ replicas }) => replicas.length > 0),
      )
    })
    if (wanted.length === 0) return true
    await asked(bed, (each) => reassign(each, wanted))
    await finished(bed, wanted)
    return undefined
  })
}

async function finished(bed: TestBed, moves: readonly Reassignment[]): Promise<void> {
  const left = await settled(bed, moves)
  if (left.length > 0) await cancel(bed, left)
}

async function described(bed: TestBed): Promise<string> {
  return asked(bed, async (each) => {
    const voters = await votersOf(each)
    const { endpoints } = await each.admin.describeCluster()
    const brokers = endpoints.filter(({ isFenced }) => !isFenced).map(({ nodeId }) => nodeId)
    return `the voters are ${voters.map(({ id }) => id).join(',')}, the brokers ${brokers.join(',')}`
  })
}
