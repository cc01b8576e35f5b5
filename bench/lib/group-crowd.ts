/**
 * GroupCrowd: many members of one group in this process, with a connection each. They come and go all at once, and the crowd says when the group has settled:
 * nobody is between two assignments, all are in one generation, and each partition is somebody's once.
 */
import { pause } from './admin.js'
import { GroupMember, type GroupMemberOptions } from './group-member.js'

const LOOK_EACH_MS = 5

export type GroupCrowdOptions = Omit<GroupMemberOptions, 'failed'>

export class GroupCrowd {
  readonly #options: GroupCrowdOptions
  #members: GroupMember[] = []
  /** Of those that have gone. */
  #formerRequests = 0
  #formerRefusals = 0
  #failure: Error | undefined

  constructor(options: GroupCrowdOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#members.length
  }

  /** Of the group's protocol, of all that are or were there. */
  get requests(): number {
    return this.#members.reduce((sum, { requests }) => sum + requests, this.#formerRequests)
  }

  /** How often one of them had to ask again because the coordinator could not answer. */
  get refusals(): number {
    return this.#members.reduce((sum, { refusals }) => sum + refusals, this.#formerRefusals)
  }

  /** How often members were told what they are to have, those that are there. */
  get assignments(): number {
    return this.#members.reduce((sum, { assignments }) => sum + assignments, 0)
  }

  /** The one that all are in; undefined: the group has not settled. */
  get generation(): number | undefined {
    const generation = this.#members[0]?.generation ?? -1
    if (generation < 0) return undefined
    for (const member of this.#members) {
      if (member.isRebalancing || member.generation !== generation) return undefined
    }
    const { partitionCount } = this.#options.topic
    const owned = new Set<number>()
    let all = 0
    for (const { partitions } of this.#members) {
      all += partitions.length
      for (const { partition } of partitions) owned.add(partition)
    }
    return owned.size === partitionCount && all === partitionCount ? generation : undefined
  }

  join(count: number): void {
    for (let n = 0; n < count; n++) {
      const failed = (error: Error): void => {
        this.#failure ??= error
      }
      const member = new GroupMember({ ...this.#options, failed })
      this.#members.push(member)
      member.join()
    }
  }

  /** Every second one, until so many have gone. */
  leave(count: number): void {
    const staying: GroupMember[] = []
    const going: GroupMember[] = []
    for (const [n, member] of this.#members.entries()) {
      if (n % 2 === 1 && going.length < count) going.push(member)
      else staying.push(member)
    }
    this.#members = staying
    for (const member of going) {
      void member.leave().then(() => {
        this.#formerRequests += member.requests
        this.#formerRefusals += member.refusals
      })
    }
  }

  /** Its generation. Throws if that takes too long, or if a member fails. */
  async settled(limitMs: number): Promise<number> {
    const deadlineMs = performance.now() + limitMs
    while (performance.now() < deadlineMs) {
      this.throwIfFailed()
      const { generation } = this
      if (generation !== undefined) return generation
      await pause(LOOK_EACH_MS)
    }
    throw new Error(`the group ${this.#options.groupId} has not settled within ${limitMs} ms: ${this.#state()}`)
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  close(): void {
    for (const member of this.#members) member.close()
  }

  #state(): string {
    const members = this.#members
    const generations = new Map<number, number>()
    for (const { generation } of members) generations.set(generation, (generations.get(generation) ?? 0) + 1)
    const rebalancing = members.filter(({ isRebalancing }) => isRebalancing).length
    const partitions = members.reduce((sum, each) => sum + each.partitions.length, 0)
    const byGeneration = [...generations].map(([generation, count]) => `${count} in ${generation}`).join(', ')
    return `${rebalancing} of ${members.length} are rebalancing, ${partitions} partitions are assigned, ${byGeneration}`
  }
}
