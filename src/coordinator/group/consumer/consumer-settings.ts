/** What can be set for consumer groups, and for one group alone (KIP-848's group configurations), as the coordinator acts on it. */
import { type SingleGroupSettingKey, singleGroupSetting } from '../../../config/single-group-settings.js'
import { configsOf } from '../../../metadata/image.js'
import { RESOURCE_TYPE_GROUP } from '../../../metadata/records.js'
import type { GroupContext } from '../group.js'
import type { Assignor } from './assignors/assignor.js'
import { assignRanges } from './assignors/range.js'
import { assignUniformly } from './assignors/uniform.js'

/** By name, and by the classes of Kafka that have the same. */
const ASSIGNORS: ReadonlyMap<string, readonly [name: string, assignor: Assignor]> = new Map([
  ['uniform', ['uniform', assignUniformly]],
  ['org.apache.kafka.coordinator.group.assignor.UniformAssignor', ['uniform', assignUniformly]],
  ['range', ['range', assignRanges]],
  ['org.apache.kafka.coordinator.group.assignor.RangeAssignor', ['range', assignRanges]],
])

export class ConsumerSettings {
  readonly #context: GroupContext

  constructor(context: GroupContext) {
    this.#context = context
  }

  sessionTimeoutMs(groupId: string): number {
    return this.#ofGroup(groupId, 'consumer.session.timeout.ms')
  }

  heartbeatIntervalMs(groupId: string): number {
    return this.#ofGroup(groupId, 'consumer.heartbeat.interval.ms')
  }

  get maxSize(): number {
    return this.#context.settings()['group.consumer.max.size']
  }

  get classicMaxSize(): number {
    return this.#context.settings()['group.max.size']
  }

  get expressionRefreshMs(): number {
    return this.#context.settings()['group.consumer.regex.refresh.interval.ms']
  }

  get allowsUpgrade(): boolean {
    return ['bidirectional', 'upgrade'].includes(this.#migrationPolicy)
  }

  get allowsDowngrade(): boolean {
    return ['bidirectional', 'downgrade'].includes(this.#migrationPolicy)
  }

  get #migrationPolicy(): string {
    return this.#context.settings()['group.consumer.migration.policy'].toLowerCase()
  }

  /** By name, the default first. */
  get assignors(): ReadonlyMap<string, Assignor> {
    const assignors = new Map<string, Assignor>()
    for (const wanted of this.#context.settings()['group.consumer.assignors']) {
      const [name, assignor] = ASSIGNORS.get(wanted) ?? []
      if (name !== undefined && assignor !== undefined) assignors.set(name, assignor)
    }
    if (assignors.size === 0) assignors.set('uniform', assignUniformly)
    return assignors
  }

  get defaultAssignor(): string {
    return this.assignors.keys().next().value!
  }

  #ofGroup(groupId: string, key: SingleGroupSettingKey): number {
    const { image, settings } = this.#context
    return singleGroupSetting(settings(), configsOf(image(), RESOURCE_TYPE_GROUP, groupId), key)
  }
}
