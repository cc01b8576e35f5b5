/** A consumer as its settings say it, for the commands that read. */
import type { GroupConsumerOptions } from '../client/consumer/group-consumer.js'
import type { FetchOptions } from '../client/consumer/partition-fetcher.js'
import type { ClientSettings } from './client-settings.js'
import { misuse } from './fail.js'

/** What is not set is left to the consumer. */
export function fetchOptionsOf(settings: ClientSettings<'consumer'>): FetchOptions {
  return defined({
    committed: settings['isolation.level'] === undefined ? undefined : settings['isolation.level'] === 'read_committed',
    reset: settings['auto.offset.reset'],
    maxWaitMs: settings['fetch.max.wait.ms'],
    minBytes: settings['fetch.min.bytes'],
    maxBytes: settings['fetch.max.bytes'],
    partitionMaxBytes: settings['max.partition.fetch.bytes'],
  })
}

/** As Kafka refuses them: each protocol has settings that the other has no use for. */
const ONLY_CLASSIC = ['partition.assignment.strategy', 'session.timeout.ms', 'heartbeat.interval.ms'] as const

export function groupOptionsOf(groupId: string, settings: ClientSettings<'consumer'>): GroupConsumerOptions {
  const { 'group.protocol': groupProtocol, 'group.remote.assignor': remoteAssignor } = settings
  if (groupId === '') misuse('a group has a name: it must not be empty')
  const unfit = groupProtocol === 'consumer' ? ONLY_CLASSIC.find((key) => settings[key] !== undefined) : undefined
  if (unfit !== undefined)
    misuse(`${unfit} cannot be set with group.protocol=consumer: there the coordinator decides it`)
  if (groupProtocol !== 'consumer' && remoteAssignor !== undefined) {
    misuse('group.remote.assignor needs group.protocol=consumer')
  }
  return {
    groupId,
    ...fetchOptionsOf(settings),
    ...defined({
      groupProtocol,
      remoteAssignor,
      groupInstanceId: settings['group.instance.id'],
      assignors: settings['partition.assignment.strategy'],
      sessionTimeoutMs: settings['session.timeout.ms'],
      heartbeatIntervalMs: settings['heartbeat.interval.ms'],
      maxPollIntervalMs: settings['max.poll.interval.ms'],
      maxPollRecords: settings['max.poll.records'],
      autoCommit: settings['enable.auto.commit'],
      autoCommitIntervalMs: settings['auto.commit.interval.ms'],
      rackId: settings['client.rack'],
      metadataMaxAgeMs: settings['metadata.max.age.ms'],
      allowAutoTopicCreation: settings['allow.auto.create.topics'],
    }),
  }
}

type Defined<Values> = { [Key in keyof Values]?: Exclude<Values[Key], undefined> }

function defined<Values extends object>(values: Values): Defined<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<Values>
}
