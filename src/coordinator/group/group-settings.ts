/** What can be set about groups, under Kafka's names. The settings of a node are such an object. */
export interface GroupSettings {
  readonly 'group.min.session.timeout.ms': number
  readonly 'group.max.session.timeout.ms': number
  readonly 'group.initial.rebalance.delay.ms': number
  readonly 'group.max.size': number
  readonly 'group.consumer.session.timeout.ms': number
  readonly 'group.consumer.min.session.timeout.ms': number
  readonly 'group.consumer.max.session.timeout.ms': number
  readonly 'group.consumer.heartbeat.interval.ms': number
  readonly 'group.consumer.min.heartbeat.interval.ms': number
  readonly 'group.consumer.max.heartbeat.interval.ms': number
  readonly 'group.consumer.max.size': number
  readonly 'group.consumer.assignors': readonly string[]
  /** `disabled`, `downgrade`, `upgrade` or `bidirectional`. */
  readonly 'group.consumer.migration.policy': string
  readonly 'group.consumer.regex.refresh.interval.ms': number
  readonly 'offset.metadata.max.bytes': number
  readonly 'offsets.retention.minutes': number
  readonly 'offsets.retention.check.interval.ms': number
}
