/** What an operator may do to a cluster that runs, as faults: partitions move, leaders are elected. Needs no access to hosts. */
import { ask } from './asking.js'
import type { Backend, Fault, FaultContext, Told } from './fault.js'
import { membershipFaults } from './membership.js'
import { cancel, isSame, settled } from './moves.js'
import { ADMIN, electLeaders, type Reassignment, reassign } from './requests.js'
import { type OfRun, type PlacedPartition, shuffled, Targets } from './targets.js'

const MOST_MOVED = 8

export function adminBackend(ofRun: OfRun): Backend {
  return {
    name: ADMIN,
    probe: async () => undefined,
    prepare: async () => {},
    faults: [
      new Reassigned(ofRun),
      new Elected('preferred', ofRun, 'all'),
      new Elected('unclean', ofRun, 'all'),
      ...membershipFaults(ofRun),
    ],
    restore: async () => {},
  }
}

/** For a cluster with other people's topics in it, and nodes that nobody here can start again: what is done to topics of the run alone. */
export function adminOfTopicsBackend(ofRun: OfRun): Backend {
  const faults = [
    new Reassigned(ofRun),
    new Elected('preferred', ofRun, 'of the run'),
    new Elected('unclean', ofRun, 'of the run'),
  ]
  return { ...adminBackend(ofRun), faults }
}

/** Partitions of the run go to replicas that are drawn, in an order that is drawn. */
class Reassigned implements Fault {
  readonly name = 'reassign'
  readonly backend = ADMIN
  readonly #ofRun: OfRun
  #moved: readonly Reassignment[] = []

  constructor(ofRun: OfRun) {
    this.#ofRun = ofRun
  }

  async begin({ bed, random }: FaultContext): Promise<Told | undefined> {
    const partitions = await new Targets(bed, this.#ofRun, random).partitions()
    const brokers = await ask(bed, async ({ admin }) => {
      const { endpoints } = await admin.describeCluster()
      return endpoints.filter(({ isFenced }) => !isFenced).map(({ nodeId }) => nodeId)
    })
    if (brokers === undefined) return undefined
    const wanted = shuffled(partitions, random)
      .filter(({ replicas }) => replicas.length <= brokers.length)
      .slice(0, random.between(1, MOST_MOVED))
      .map(({ topic, partition, replicas }) => {
        return { topic, partition, replicas: shuffled(brokers, random).slice(0, replicas.length) }
      })
    if (wanted.length === 0) return undefined
    // Whether it was done is not known where nobody answers: then it is taken back, too.
    this.#moved = wanted
    const taken = await ask(bed, (asked) => reassign(asked, wanted))
    if (taken === undefined) return undefined
    const text = wanted.map(({ topic, partition, replicas }) => `${topic}-${partition} to ${replicas.join(',')}`)
    return { what: text.join('; '), nodes: [], seen: `${taken} of ${wanted.length} were taken` }
  }

  async end({ bed, random }: FaultContext): Promise<Told | undefined> {
    const moved = this.#moved
    if (moved.length === 0) return undefined
    const left = await settled(bed, moved)
    if (left.length > 0) await cancel(bed, left)
    this.#moved = []
    const now = await new Targets(bed, this.#ofRun, random).partitions()
    const there = moved.filter((each) => now.some((view) => isPlacedAs(view, each))).length
    return {
      what: `${left.length} taken back`,
      nodes: [],
      seen: `${there} of ${moved.length} are where they were sent`,
    }
  }
}

function isPlacedAs(view: PlacedPartition, { topic, partition, replicas }: Reassignment): boolean {
  return view.topic === topic && view.partition === partition && view.replicas.join() === replicas?.join()
}

/** Happens at once; there is nothing to end. */
class Elected implements Fault {
  readonly name: string
  readonly backend = ADMIN
  readonly #type: 'preferred' | 'unclean'
  readonly #ofRun: OfRun
  readonly #which: 'all' | 'of the run'

  constructor(type: 'preferred' | 'unclean', ofRun: OfRun, which: 'all' | 'of the run') {
    this.name = `elect ${type}`
    this.#type = type
    this.#ofRun = ofRun
    this.#which = which
  }

  async begin({ bed, random }: FaultContext): Promise<Told | undefined> {
    const targets = new Targets(bed, this.#ofRun, random)
    const before = await targets.partitions()
    const which = this.#which === 'all' ? null : before
    if (which?.length === 0) return undefined
    const elected = await ask(bed, (asked) => electLeaders(asked, this.#type, which))
    if (elected === undefined) return undefined
    const after = await targets.partitions()
    const others = after.filter((now) =>
      before.some((was) => isSame(was, now.topic, now.partition) && was.leaderEpoch < now.leaderEpoch),
    )
    const seen = `${elected} were elected, ${others.length} partitions of the run have a newer leader`
    const whose = this.#which === 'all' ? 'of all partitions' : 'of partitions of the run'
    return { what: `${this.#type} leaders ${whose}`, nodes: [], seen }
  }

  async end(): Promise<Told | undefined> {
    return undefined
  }
}
