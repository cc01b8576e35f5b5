/** Settings of a node that say how partitions of several replicas are kept: how many have to be in sync, and who leads. Part of `nodeSettings`. */
import { boolean, integer } from './setting.js'

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
} as const
