/** Whether a cluster serves, as its nodes say themselves. */
import { Admin } from '../../src/client/admin/admin.js'
import { ClusterClient } from '../../src/client/cluster-client.js'
import type { BedNode, TestBed } from './bed.js'

const LIMIT_MS = 3_000

/** Whether each broker says of all that they are there, and the controllers have a leader that all of them follow. Rejects with `ClientError` where one does not answer. */
export async function serves(bed: TestBed, nodes: readonly BedNode[]): Promise<boolean> {
  const brokers = nodes.filter(({ roles }) => roles.includes('broker')).map(({ id }) => id)
  const controllers = nodes.filter(({ roles }) => roles.includes('controller')).map(({ id }) => id)
  const answers = await Promise.all(
    nodes
      .filter(({ id }) => brokers.includes(id))
      .map(({ address }) =>
        asking(bed, address, async (admin) => {
          const { endpoints } = await admin.describeCluster()
          const there = new Set(endpoints.filter(({ isFenced }) => !isFenced).map(({ nodeId }) => nodeId))
          if (!brokers.every((id) => there.has(id))) return false
          const { leaderId, currentVoters, observers } = await admin.describeQuorum()
          const members = new Set([...currentVoters, ...observers].map(({ replicaId }) => replicaId))
          return leaderId >= 0 && controllers.every((id) => members.has(id))
        }),
      ),
  )
  return answers.every((answer) => answer)
}

/** Levels of features, where they are not as a new cluster has them. */
export async function raiseFeatures(bed: TestBed, features: Readonly<Record<string, number>>): Promise<void> {
  const updates = Object.entries(features).map(([feature, level]) => ({ feature, level }))
  if (updates.length === 0) return
  const client = new ClusterClient({ ports: bed.ports, bootstrapServers: bed.bootstrap })
  try {
    await new Admin(client).updateFeatures(updates, { type: 'upgrade' })
  } finally {
    client.close()
  }
}

async function asking(bed: TestBed, address: string, ask: (admin: Admin) => Promise<boolean>): Promise<boolean> {
  const limits = { requestTimeoutMs: LIMIT_MS, apiTimeoutMs: LIMIT_MS }
  const client = new ClusterClient({ ports: bed.ports, bootstrapServers: address, ...limits })
  try {
    return await ask(new Admin(client))
  } finally {
    client.close()
  }
}
