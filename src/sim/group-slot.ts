/**
 * GroupSlot: a place for one member of a group: a machine on which a consumer runs, or does not. What can befall it: it is started, leaves, is killed, loses its
 * power without a word, stands still, wants something else, or another process takes over its instance id while it still runs.
 *
 * The last process under an instance id may be fenced, too: a request to join of an earlier one comes late, or the next coordinator knows nothing of the round in which the last one
 * got its id (nothing is written before it is divided; in Kafka, too). Whoever looks after it starts it again.
 */
import type { Prng } from '../base/prng.js'
import { GroupConsumer, type GroupConsumerOptions } from './group-consumer.js'
import type { GroupHistory } from './group-history.js'
import { Machine } from './machine.js'
import type { SimulatedNetwork } from './network.js'
import type { Simulation } from './simulation.js'

export type SlotOptions = Omit<
  GroupConsumerOptions,
  'process' | 'topics' | 'fenced' | 'history' | 'divided' | 'isAlone'
>

export class GroupSlot {
  readonly host: string
  /** The one that was started last. */
  consumer: GroupConsumer | undefined
  topics: readonly string[]
  readonly instanceId: string | null
  readonly #simulation: Simulation
  readonly #machine: Machine
  /** On which it is replaced while the other one still runs. */
  readonly #spare: Machine
  readonly #history: GroupHistory
  readonly #options: SlotOptions
  readonly #divided: GroupConsumerOptions['divided']
  #current: Machine
  #earlier: GroupConsumer | undefined
  #stays = false

  constructor(
    simulation: Simulation,
    network: SimulatedNetwork,
    host: string,
    topics: readonly string[],
    history: GroupHistory,
    options: SlotOptions,
  ) {
    this.#simulation = simulation
    this.host = host
    this.topics = topics
    this.#divided = { partitions: new Map(), topics }
    this.instanceId = options.instanceId
    this.#history = history
    this.#options = options
    this.#machine = new Machine(simulation, network, host)
    this.#spare = new Machine(simulation, network, `${host}b`)
    this.#machine.goesSilently = true
    this.#spare.goesSilently = true
    this.#current = this.#machine
  }

