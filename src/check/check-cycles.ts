/**
 * Whether operations can be put in an order at all: G0, G0-process, G0-realtime, G1c, G1c-process, G1c-realtime.
 *
 * An operation comes before another if a value of the one stands right in front of a value of the other (ww), if the other was given a value of the one
 * (wr), if one process did both, one after the other, or if the one was acknowledged before the other began. Of two that are in a circle at least one edge
 * lies. Where a circle is there without the order of a process, or of time, it is told only of the smaller kind.
 *
 * Transactions may lie between one another in a log, so that a circle with ww is an observation. One of reads alone is a finding.
 *
 * The order of time has one node for each moment at which something was acknowledged, each in front of the next: as many edges as operations.
 */
import type { CycleAnomaly, Findings } from './anomalies.js'
import { sortedBy } from './columns.js'
import { type Components, type Graph, GraphBuilder, type Step } from './graph.js'
import { FAIL, isMessages, OF_POLL, OK } from './history-columns.js'
import type { ObservedLog } from './observed-log.js'

const WW = 1
const WR = 2
const PROCESS = 4
const REALTIME = 8
const ALL = WW | WR | PROCESS | REALTIME

/** Told of each kind: those with the fewest operations. */
const MAX_CYCLES = 8

interface Kind {
  readonly anomaly: CycleAnomaly
  /** The edges of such a circle, and the one that it has in any case. */
  readonly edges: number
  readonly through: number
  /** With these alone the operations of that one are not in a circle. */
  readonly without: readonly number[]
  readonly isAllowed: boolean
}

const KINDS: readonly Kind[] = [
  { anomaly: 'G0', edges: WW, through: WW, without: [], isAllowed: true },
  { anomaly: 'G0-process', edges: WW | PROCESS, through: WW, without: [WW], isAllowed: true },
  { anomaly: 'G0-realtime', edges: WW | PROCESS | REALTIME, through: WW, without: [WW | PROCESS], isAllowed: true },
  { anomaly: 'G1c', edges: WR, through: WR, without: [], isAllowed: false },
  { anomaly: 'G1c-process', edges: WR | PROCESS, through: WR, without: [WR], isAllowed: false },
  { anomaly: 'G1c-realtime', edges: WR | PROCESS | REALTIME, through: WR, without: [WR | PROCESS], isAllowed: false },
  { anomaly: 'G1c', edges: WW | WR, through: WR, without: [WR], isAllowed: true },
  { anomaly: 'G1c-process', edges: WW | WR | PROCESS, through: WR, without: [WW | WR, WR | PROCESS], isAllowed: true },
  {
    anomaly: 'G1c-realtime',
    edges: ALL,
    through: WR,
    without: [WW | WR | PROCESS, WR | PROCESS | REALTIME],
    isAllowed: true,
  },
]

export function checkCycles(log: ObservedLog, findings: Findings, observations: Findings): void {
  const graph = graphOf(log)
  const inAny = graph.components(ALL)
  if (inAny.every((component) => component === -1)) return
  const known = new Map<number, Components>()
  const componentsOf = (mask: number): Components => {
    let components = known.get(mask)
    if (components === undefined) known.set(mask, (components = graph.components(mask, inAny)))
    return components
  }
  for (const kind of KINDS) {
    const cycles = findCycles(graph, kind, componentsOf)
    for (const cycle of cycles) {
      const to = kind.isAllowed ? observations : findings
      const rows = cycle.map(({ from }) => from).filter((node) => node < log.history.kind.length)
      to.add(kind.anomaly, '', () => explained(log, cycle), log.shownBy(rows))
    }
  }
}

