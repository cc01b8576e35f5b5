/**
 * A partition in a model world: the cores of its replicas, logs that are lists, disks that lose what is not flushed, a controller that decides at once,
 * and messages that come late, in any order, or never. What happens next is drawn from a seed; after every event the invariants of `model-invariants.ts`
 * hold or throw.
 */
import { assert } from '../../src/base/assert.js'
import { Prng } from '../../src/base/prng.js'
import type { FlushPolicy } from '../../src/replication/partition-leader-state.js'
import { ModelController, type PartitionView } from './model-controller.js'
import { ModelInvariants } from './model-invariants.js'
import { ModelReplica } from './model-replica.js'

export interface ModelOptions {
  readonly replicas: number
  readonly minInsyncReplicas: number
  readonly flushPolicy: FlushPolicy
  /** Whether a crash takes what is not flushed. */
  readonly losesPower: boolean
  readonly uncleanElection: boolean
  /** Whether replicas are found to be wrong now and then, and fetched again. */
  readonly rebuilds?: true
}

export const LONGEST_LAG_MS = 1000
/** Events without a new fault, at the end. */
const CALM_EVENTS = 3000

/** Something that arrives later, if at all. */
export interface InFlight {
  readonly what: string
  readonly deliver: () => void
  /** Nobody will ever hear of it: its connection is gone. */
  readonly lost: () => void
}

export class ModelPartition {
  readonly random: Prng
  readonly options: ModelOptions
  readonly controller: ModelController
  readonly replicas: readonly ModelReplica[]
  readonly invariants: ModelInvariants
  readonly inFlight: InFlight[] = []
  nowMs = 0
  /** Of values that are produced. */
  produced = 0
  readonly trace: string[] = []
  readonly counts: Record<string, number> = {}
  #calm = false
  #orders = 0

  constructor(seed: string, options: ModelOptions) {
    this.random = new Prng(`model partition ${seed}`)
    this.options = options
    const ids = Array.from({ length: options.replicas }, (_, n) => n + 1)
    this.controller = new ModelController(this, ids)
    this.replicas = ids.map((id) => new ModelReplica(this, id))
    this.invariants = new ModelInvariants(this)
    for (const replica of this.replicas) replica.start()
  }

  replica(id: number): ModelReplica {
    return this.replicas[id - 1]!
  }

  nextOrder(): number {
    return ++this.#orders
  }

  note(what: string): void {
    this.trace.push(`${this.nowMs} ${what}`)
    const [kind] = what.split(' ')
    this.counts[kind!] = (this.counts[kind!] ?? 0) + 1
  }

  send(what: string, deliver: () => void, lost = (): void => {}): void {
    this.inFlight.push({ what, deliver, lost })
  }

  /** The metadata reaches each broker some time, in order. */
  publish(view: PartitionView): void {
    for (const replica of this.replicas) replica.toLearn.push(view)
  }

  /** So many events, then as many without faults as it takes until all is well again. */
  run(events: number): void {
    for (let n = 0; n < events; n++) this.#step()
    this.#calm = true
    this.note('calm')
    for (const replica of this.replicas) replica.start()
    for (let n = 0; n < CALM_EVENTS && !this.#isWell(); n++) this.#step()
    assert(this.#isWell(), () => `it does not come to rest: ${JSON.stringify(this.controller.view)}`)
  }

  #isWell(): boolean {
    const { isr, leader } = this.controller.view
    const last = this.invariants.lastProduced
    return (
      leader > 0 &&
      isr.length === this.replicas.length &&
      this.inFlight.every(({ what }) => what.startsWith('fetch')) &&
      this.replicas.every((each) => each.log.nextOffset === last() && each.highWatermark === last()) &&
      this.replicas.every(({ log }) => log.startOffset >= this.replica(leader).log.startOffset)
    )
  }

  #step(): void {
    const { random } = this
    this.nowMs += random.below(20)
    const choice = random.float()
    if (choice < 0.45) this.#deliver()
    else if (choice < 0.6) random.pick(this.replicas).learn()
    else if (choice < 0.7) random.pick(this.replicas).flush()
    else if (choice < 0.8) random.pick(this.replicas).ask()
    else if (choice < 0.88) this.#tick()
    else if (choice < 0.9) this.controller.look()
    else if (!this.#calm) {
      if (choice < 0.98) random.pick(this.replicas).produce()
      else if (choice < 0.985) random.pick(this.replicas).deleteFront()
      else this.#fault()
    }
    this.invariants.check()
  }

  #deliver(): void {
    if (this.inFlight.length === 0) return
    const [message] = this.inFlight.splice(this.random.below(this.inFlight.length), 1)
    this.note(message!.what)
    message!.deliver()
  }

  #tick(): void {
    for (const replica of this.replicas) replica.tick()
  }

  #fault(): void {
    const { random } = this
    const victim = random.pick(this.replicas)
    const choice = random.below(this.options.rebuilds === true ? 16 : 10)
    if (choice < 3) victim.crash()
    else if (choice < 6) victim.start()
    else if (choice < 7) this.nowMs += random.below(2 * LONGEST_LAG_MS)
    else if (choice < 8) this.controller.fence(victim.id)
    else if (choice < 9) this.controller.elect(victim.id)
    else if (choice > 9) {
      const leader = this.replicas.find((each) => each.leader !== undefined)
      if (choice < 13) leader?.handOver()
      else leader?.keepOut(victim)
    } else {
      // Everything that is under way is lost, or some of it.
      const share = random.float()
      for (const message of [...this.inFlight]) {
        if (!random.chance(share)) continue
        this.inFlight.splice(this.inFlight.indexOf(message), 1)
        message.lost()
      }
    }
  }
}
