/** Nodes whose disk is out of order: they may end by themselves meanwhile, and run again when it is well. Several faults may trouble one. */
import type { BedNode } from '../../beds/bed.js'
import type { Fault, FaultContext, Told } from '../fault.js'
import { ids, startNode } from '../processes.js'

/** By node. */
const reasons = new WeakMap<BedNode, Set<Fault>>()
/** A node that has met an error may be on its way out. */
const GRACE_MS = 2_000

export function trouble(nodes: readonly BedNode[], by: Fault): void {
  for (const node of nodes) {
    reasons.set(node, (reasons.get(node) ?? new Set()).add(by))
    node.mayEnd = true
  }
}

/** The disks are well again, which is to be told with `seen`; those that ended are started. May be called again where it rejects. */
export async function comfort(
  nodes: readonly BedNode[],
  by: Fault,
  { bed }: FaultContext,
  what: string,
  seen: string,
): Promise<Told> {
  await bed.time.wait(GRACE_MS)
  for (const node of nodes) {
    const left = reasons.get(node)
    left?.delete(by)
    node.mayEnd = left !== undefined && left.size > 0
  }
  const ended = nodes.filter(({ isRunning }) => !isRunning)
  const started = await Promise.all(ended.map(startNode))
  return { what, nodes: ids(nodes), seen: [seen, ...started.map((each) => `it had ended; ${each}`)].join('; ') }
}