  get hosts(): readonly string[] {
    return [this.#machine.host, this.#spare.host]
  }

  get running(): boolean {
    return this.consumer?.ended === false
  }

  get isStatic(): boolean {
    return this.instanceId !== null
  }

  start(): void {
    if (!this.running) this.#boot()
  }

  /** `kill -9`: its connections end with it. */
  kill(): void {
    if (!this.running) return
    this.consumer!.died()
    this.#current.crash()
    this.#history.count('a member is killed')
  }

  /** Nobody is told. */
  losePower(): void {
    if (!this.running) return
    this.consumer!.died()
    this.#current.losePower()
    this.#history.count('a member is gone without a word')
  }

  /** A static one only goes. */
  leave(): void {
    const { consumer } = this
    if (!this.running || this.#current.process?.suspended === true) return
    this.#current.process!.after(0, 'arrival', 'leave', () => consumer!.leave(() => this.#gone()))
    this.#history.count(this.isStatic ? 'a static member goes' : 'a member leaves')
  }

  /** Who is about to leave just now is back at once, and who is fenced, until it is left alone. */
  stay(): void {
    this.#stays = true
  }

  /** Nobody starts it again by itself any more: it has no reason to end. */
  leaveAlone(): void {
    this.#stays = false
  }

  stall(durationMs: number): void {
    if (!this.running) return
    this.#current.suspend(durationMs, false)
    this.#history.count('a member stands still')
  }

  /** It works on something for too long. */
  mute(durationMs: number): void {
    if (!this.running || this.#current.process?.suspended === true) return
    this.#current.process!.after(0, 'arrival', 'mute', () => this.consumer!.mute(durationMs))
    this.#history.count('a member says nothing for a while')
  }

  resume(): void {
    this.#machine.resume()
    this.#spare.resume()
  }

  subscribe(topics: readonly string[]): void {
    this.topics = topics
    if (!this.running || this.#current.process?.suspended === true) return
    this.#current.process!.after(0, 'arrival', 'subscribe', () => this.consumer!.member.subscribe(topics))
    this.#history.count('a member wants something else')
  }

  /** It goes as it should, and comes back at once. */
  restart(): void {
    this.#stays = true
    this.leave()
  }

  /** A static one is killed and comes back at once; or it says that it will, where nobody would be let in under its instance id otherwise. */
  bounce(): void {
    if (!this.isStatic || !this.running) return
    const { consumer } = this
    if (consumer!.member.holdsInstance === true && this.#current.process?.suspended !== true) {
      const back = (): unknown => this.#simulation.schedule(0, `${this.host} comes back`, () => this.start())
      this.#current.process!.after(0, 'arrival', 'go for a while', () => consumer!.leave(back))
    } else {
      this.kill()
      this.#boot()
    }
    this.#history.count('a static member comes back')
  }

  /** Another process with its instance id, while it still runs. */
  replace(): void {
    if (!this.isStatic || !this.running) return
    // Who was replaced before dies with the machine that is needed now; what it asked for may have happened.
    this.#earlier?.died()
    this.#earlier = this.consumer
    this.#earlier!.member.replacedMs = this.#simulation.nowMs
    this.#current = this.#current === this.#machine ? this.#spare : this.#machine
    this.#current.crash()
    this.#boot()
    this.#history.count('a static member is replaced while it runs')
  }

  /** Those that were replaced and may not know it yet are gone, too. */
  endEarlier(): void {
    const other = this.#current === this.#machine ? this.#spare : this.#machine
    this.#earlier?.died()
    other.crash()
  }

  #gone(): void {
    if (this.#stays) this.#simulation.schedule(0, `${this.host} comes back`, () => this.start())
  }

  #fenced(process: number): void {
    if (this.consumer?.process !== process) return
    if (this.#stays) this.#history.count('a static member that was fenced is started again')
    this.#gone()
  }

  #boot(): void {
    const process = this.#history.nextProcess()
    this.#current.boot(
      (ports) => {
        this.consumer = new GroupConsumer(ports, {
          ...this.#options,
          topics: this.topics,
          history: this.#history,
          divided: this.#divided,
          isAlone: () => this.#earlier === undefined || this.#earlier.ended,
          process,
          fenced: () => this.#fenced(process),
        })
      },
      () => {},
    )
  }
}

/** What a member of some kind is like. */
export interface GroupManner {
  readonly assignors: GroupConsumerOptions['assignors']
  readonly subscriptionVersion: number
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatMs: number
  readonly commitMs: number
  readonly lastCommitChance: number
}

/**
 * All members of a group can use one assignor; what they prefer and how patient they are is their own. Who hears of a round only when it is over is thrown out by it and begins the next
 * one: eager ones have done with that, but what cooperative ones do takes two rounds, and the second throws out again whom the first has let in, for ever (in Kafka, too).
 * So these ask often enough. Who is mute or stands still misses a round in either kind of group.
 */
export function drawManner(random: Prng, isCooperative: boolean): GroupManner {
  const sessionTimeoutMs = random.pick([1500, 3000, 6000])
  const eager = random.pick([['range'], ['range', 'roundrobin'], ['roundrobin', 'range']] as const)
  const subscriptionVersion = isCooperative ? 3 : random.pick([0, 1, 3])
  const rebalanceTimeoutMs = random.pick([1000, 3000, 10_000])
  const drawnMs = Math.floor(sessionTimeoutMs / random.pick([3, 6]))
  return {
    assignors: isCooperative ? ['cooperative-sticky'] : eager,
    subscriptionVersion,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    heartbeatMs: isCooperative ? Math.min(drawnMs, rebalanceTimeoutMs / 2) : drawnMs,
    commitMs: random.pick([200, 600, 2000]),
    lastCommitChance: random.pick([0, 0.8, 1]),
  }
}
