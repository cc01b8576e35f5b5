/** What Apache Kafka's own tool says of a quorum of three processes: who leads and votes, of which broker it is asked, and of a controller itself. */
import assert from 'node:assert/strict'
import { ClusterProcesses, type QuorumSeen } from '../process/cluster-processes.js'
import { attempt } from './external.js'
import { java, javaCommand } from './java-command.js'

interface Told {
  readonly clusterId: string
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly voters: readonly { readonly id: number; readonly directoryId: string }[]
}

async function status(...where: readonly string[]): Promise<Told> {
  const { stdout } = await java('MetadataQuorumCommand', [...where, 'describe', '--status'])
  const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(stdout.toString())?.[1] ?? ''
  const voters = JSON.parse(field('CurrentVoters')) as readonly { id: number; directoryId: string }[]
  return {
    clusterId: field('ClusterId'),
    leaderId: Number(field('LeaderId')),
    leaderEpoch: Number(field('LeaderEpoch')),
    highWatermark: Number(field('HighWatermark')),
    voters: voters.map(({ id, directoryId }) => ({ id, directoryId })).sort((a, b) => a.id - b.id),
  }
}

/** One line for each member: id, directory, role. */
async function members(bootstrap: string): Promise<readonly (readonly string[])[]> {
  const where = ['--bootstrap-server', bootstrap]
  const { stdout } = await java('MetadataQuorumCommand', [...where, 'describe', '--replication'])
  const rows = stdout.toString().trim().split('\n').slice(1)
  return rows.map((row) => {
    const [id = '', directoryId = '', , , , , role = ''] = row.split(/\s+/)
    return [id, directoryId, role]
  })
}

export async function checkQuorumOfThree(): Promise<string> {
  const cluster = await ClusterProcesses.create({ nodes: 3, ports: 'two', naming: 'voters' }, 'java quorum')
  try {
    for (const id of cluster.ids) cluster.start(id)
    await cluster.serves()
    const formed = await cluster.quorum()
    const told = await Promise.all(cluster.ids.map((id) => status('--bootstrap-server', cluster.bootstrap(id))))
    for (const each of told) compare(each, formed)
    assert.equal(new Set(told.map(({ clusterId }) => clusterId)).size, 1)
    compare(await status('--bootstrap-controller', cluster.controllerAddress(formed.leaderId)), formed)
    const rows = await members(cluster.bootstrap(1))
    const roles = formed.voters.map(({ id, directoryId }) => [
      String(id),
      directoryId,
      id === formed.leaderId ? 'Leader' : 'Follower',
    ])
    assert.deepEqual([...rows].sort(byId), roles.sort(byId))

    await cluster.process(formed.leaderId).end('SIGKILL')
    const next = await cluster.quorum(({ leaderId }) => leaderId !== formed.leaderId)
    assert.ok(next.leaderEpoch > formed.leaderEpoch)
    const asked = cluster.running.find((id) => id !== next.leaderId)!
    compare(await status('--bootstrap-server', cluster.bootstrap(asked)), next)

    const dead = formed.voters.find(({ id }) => id === formed.leaderId)!
    const which = ['--controller-id', String(dead.id), '--controller-directory-id', dead.directoryId]
    const remove = ['--bootstrap-server', cluster.bootstrap(asked), 'remove-controller', ...which]
    await java('MetadataQuorumCommand', remove)
    const two = await status('--bootstrap-server', cluster.bootstrap(asked))
    assert.deepEqual(
      two.voters,
      next.voters.filter(({ id }) => id !== dead.id).sort((a, b) => a.id - b.id),
    )
    const again = await attempt(javaCommand('MetadataQuorumCommand', remove, ''))
    assert.notEqual(again.code, 0)
    assert.match(`${again.stdout}${again.stderr}`, /VoterNotFoundException/)

    cluster.start(dead.id)
    await cluster.serves([dead.id])
    const back = await cluster.quorum(({ voters }) => voters.length === 3)
    compare(await status('--bootstrap-server', cluster.bootstrap(dead.id)), back)
    return `leader ${formed.leaderId}, then ${next.leaderId}; a voter removed, and back by itself`
  } finally {
    await cluster.end()
  }
}

function compare(told: Told, { leaderId, leaderEpoch, voters }: QuorumSeen): void {
  assert.deepEqual([told.leaderId, told.leaderEpoch], [leaderId, leaderEpoch])
  assert.deepEqual(
    told.voters,
    [...voters].sort((a, b) => a.id - b.id),
  )
  assert.ok(told.highWatermark > 0)
}

function byId([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return Number(a) - Number(b)
}
