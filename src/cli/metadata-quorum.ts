/** `lograft metadata-quorum describe`: with the flags of kafka-metadata-quorum.sh. */
import type { CommandModule } from 'yargs'
import { Admin, type QuorumDescription } from '../client/admin/admin.js'
import { type ClusterOptions, clusterOptions, flag, withCluster } from './cluster-options.js'
import { table } from './table.js'

interface Options extends ClusterOptions {
  readonly action: 'describe'
  readonly status: boolean
  readonly replication: boolean
  readonly 'human-readable': boolean
}

export const metadataQuorumCommand: CommandModule<object, Options> = {
  command: 'metadata-quorum <action>',
  describe: 'Describe the quorum that keeps the metadata: its leader, voters and observers',
  builder: (yargs) =>
    yargs
      .positional('action', { choices: ['describe'] as const, demandOption: true })
      .options(clusterOptions)
      .option('status', { ...flag, describe: 'Leader, epoch, and how far the followers are behind' })
      .option('replication', { ...flag, describe: 'One line for each voter and observer' })
      .option('human-readable', { ...flag, describe: 'With --replication: times as how long ago' })
      .example('$0 metadata-quorum describe --status', 'Who leads, and who votes')
      .example('$0 metadata-quorum describe --replication', 'How far each of them is')
      .check(({ status, replication }) => {
        if (status === true || replication === true) return true
        throw new Error('say --status or --replication')
      }),
  handler: (options) =>
    withCluster(options, async (client) => {
      const admin = new Admin(client)
      const quorum = await admin.describeQuorum()
      if (options.replication) {
        process.stdout.write(replication(quorum, options['human-readable'] ? client.ports.clock.wallMs() : undefined))
      } else process.stdout.write(status(quorum, client.view.clusterId ?? ''))
    }),
}

function status(quorum: QuorumDescription, clusterId: string): string {
  const { leaderId, leaderEpoch, highWatermark, currentVoters, observers } = quorum
  const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId)
  const followers = currentVoters.filter((voter) => voter !== leader)
  const lags = followers.map(({ logEndOffset }) => (leader?.logEndOffset ?? 0) - logEndOffset)
  const times = followers.map(
    ({ lastCaughtUpTimestamp }) => (leader?.lastCaughtUpTimestamp ?? -1) - lastCaughtUpTimestamp,
  )
  const ids = (replicas: typeof currentVoters): string => `[${replicas.map(nameOf).join(', ')}]`
  return [
    `ClusterId:              ${clusterId}`,
    `LeaderId:               ${leaderId}`,
    `LeaderEpoch:            ${leaderEpoch}`,
    `HighWatermark:          ${highWatermark}`,
    `MaxFollowerLag:         ${Math.max(0, ...lags)}`,
    `MaxFollowerLagTimeMs:   ${Math.max(0, ...times)}`,
    `CurrentVoters:          ${ids(currentVoters)}`,
    `CurrentObservers:       ${ids(observers)}`,
    '',
  ].join('\n')
}

function nameOf({ replicaId, replicaDirectoryId }: QuorumDescription['currentVoters'][number]): string {
  return `{"id": ${replicaId}, "directoryId": "${replicaDirectoryId}"}`
}

function replication({ leaderId, currentVoters, observers }: QuorumDescription, nowMs: number | undefined): string {
  const end = currentVoters.find(({ replicaId }) => replicaId === leaderId)?.logEndOffset ?? 0
  const time = (timestamp: number): string | number =>
    nowMs === undefined || timestamp < 0 ? timestamp : `${nowMs - timestamp} ms ago`
  const rows = [...currentVoters, ...observers].map((replica) => {
    const voter = currentVoters.includes(replica)
    const role = replica.replicaId === leaderId && voter ? 'Leader' : voter ? 'Follower' : 'Observer'
    const { replicaId, replicaDirectoryId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp } = replica
    return [
      replicaId,
      replicaDirectoryId,
      logEndOffset,
      end - logEndOffset,
      time(lastFetchTimestamp),
      time(lastCaughtUpTimestamp),
      role,
    ]
  })
  const head = ['NodeId', 'DirectoryId', 'LogEndOffset', 'Lag', 'LastFetchTimestamp', 'LastCaughtUpTimestamp', 'Status']
  return table([head, ...rows])
}
