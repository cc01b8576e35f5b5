/**
 * GroupTeam: one group of a run: its members, what befalls them, and whether they have come to rest.
 */
import type { Prng } from '../base/prng.js'
import type { GroupHistory } from './group-history.js'
import { type GroupPlace, nameOf } from './group-protocol.js'
import type { GroupSlot } from './group-slot.js'
import type { Simulation } from './simulation.js'

/** How much longer than a session a member may stand still or be gone. */
const LONGEST_ABSENCE = 2.5

export interface GroupTeamOptions {
  readonly name: string
  readonly isCooperative: boolean
  readonly sessionTimeoutMs: number
  /** Mean time between two things that befall one of its members. */
  readonly meanPauseMs: number
  /** All that its members may want. */
  readonly topics: () => readonly string[]
  /** Sets an offset back while nobody is there; `done` when that is over. */
  readonly setBack: (team: GroupTeam, done: () => void) => void
}

export class GroupTeam {
  readonly name: string
  readonly slots: readonly GroupSlot[]
  readonly isCooperative: boolean
  readonly #simulation: Simulation
  readonly #random: Prng
  readonly #history: GroupHistory
  readonly #options: GroupTeamOptions
  #stopped = false
  #away = false

  constructor(
    simulation: Simulation,
    random: Prng,
    history: GroupHistory,
    slots: readonly GroupSlot[],
    options: GroupTeamOptions,
  ) {
    this.#simulation = simulation
    this.#random = random
    this.#history = history
    this.#options = options
    this.name = options.name
    this.isCooperative = options.isCooperative
    this.slots = slots
    for (const slot of slots) simulation.schedule(random.float() * 3000, `${slot.host} starts`, () => this.#start(slot))
    this.#next()
  }

  /** Nothing befalls it any more, and all members come back and want everything. */
  settle(): void {
    this.#stopped = true
    for (const slot of this.slots) {
      slot.resume()
      slot.endEarlier()
      // In an order in which nobody has wanted them yet: that begins a round, also where static members have come back with other wishes than the last round has served.
      slot.topics = [...this.#options.topics()].reverse()
      slot.stay()
      slot.start()
      slot.subscribe(slot.topics)
    }
  }

  /** None of its members has ended. */
  get isWhole(): boolean {
    return this.slots.every(({ running }) => running)
  }

  /** From now on it is a mistake if a member ends by itself. */
  leaveAlone(): void {
    for (const slot of this.slots) slot.leaveAlone()
  }

  /** All its members that run are in one generation, and each of these partitions has one of them. */
  holds(places: readonly GroupPlace[]): boolean {
    const owned = new Set<string>()
    const generations = new Set<number>()
    let count = 0
    for (const { consumer, running } of this.slots) {
      if (consumer === undefined || !running) continue
      if (!consumer.member.stable) return false
      generations.add(consumer.member.generation)
      for (const place of consumer.member.owned) owned.add(nameOf(place))
      count += consumer.member.owned.length
    }
    return generations.size === 1 && count === places.length && places.every((place) => owned.has(nameOf(place)))
  }

  /** Of all members that run: the generation, and how often they came out of a round. */
  get standing(): string {
    return this.slots
      .map(({ host, consumer }) => {
        if (consumer === undefined) return `${host} never started`
        const { member, process, ended } = consumer
        const what = ended ? 'ended' : member.stable ? 'stable' : 'joining'
        return `${host} process ${process} (${member.memberId}) ${what} in ${member.generation}, has ${member.owned.map(nameOf).join(' ')}`
      })
      .join('; ')
  }

  /** Changes with every round that any of its members goes through. */
  get rounds(): string {
    return this.slots
      .map(({ consumer }) => `${consumer?.process} ${consumer?.member.rounds} ${consumer?.member.generation}`)
      .join()
  }

  /** Who reads this partition has read up to there. */
  hasRead(name: string, endOffset: number): boolean {
    return this.slots.some(({ consumer }) => (consumer?.positionOf(name) ?? -1) >= endOffset)
  }

  #next(): void {
    this.#simulation.schedule(
      this.#random.exponential(this.#options.meanPauseMs),
      `${this.name}: something happens`,
      () => {
        if (this.#stopped) return
        if (!this.#away) this.#befall()
        this.#next()
      },
    )
  }

  #befall(): void {
    const random = this.#random
    const slot = random.pick(this.slots)
    const choice = random.float()
    if (!slot.running) this.#start(slot)
    else if (choice < 0.15) {
      slot.leave()
      this.#startLater(slot)
    } else if (choice < 0.3) {
      slot.kill()
      this.#startLater(slot)
    } else if (choice < 0.4) {
      slot.losePower()
      this.#startLater(slot)
    } else if (choice < 0.48) slot.stall(this.#absenceMs())
    else if (choice < 0.62) slot.mute(this.#absenceMs())
    else if (choice < 0.7) slot.subscribe(this.#someTopics())
    else if (choice < 0.82) slot.bounce()
    else if (choice < 0.9) slot.replace()
    else if (choice < 0.95) this.#goAway()
  }

  #someTopics(): readonly string[] {
    const all = this.#options.topics()
    const some = all.filter(() => this.#random.chance(0.6))
    return some.length === 0 ? all : some
  }

  #start(slot: GroupSlot): void {
    if (!this.#stopped && !this.#away) slot.start()
  }

  #startLater(slot: GroupSlot): void {
    this.#simulation.schedule(this.#absenceMs(), `${slot.host} comes back`, () => this.#start(slot))
  }

  #absenceMs(): number {
    return this.#random.float() * LONGEST_ABSENCE * this.#options.sessionTimeoutMs
  }

  /** All of them go, and come back when somebody has set back what they have read. */
  #goAway(): void {
    this.#away = true
    this.#history.count('all members go')
    for (const slot of this.slots) {
      slot.resume()
      slot.endEarlier()
      if (this.#random.chance(0.7)) slot.leave()
      else slot.kill()
    }
    this.#options.setBack(this, () => {
      this.#away = false
      for (const slot of this.slots) this.#start(slot)
    })
  }
}
