/**
 * A graph with several kinds of edges, its strong components (Tarjan's algorithm, without recursion) and shortest ways in them; in time linear in nodes and
 * edges, by whichever kinds are asked for.
 */

/** Edges as they come. */
export class GraphBuilder {
  readonly nodes: number
  #from = new Int32Array(1024)
  #to = new Int32Array(1024)
  #kinds = new Uint8Array(1024)
  #edges = 0

  constructor(nodes: number) {
    this.nodes = nodes
  }

  /** `kind` is one bit. Edges from a node to itself are left out. */
  add(from: number, to: number, kind: number): void {
    if (from === to) return
    if (this.#edges === this.#from.length) {
      this.#from = grown(this.#from, new Int32Array(this.#edges * 2))
      this.#to = grown(this.#to, new Int32Array(this.#edges * 2))
      this.#kinds = grown(this.#kinds, new Uint8Array(this.#edges * 2))
    }
    this.#from[this.#edges] = from
    this.#to[this.#edges] = to
    this.#kinds[this.#edges++] = kind
  }

  build(): Graph {
    const starts = new Int32Array(this.nodes + 1)
    for (let edge = 0; edge < this.#edges; edge++) starts[this.#from[edge]! + 1]!++
    for (let node = 0; node < this.nodes; node++) starts[node + 1]! += starts[node]!
    const next = starts.slice()
    const targets = new Int32Array(this.#edges)
    const kinds = new Uint8Array(this.#edges)
    for (let edge = 0; edge < this.#edges; edge++) {
      const place = next[this.#from[edge]!]!++
      targets[place] = this.#to[edge]!
      kinds[place] = this.#kinds[edge]!
    }
    return new Graph(starts, targets, kinds)
  }
}

function grown<Numbers extends Int32Array | Uint8Array>(old: Numbers, larger: Numbers): Numbers {
  larger.set(old)
  return larger
}

/** By node: the number of its component; -1 where it is the only one in it. */
export type Components = Int32Array

export interface Step {
  readonly from: number
  readonly to: number
  readonly kind: number
}

export class Graph {
  readonly #starts: Int32Array
  readonly #targets: Int32Array
  readonly #kinds: Uint8Array

  constructor(starts: Int32Array, targets: Int32Array, kinds: Uint8Array) {
    this.#starts = starts
    this.#targets = targets
    this.#kinds = kinds
  }

  get nodes(): number {
    return this.#starts.length - 1
  }

  /** Calls back for each edge of these kinds. */
  forEach(mask: number, visit: (from: number, to: number, kind: number) => void): void {
    for (let node = 0; node < this.nodes; node++) {
      for (let edge = this.#starts[node]!; edge < this.#starts[node + 1]!; edge++) {
        if ((this.#kinds[edge]! & mask) !== 0) visit(node, this.#targets[edge]!, this.#kinds[edge]!)
      }
    }
  }

  /** With edges of these kinds between nodes that `within` has in one component. */
  components(mask: number, within?: Components): Components {
    const { nodes } = this
    const components = new Int32Array(nodes).fill(-1)
    /** When it was found, from 1 on, and the earliest that is reached from it; 0: not yet, and done. */
    const found = new Int32Array(nodes)
    const low = new Int32Array(nodes)
    const isOpen = new Uint8Array(nodes)
    const edges = new Int32Array(nodes)
    const open = new Int32Array(nodes)
    const trail = new Int32Array(nodes)
    let opened = 0
    let order = 0
    let count = 0
    for (let root = 0; root < nodes; root++) {
      if (found[root] !== 0 || within?.[root] === -1) continue
      let depth = 0
      const enter = (node: number): void => {
        trail[depth++] = node
        open[opened++] = node
        isOpen[node] = 1
        edges[node] = this.#starts[node]!
        low[node] = found[node] = ++order
      }
      enter(root)
      while (depth > 0) {
        const node = trail[depth - 1]!
        const edge = edges[node]!
        if (edge < this.#starts[node + 1]!) {
          edges[node] = edge + 1
          const next = this.#targets[edge]!
          if ((this.#kinds[edge]! & mask) === 0 || (within !== undefined && within[next] !== within[node])) continue
          if (found[next] === 0) enter(next)
          else if (isOpen[next] === 1) low[node] = Math.min(low[node]!, found[next]!)
          continue
        }
        depth--
        if (depth > 0) low[trail[depth - 1]!] = Math.min(low[trail[depth - 1]!]!, low[node]!)
        if (low[node] !== found[node]) continue
        const isAlone = open[opened - 1] === node
        for (let member = -1; member !== node; ) {
          member = open[--opened]!
          isOpen[member] = 0
          if (!isAlone) components[member] = count
        }
        if (!isAlone) count++
      }
    }
    return components
  }

  /** A shortest way by edges of these kinds that does not leave the component. */
  path(from: number, to: number, mask: number, within: Components): Step[] | undefined {
    const cameBy = new Map<number, Step | undefined>([[from, undefined]])
    const queue = [from]
    for (const node of queue) {
      if (node === to) break
      for (let edge = this.#starts[node]!; edge < this.#starts[node + 1]!; edge++) {
        const next = this.#targets[edge]!
        const kind = this.#kinds[edge]!
        if ((kind & mask) === 0 || within[next] !== within[node] || cameBy.has(next)) continue
        cameBy.set(next, { from: node, to: next, kind })
        queue.push(next)
      }
    }
    if (!cameBy.has(to)) return undefined
    const steps: Step[] = []
    for (let step = cameBy.get(to); step !== undefined; step = cameBy.get(step.from)) steps.push(step)
    return steps.reverse()
  }
}
