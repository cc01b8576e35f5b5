/** The settings of a node that say how replicas follow their leaders; with those of `node-settings.ts` they are one list. */
import { integer, long } from './setting.js'

export const replicationSettings = {
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
} as const
