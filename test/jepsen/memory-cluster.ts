/** A cluster that is a few arrays, clients of it behind the suite's interface, and a bed around it: for tests of what the suite does with what it is told. */
import type { TestBed } from '../../jepsen/beds/bed.js'
import { RealTime } from '../../jepsen/beds/time.js'
import {
  type Ability,
  type Client,
  type ClientSettings,
  type Committed,
  type Driver,
  DriverError,
  type Polled,
  type ReadRecord,
  type SendResult,
  type SentRecord,
} from '../../jepsen/drivers/driver.js'
import type { Place } from '../../jepsen/history/operation.js'
import { randomUuid } from '../../src/base/uuid.js'
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { NodeRandom } from '../../src/io/node/random.js'

export class MemoryCluster {
  readonly logs = new Map<string, string[]>()
  readonly topics = new Map<string, { readonly id: string; readonly configs: Map<string, string> }>()
  readonly committed = new Map<string, number>()

  log(place: Place): string[] {
    const name = nameOf(place)
    let log = this.logs.get(name)
    if (log === undefined) this.logs.set(name, (log = []))
    return log
  }
}

/** Undefined: as it is. */
export interface Lies {
  /** Of what is sent: whether it is acknowledged without being kept. */
  readonly loses?: (record: SentRecord) => boolean
  /** What a poll gives, instead. */
  readonly gives?: (records: readonly ReadRecord[]) => readonly ReadRecord[]
  readonly sends?: (records: readonly SentRecord[]) => readonly SendResult[] | undefined
  readonly polls?: () => Promise<void>
  readonly opens?: () => void
}

export class MemoryDriver implements Driver {
  readonly name = 'memory'
  readonly lacks: ReadonlySet<Ability> = new Set()
  readonly opened: MemoryClient[] = []
  readonly #cluster: MemoryCluster
  readonly #lies: Lies

  constructor(cluster: MemoryCluster, lies: Lies = {}) {
    this.#cluster = cluster
    this.#lies = lies
  }

  async open(settings: ClientSettings): Promise<Client> {
    this.#lies.opens?.()
    const client = new MemoryClient(this.#cluster, settings, this.#lies)
    this.opened.push(client)
    return client
  }

  async close(): Promise<void> {}
}

/** Each member of a group reads everything, and no generation is told: enough for what is looked at. */
export class MemoryClient implements Client {
  readonly settings: ClientSettings
  readonly calls: string[] = []
  readonly sought: (Place & { readonly offset: number })[] = []
  readonly #cluster: MemoryCluster
  readonly #lies: Lies
  #positions = new Map<string, Place & { offset: number }>()
  #isMember = false
  #rebalances: Polled['rebalances'][number][] = []

  constructor(cluster: MemoryCluster, settings: ClientSettings, lies: Lies) {
    this.#cluster = cluster
    this.settings = settings
    this.#lies = lies
  }

  async send(records: readonly SentRecord[]): Promise<readonly SendResult[]> {
    this.calls.push('send')
    const told = this.#lies.sends?.(records)
    if (told !== undefined) return told
    return records.map((record) => {
      const log = this.#cluster.log(record)
      if (this.#lies.loses?.(record) === true) return { offset: undefined }
      log.push(record.payload)
      return { offset: log.length - 1 }
    })
  }

  async assign(places: readonly Place[], from: 'beginning' | 'kept'): Promise<void> {
    const before = this.#isMember || from === 'beginning' ? new Map() : this.#positions
    this.#isMember = false
    this.#positions = new Map(
      places.map((place) => [nameOf(place), { ...place, offset: before.get(nameOf(place))?.offset ?? 0 }]),
    )
  }

  async subscribe(topics: readonly string[]): Promise<void> {
    this.#isMember = true
    const places = topics.flatMap((topic) => [0, 1].map((partition) => ({ topic, partition })))
    this.#rebalances.push({ type: 'assigned', places })
    this.#positions = new Map(
      places.map((place) => [nameOf(place), { ...place, offset: this.#cluster.committed.get(nameOf(place)) ?? 0 }]),
    )
  }

  async poll(limitMs: number): Promise<Polled> {
    this.calls.push(`poll ${limitMs}`)
    await this.#lies.polls?.()
    const records: ReadRecord[] = []
    for (const position of this.#positions.values()) {
      const { topic, partition } = position
      const log = this.#cluster.log(position)
      for (; position.offset < log.length; position.offset++) {
        records.push({ topic, partition, offset: position.offset, payload: log[position.offset]! })
      }
    }
    if (records.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    return { records: this.#lies.gives?.(records) ?? records, rebalances: this.#rebalances.splice(0) }
  }

  async seek(places: readonly (Place & { readonly offset: number })[]): Promise<void> {
    this.sought.push(...places)
    for (const place of places) {
      const position = this.#positions.get(nameOf(place))
      if (position !== undefined) position.offset = place.offset
    }
  }

  async commit(): Promise<Committed> {
    const offsets = [...this.#positions.values()].filter(({ offset }) => offset > 0).map((each) => ({ ...each }))
    for (const each of offsets) this.#cluster.committed.set(nameOf(each), each.offset)
    return { offsets }
  }

  async committed(places: readonly Place[]): Promise<Committed> {
    return {
      offsets: places.flatMap(({ topic, partition }) => {
        const offset = this.#cluster.committed.get(nameOf({ topic, partition }))
        return offset === undefined ? [] : [{ topic, partition, offset }]
      }),
    }
  }

  async listOffset(place: Place, of: 'earliest' | 'latest' | 'latest committed'): Promise<number> {
    return of === 'earliest' ? 0 : this.#cluster.log(place).length
  }

  async createTopic(topic: string): Promise<string | null> {
    if (this.#cluster.topics.has(topic)) throw new DriverError('TOPIC_ALREADY_EXISTS', 'fail', topic)
    const id = randomUuid(new NodeRandom())
    this.#cluster.topics.set(topic, { id, configs: new Map() })
    return id
  }

  async deleteTopic(topic: string): Promise<void> {
    if (!this.#cluster.topics.delete(topic)) throw unknown(topic)
  }

  async describeTopic(topic: string): Promise<string | null> {
    return this.#cluster.topics.get(topic)?.id ?? null
  }

  async setTopicConfig(topic: string, name: string, value: string): Promise<void> {
    const known = this.#cluster.topics.get(topic)
    if (known === undefined) throw unknown(topic)
    known.configs.set(name, value)
  }

  async getTopicConfig(topic: string, name: string): Promise<string | null> {
    const known = this.#cluster.topics.get(topic)
    if (known === undefined) throw unknown(topic)
    return known.configs.get(name) ?? null
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  crash(): void {
    this.calls.push('crash')
  }
}

export function memoryBed(): TestBed {
  return {
    kind: 'simulated',
    target: 'arrays',
    bootstrap: 'nowhere:1',
    nodes: [],
    time: new RealTime(),
    start: async () => {},
    stop: async () => {},
    unasked: [],
    ports: { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() },
  }
}

function unknown(topic: string): DriverError {
  return new DriverError('UNKNOWN_TOPIC_OR_PARTITION', 'fail', topic)
}

function nameOf({ topic, partition }: Place): string {
  return `${topic}-${partition}`
}
