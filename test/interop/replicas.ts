/** The logs of the replicas of every partition, as several nodes keep them: the same bytes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PARTITION = /^[\w.-]+-\d+$/
const METADATA = '__cluster_metadata-0'

/** The partitions in a directory. */
function partitionsIn(path: string): readonly string[] {
  return readdirSync(path)
    .filter((name) => PARTITION.test(name) && name !== METADATA && !name.endsWith('-delete'))
    .sort()
}

function segments(path: string): readonly string[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(path, name))
}

/** By partition, where its replicas are. */
function replicas(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const path of paths) {
    for (const partition of partitionsIn(path)) {
      found.set(partition, [...(found.get(partition) ?? []), join(path, partition)])
    }
  }
  return found
}

/** The replicas of each partition are of the same length: looked at while they may still be written to, or deleted. */
export function sizesAgree(paths: readonly string[]): boolean {
  try {
    return [...replicas(paths).values()].every((directories) => {
      const sizes = directories.map((directory) =>
        segments(directory).reduce((sum, file) => sum + statSync(file).size, 0),
      )
      return new Set(sizes).size === 1
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Throws unless every replica of each partition holds the same bytes; gives how many partitions have several, and their bytes. */
export function compareReplicas(paths: readonly string[]): { readonly partitions: number; readonly bytes: number } {
  let partitions = 0
  let bytes = 0
  for (const [partition, directories] of replicas(paths)) {
    if (directories.length === 1) continue
    const [first, ...others] = directories.map((directory) =>
      Buffer.concat(segments(directory).map((file) => readFileSync(file))),
    )
    for (const other of others) {
      assert.equal(other.length, first!.length, `${partition}: the bytes of two replicas`)
      assert.ok(other.equals(first!), `${partition}: two replicas are not the same`)
    }
    partitions++
    bytes += first!.length
  }
  return { partitions, bytes }
}
