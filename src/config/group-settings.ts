/** Settings of a node about groups and the offsets that they commit. Part of `nodeSettings`; `coordinator/group` acts on most of them. */
import { ConfigError, integer, list, long, oneOf } from './setting.js'

const FOR_EVER = '2147483647'

export const groupSettings = {
  'group.min.session.timeout.ms': integer({
    default: '6000',
    doc: 'The shortest session that a member of a classic group may ask for.',
  }),
  'group.max.session.timeout.ms': integer({
    default: '1800000',
    doc: 'The longest session that a member of a classic group may ask for: so long it takes at most until it is missed.',
  }),
  'group.initial.rebalance.delay.ms': integer({
    default: '3000',
    doc: 'How long the first round of a classic group that was empty waits for more members.',
  }),
  'group.max.size': integer({ default: FOR_EVER, min: 1, doc: 'How many members a classic group may have.' }),
  'group.consumer.session.timeout.ms': integer({
    default: '45000',
    min: 1,
    doc: 'A member of a consumer group that is silent for so long is taken out of it.',
  }),
  'group.consumer.min.session.timeout.ms': integer({
    default: '45000',
    min: 1,
    doc: 'The least that group.consumer.session.timeout.ms may be.',
  }),
  'group.consumer.max.session.timeout.ms': integer({
    default: '60000',
    min: 1,
    doc: 'The most that group.consumer.session.timeout.ms may be.',
  }),
  'group.consumer.heartbeat.interval.ms': integer({
    default: '5000',
    min: 1,
    doc: 'How often members of consumer groups are told to send heartbeats; who waits for partitions that others have is told to do it sooner.',
  }),
  'group.consumer.min.heartbeat.interval.ms': integer({
    default: '5000',
    min: 1,
    doc: 'The least that group.consumer.heartbeat.interval.ms may be.',
  }),
  'group.consumer.max.heartbeat.interval.ms': integer({
    default: '15000',
    min: 1,
    doc: 'The most that group.consumer.heartbeat.interval.ms may be.',
  }),
  'group.consumer.max.size': integer({
    default: FOR_EVER,
    min: 1,
    doc: 'How many members a consumer group may have.',
  }),
  'group.consumer.assignors': list({
    default: 'uniform,range',
    doc: "How partitions may be spread over the members of a consumer group; the first is taken where a member does not say. Kafka's own classes may be named, too.",
  }),
  'group.consumer.migration.policy': oneOf(['bidirectional', 'upgrade', 'downgrade', 'disabled'], {
    default: 'bidirectional',
    doc: 'Whether a group with members may go over from the classic protocol to that of consumer groups (upgrade), and back (downgrade).',
  }),
  'group.consumer.regex.refresh.interval.ms': integer({
    default: '600000',
    min: 10_000,
    doc: 'How often it is looked which topics the regular expressions of members match.',
  }),
  'offset.metadata.max.bytes': integer({
    default: '4096',
    importance: 'high',
    doc: 'The longest text that may be committed with an offset.',
  }),
  'offsets.commit.timeout.ms': integer({
    default: '5000',
    min: 1,
    importance: 'high',
    doc: 'How long a commit, and whatever else a group changes, may take until all replicas in sync have it.',
  }),
  'offsets.load.buffer.size': integer({
    default: '5242880',
    min: 1,
    importance: 'high',
    doc: 'How much is read at a time when a broker begins to coordinate groups; a batch that is larger is read whole.',
  }),
  'offsets.retention.minutes': integer({
    default: '10080',
    min: 1,
    importance: 'high',
    doc: 'How long offsets are kept that nobody uses: of a group without members, and of topics that it does not read any more.',
  }),
  'offsets.retention.check.interval.ms': long({
    default: '600000',
    min: 1,
    importance: 'high',
    doc: 'How often offsets are looked for that need not be kept.',
  }),
  'offsets.topic.compression.codec': integer({
    default: '0',
    min: 0,
    max: 4,
    importance: 'high',
    doc: 'How what groups write is compressed: 0 not at all, 1 gzip, 2 snappy, 3 lz4, 4 zstd.',
  }),
  'offsets.topic.num.partitions': integer({
    default: '50',
    min: 1,
    importance: 'high',
    doc: 'Partitions of __consumer_offsets, when it is made: over so many brokers at most the groups are spread.',
  }),
  'offsets.topic.replication.factor': integer({
    default: '3',
    min: 1,
    max: 0x7fff,
    importance: 'high',
    doc: 'Replicas of __consumer_offsets. It is not made, and groups have to wait, as long as there are fewer brokers. Not set, on a node that names no other and has none with it: 1.',
  }),
  'offsets.topic.segment.bytes': integer({
    default: '104857600',
    min: 1024 * 1024,
    importance: 'high',
    doc: 'Size at which a segment of __consumer_offsets is closed, when it is made: what is closed can be compacted.',
  }),
} as const

type Bounds = readonly [low: keyof typeof groupSettings, high: keyof typeof groupSettings, mayBeEqual: boolean]

/** What has to be in order among them, as Kafka has it. */
const ORDERED: readonly Bounds[] = [
  ['group.consumer.min.heartbeat.interval.ms', 'group.consumer.max.heartbeat.interval.ms', true],
  ['group.consumer.min.heartbeat.interval.ms', 'group.consumer.heartbeat.interval.ms', true],
  ['group.consumer.heartbeat.interval.ms', 'group.consumer.max.heartbeat.interval.ms', true],
  ['group.consumer.min.session.timeout.ms', 'group.consumer.max.session.timeout.ms', true],
  ['group.consumer.min.session.timeout.ms', 'group.consumer.session.timeout.ms', true],
  ['group.consumer.session.timeout.ms', 'group.consumer.max.session.timeout.ms', true],
  ['group.consumer.heartbeat.interval.ms', 'group.consumer.session.timeout.ms', false],
]

/** As they are called, and the classes that have the same in Kafka. */
const ASSIGNORS = [
  'uniform',
  'range',
  'org.apache.kafka.coordinator.group.assignor.UniformAssignor',
  'org.apache.kafka.coordinator.group.assignor.RangeAssignor',
]

/** Throws `ConfigError` where they contradict each other, and for an assignor that is not there. */
export function checkGroupSettings(settings: Readonly<Record<string, unknown>>): void {
  const key = 'group.consumer.assignors'
  const assignors = settings[key] as readonly string[]
  if (assignors.length === 0 || assignors.some((each) => !ASSIGNORS.includes(each))) {
    throw new ConfigError(key, `${key}=${assignors.join(',')} is not allowed: it must name uniform, range or both`)
  }
  for (const [low, high, mayBeEqual] of ORDERED) {
    const [below, above] = [settings[low] as number, settings[high] as number]
    if (below < above || (mayBeEqual && below === above)) continue
    throw new ConfigError(
      low,
      `${low}=${below} is not allowed: it must be ${mayBeEqual ? 'at most' : 'less than'} ${high}, which is ${above}`,
    )
  }
}
