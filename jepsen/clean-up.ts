/** What a run has made on a cluster that somebody else runs: found by the prefix of its topics, and deleted. */
import { Admin } from '../src/client/admin/admin.js'
import { deleteGroups } from '../src/client/admin/groups.js'
import { ClientError } from '../src/client/client-error.js'
import { type ClientPorts, ClusterClient } from '../src/client/cluster-client.js'
import type { BedTime } from './beds/bed.js'

export interface Leavings {
  readonly ports: ClientPorts
  readonly time: BedTime
  readonly bootstrap: string
  /** In front of the names of topics, with a hyphen between. */
  readonly prefix: string
  readonly groups: readonly string[]
}

const LIMIT_MS = 30_000
const ROUND_MS = 250

/** Names of topics. Rejects with `ClientError`. */
export function leftBehind(leavings: Leavings): Promise<readonly string[]> {
  return using(leavings, (admin) => ofRun(admin, leavings.prefix))
}

/** Looks so often whether there is something to be deleted, until there was nothing after there had been something. Says what it could not. */
export async function cleanUp(leavings: Leavings, rounds: number, say: (line: string) => void): Promise<void> {
  const { prefix, groups, time } = leavings
  try {
    await using(leavings, async (admin) => {
      let deleted = 0
      for (let round = 0; round < rounds; round++) {
        const names = await ofRun(admin, prefix)
        if (names.length > 0) await admin.deleteTopics(names)
        else if (deleted > 0) break
        deleted += names.length
        if (round + 1 < rounds) await time.wait(ROUND_MS)
      }
      say(`${deleted} topics deleted`)
      // They may never have had a member, and go by themselves where they still have one.
      await deleteGroups(admin.client, groups)
    })
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    say(`not everything named ${prefix}-* could be deleted: ${error.message}`)
  }
}

async function ofRun(admin: Admin, prefix: string): Promise<readonly string[]> {
  return (await admin.listTopics()).map(({ name }) => name).filter((name) => name.startsWith(`${prefix}-`))
}

async function using<T>({ ports, bootstrap }: Leavings, use: (admin: Admin) => Promise<T>): Promise<T> {
  const limits = { requestTimeoutMs: LIMIT_MS, apiTimeoutMs: LIMIT_MS }
  const client = new ClusterClient({ ports, bootstrapServers: bootstrap, ...limits })
  try {
    return await use(new Admin(client))
  } finally {
    client.close()
  }
}
