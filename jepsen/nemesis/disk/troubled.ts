/** Nodes whose disk is out of order: they may end by themselves meanwhile, and run again when it is well. Several faults may trouble one. */
import type { BedNode } from '../../beds/bed.js'
import type { FaultContext, Told } from '../fault.js'
import { ids, startNode } from '../processes.js'

const reasons = new WeakMap<BedNode, number>()
/** A node that has met an error may be on its way out. */
const GRACE_MS = 2_000

export function trouble(nodes: readonly BedNode[]): void {
  for (const node of nodes) {
    reasons.set(node, (reasons.get(node) ?? 0) + 1)
    node.mayEnd = true
  }
}

/** The disks are well again, which is to be told with `seen`; those that ended are started. */
export async function comfort(
  nodes: readonly BedNode[],
  { bed }: FaultContext,
  what: string,
  seen: string,
): Promise<Told> {
  await bed.time.wait(GRACE_MS)
  for (const node of nodes) {
    const left = (reasons.get(node) ?? 1) - 1
    reasons.set(node, left)
    node.mayEnd = left > 0
  }
  const ended = nodes.filter(({ isRunning }) => !isRunning)
  const started = await Promise.all(ended.map(startNode))
  return { what, nodes: ids(nodes), seen: [seen, ...started.map((each) => `it had ended; ${each}`)].join('; ') }
}
