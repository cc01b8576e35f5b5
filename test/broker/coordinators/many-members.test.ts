/**
 * Groups of many members on one broker, in the simulator, where no time passes while the processor works: how long a group takes to settle because of what its coordinator tells its
 * members, and when. What it costs the processor says `npm run bench -- groups`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { BROKER_HOST, BROKER_PORT } from '../../../src/sim/world.js'
import { SimulatedBroker } from '../simulated-broker.js'
import { CoreMember, type CoreProtocol } from './core-member.js'

const MEMBERS = 1000
/** They come one after the other, as processes do that are started. */
const JOINING_MS = 3000
/** From the first that comes: three seconds after the last of them a classic group has waited for long enough, and a consumer group needs a few of the short intervals. */
const JOINED_MS = 7000
/** The others hear of it with their next heartbeat, after five seconds at most. */
const LEFT_MS = 5500

for (const protocol of ['classic', 'cooperative', 'consumer'] as const) {
  test(`${MEMBERS} members join within 3 s, and half of them leave: settled after 7 s and 5.5 s (${protocol})`, (context) => {
    const group = new Crowd(protocol)
    group.join()
    const joinedMs = JOINING_MS + group.settle()
    group.leave()
    const leftMs = group.settle()
    context.diagnostic(`joined after ${Math.round(joinedMs)} ms, left after ${Math.round(leftMs)} ms`)
    assert.ok(joinedMs <= JOINED_MS && leftMs <= LEFT_MS, `${joinedMs} ms, ${leftMs} ms`)
  })
}

class Crowd {
  readonly #broker: SimulatedBroker
  readonly #protocol: CoreProtocol
  readonly #topicId: string
  #members: CoreMember[] = []

  constructor(protocol: CoreProtocol) {
    this.#broker = new SimulatedBroker(`crowd of ${protocol}`, {
      'offsets.topic.num.partitions': '1',
      'log.dir.reserved.bytes': '0',
    })
    this.#protocol = protocol
    this.#topicId = this.#broker.createTopic('t', MEMBERS)
    const find = { keyType: 0, coordinatorKeys: ['g'] }
    const isFound = () => this.#broker.client().request(FindCoordinator, 6, find).coordinators[0]!.errorCode === 0
    while (!isFound()) this.#broker.pass(100)
    this.#broker.pass(1000)
  }

  join(): void {
    const { simulation, network } = this.#broker
    this.#members = Array.from({ length: MEMBERS }, (_, n) => {
      this.#broker.pass(JOINING_MS / MEMBERS)
      const topic = { name: 't', topicId: this.#topicId, partitionCount: MEMBERS }
      const brokers = () => ({ host: BROKER_HOST, port: BROKER_PORT })
      return new CoreMember(simulation, network, `member${n}`, {
        groupId: 'g',
        protocol: this.#protocol,
        topic,
        brokers,
      })
    })
  }

  leave(): void {
    for (const [n, member] of this.#members.entries()) if (n % 2 === 1) member.leave()
    this.#members = this.#members.filter((_, n) => n % 2 === 0)
  }

  /** All are in one generation, and each partition is somebody's once. Returns how long it took. */
  settle(): number {
    const { simulation } = this.#broker
    const beganMs = simulation.nowMs
    this.#broker.until(() => {
      const { generation } = this.#members[0]!
      if (!this.#members.every((member) => member.isSettled && member.generation === generation)) return false
      const partitions = this.#members.flatMap((member) => member.partitions)
      return partitions.length === MEMBERS && new Set(partitions).size === MEMBERS
    }, 'the group settles')
    return simulation.nowMs - beganMs
  }
}
