/** Settings of a node that say how partitions of several replicas are kept: how many have to be in sync, and who leads. Part of `nodeSettings`. */
import { boolean, integer, long, oneOf, optional } from './setting.js'

/** How a leader chooses who consumers should read from. */
const REPLICA_SELECTORS = [
  'org.apache.kafka.common.replica.LeaderSelector',
  'org.apache.kafka.common.replica.RackAwareReplicaSelector',
] as const

export const replicaSettings = {
  'unclean.leader.election.enable': boolean({
    default: 'false',
    importance: 'high',
    doc: 'Whether a replica that is not in sync may lead when no other can: what it does not have is lost then.',
  }),
  'auto.leader.rebalance.enable': boolean({
    default: 'true',
    importance: 'high',
    doc: 'Whether the controller gives leaderships back to first replicas where too many of a broker are with others.',
  }),
  'leader.imbalance.check.interval.seconds': integer({
    default: '300',
    min: 1,
    importance: 'high',
    doc: 'Time after which the controller looks whether it has to.',
  }),
  'leader.imbalance.per.broker.percentage': integer({
    default: '10',
    min: 0,
    importance: 'high',
    doc: 'How many of the partitions whose first replica a broker has may be led by others before they are given back, in percent.',
  }),
  'min.insync.replicas': integer({
    default: '1',
    min: 1,
    importance: 'high',
    doc: 'With acks=all a produce is refused while fewer replicas than this are in sync.',
  }),
  'replica.lag.time.max.ms': long({
    default: '30000',
    min: 1,
    importance: 'high',
    doc: 'A replica that has not caught up with its leader for longer is taken to be out of sync.',
  }),
  'replica.fetch.wait.max.ms': integer({
    default: '500',
    min: 1,
    importance: 'high',
    doc: 'How long a leader may wait for records before it answers a follower.',
  }),
  'replica.fetch.min.bytes': integer({
    default: '1',
    min: 0,
    importance: 'high',
    doc: 'How much a leader waits for before it answers a follower.',
  }),
  'replica.fetch.max.bytes': integer({
    default: '1048576',
    min: 0,
    doc: 'How much a follower fetches of one partition at once; the first batch comes whole all the same.',
  }),
  'replica.fetch.response.max.bytes': integer({
    default: '10485760',
    min: 0,
    doc: 'How much a follower fetches from one broker at once; the first batch comes whole all the same.',
  }),
  'replica.fetch.backoff.ms': integer({
    default: '1000',
    min: 0,
    doc: 'How long a follower leaves a partition alone after an error.',
  }),
  'replica.selector.class': optional(
    oneOf(REPLICA_SELECTORS, {
      doc: 'RackAwareReplicaSelector: consumers that name their rack are told to read from a replica in it. Unset, or LeaderSelector: all read from leaders.',
    }),
  ),
  'leader.replication.throttled.rate': long({
    default: '9223372036854775807',
    min: 0,
    dynamic: 'cluster-wide',
    doc: 'How many bytes a second a leader gives to replicas that leader.replication.throttled.replicas of their topic names and that are not in sync.',
  }),
  'follower.replication.throttled.rate': long({
    default: '9223372036854775807',
    min: 0,
    dynamic: 'cluster-wide',
    doc: 'How many bytes a second a broker fetches for replicas that follower.replication.throttled.replicas of their topic names and that are not in sync.',
  }),
  'replication.quota.window.num': integer({
    default: '11',
    min: 1,
    importance: 'low',
    doc: 'Over how many samples these rates are taken.',
  }),
  'replication.quota.window.size.seconds': integer({
    default: '1',
    min: 1,
    importance: 'low',
    doc: 'How long each of these samples is.',
  }),
  'replica.high.watermark.checkpoint.interval.ms': long({
    default: '5000',
    min: 1,
    importance: 'high',
    doc: 'How often it is written down up to where logs are committed.',
  }),
} as const
