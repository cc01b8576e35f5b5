/** What every node of a bed says of the cluster, asked at once and within a limit of time: some of them may be dead, paused or cut off. */
import { Admin } from '../../src/client/admin/admin.js'
import { ClientError } from '../../src/client/client-error.js'
import { ClusterClient } from '../../src/client/cluster-client.js'
import type { TestBed } from '../beds/bed.js'

/** For each of several. */
const EACH_LIMIT_MS = 2_000
/** For one thing that whoever answers is asked for. */
export const ASK_LIMIT_MS = 10_000

export interface Asked {
  readonly admin: Admin
  readonly client: ClusterClient
}

/** Answers of those brokers that have given one. */
export async function askAll<T>(bed: TestBed, ask: (asked: Asked) => Promise<T>): Promise<readonly T[]> {
  const brokers = bed.nodes.filter(({ roles, isRunning }) => isRunning && roles.includes('broker'))
  const addresses = bed.nodes.length === 0 ? [bed.bootstrap] : brokers.map(({ address }) => address)
  const answers = await Promise.allSettled(addresses.map((address) => asking(bed, address, ask, EACH_LIMIT_MS)))
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}

/** Asks whoever answers, for as long as that. Rejects with `ClientError`. */
export async function asking<T>(
  bed: TestBed,
  bootstrapServers: string,
  ask: (asked: Asked) => Promise<T>,
  limitMs: number,
): Promise<T> {
  const limits = { requestTimeoutMs: Math.min(limitMs, 5_000), apiTimeoutMs: limitMs }
  const client = new ClusterClient({ ports: bed.ports, bootstrapServers, clientId: 'nemesis', ...limits })
  try {
    return await ask({ admin: new Admin(client), client })
  } finally {
    client.close()
  }
}

/** Asks somebody; undefined: nobody could do it at the moment. */
export async function ask<T>(bed: TestBed, what: (asked: Asked) => Promise<T>): Promise<T | undefined> {
  try {
    return await asking(bed, bed.bootstrap, what, ASK_LIMIT_MS)
  } catch (error) {
    if (error instanceof ClientError) return undefined
    throw error
  }
}