/** The smallest, one for each component. */
function findCycles(graph: Graph, kind: Kind, componentsOf: (mask: number) => Components): Step[][] {
  const { edges, through, without } = kind
  const components = componentsOf(edges)
  const smaller = without.map(componentsOf)
  const sizes = new Map<number, number>()
  for (const component of components) if (component !== -1) sizes.set(component, (sizes.get(component) ?? 0) + 1)
  if (sizes.size === 0) return []
  const first = new Map<number, Step>()
  graph.forEach(through, (from, to, each) => {
    const component = components[from]!
    if (component === -1 || components[to] !== component || first.has(component)) return
    if (smaller.some((each) => each[from] !== -1 && each[from] === each[to])) return
    first.set(component, { from, to, kind: each })
  })
  return [...first]
    .sort(([a], [b]) => sizes.get(a)! - sizes.get(b)!)
    .slice(0, MAX_CYCLES)
    .map(([, step]) => [step, ...graph.path(step.to, step.from, edges, components)!])
}

/** Nodes are the operations, and behind them the moments. */
function graphOf(log: ObservedLog): Graph {
  const { history, writers } = log
  const { firstPart, firstValue, part, numbers, process, isAlone } = history
  const rows = history.kind.length
  const builder = new GraphBuilder(rows * 2)
  for (const key of log.keys) {
    let before = -1
    for (let place = 0; place < (key?.length ?? 0); place++) {
      const writer = writers[key!.valueAt(place)]!
      if (writer !== -1 && before !== -1) builder.add(before, writer, WW)
      before = writer
    }
  }
  const lastOf = new Map<number, number>()
  for (let row = 0; row < rows; row++) {
    if (!isMessages(history, row)) continue
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      if ((part[at]! & OF_POLL) === 0) continue
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        const writer = writers[numbers[place]!]!
        if (writer !== -1) builder.add(writer, row, WR)
      }
    }
    if (log.outcome[row] !== OK || isAlone[row] === 1) continue
    const last = lastOf.get(process[row]!)
    if (last !== undefined) builder.add(last, row, PROCESS)
    lastOf.set(process[row]!, row)
  }
  addMoments(log, builder)
  return builder.build()
}

function addMoments({ history, outcome }: ObservedLog, builder: GraphBuilder): void {
  const { invokedMs, completedMs } = history
  const rows = history.kind.length
  const all = Int32Array.from({ length: rows }, (_, row) => row)
  const judged = all.filter((row) => isMessages(history, row) && outcome[row] !== FAIL)
  const completed = sortedBy(
    judged.filter((row) => outcome[row] === OK),
    completedMs,
  )
  for (let at = 0; at < completed.length; at++) {
    builder.add(completed[at]!, rows + at, REALTIME)
    if (at > 0) builder.add(rows + at - 1, rows + at, REALTIME)
  }
  let passed = 0
  for (const row of sortedBy(judged, invokedMs)) {
    while (passed < completed.length && completedMs[completed[passed]!]! < invokedMs[row]!) passed++
    if (passed > 0) builder.add(rows + passed - 1, row, REALTIME)
  }
}

/** Moments are left out: what lies between two operations is one step. */
function explained(log: ObservedLog, cycle: readonly Step[]): string {
  const rows = log.history.kind.length
  const steps = cycle
    .filter(({ to }) => to < rows)
    .map(({ from, to, kind }) => {
      const why = from >= rows ? 'then' : whyBefore(log, from, to, kind)
      return `${why} ${log.told(to)}`
    })
  return `${log.told(cycle[0]!.from)} ${steps.join(' ')}`
}

function whyBefore(log: ObservedLog, from: number, to: number, kind: number): string {
  if (kind === PROCESS) return 'in the same process before'
  const { firstPart, firstValue, part, key, numbers } = log.history
  for (let at = firstPart[to]!; at < firstPart[to + 1]!; at++) {
    const isPoll = (part[at]! & OF_POLL) !== 0
    for (const number of numbers.subarray(firstValue[at]!, firstValue[at + 1]!)) {
      if (kind === WR && isPoll && log.writers[number] === from) return `sent ${log.text(number)} to`
      if (kind !== WW || isPoll || log.places[number]! < 1) continue
      const before = log.keys[key[at]!]!.valueAt(log.places[number]! - 1)
      if (log.writers[before] === from) return `has ${log.text(before)} right in front of ${log.text(number)} of`
    }
  }
  return 'before'
}
