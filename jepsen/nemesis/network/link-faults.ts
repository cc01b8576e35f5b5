/** Which links a fault of the network is done to: partitions of all shapes, and links that lose, delay or answer wrongly. By whatever means links are changed. */
import type { Prng } from '../../../src/base/prng.js'
import type { BedNode } from '../../beds/bed.js'
import type { Fault, FaultContext, Target, Told } from '../fault.js'
import { shuffled } from '../targets.js'
import { type Applied, between, type Effect, type End, isOpen, type Link, type Links, oneWay } from './links.js'

const LEAST_FLAKY = 0.1
const MOST_FLAKY = 0.5
const LONGEST_DELAY_MS = 1_500
const LEAST_BYTES_PER_SECOND = 10_000
const MOST_BYTES_PER_SECOND = 200_000
const MOST_REQUESTS = 5
/** With fewer, everybody is everybody's neighbour. */
const LEAST_OF_RING = 4
const ISOLATED: readonly Target[] = ['one', 'leader', 'controller', 'coordinator']
const REQUESTS = { hold: 'hold requests', swallow: 'swallow answers', repeat: 'repeat requests' } as const

/** Who asks whom. */
const ASKED = [
  { name: '', target: 'one', asks: 'clients' },
  { name: ' to leader', target: 'leader', asks: 'clients' },
  { name: ' of nodes', target: 'one', asks: 'other nodes' },
  { name: ' of nodes to controller', target: 'controller', asks: 'other nodes' },
] as const

/** Whose links, and what is done to them. */
interface Drawn {
  readonly what: string
  readonly nodes: readonly BedNode[]
  readonly links: readonly Link[]
  readonly effect: Effect
}

type Draw = (context: FaultContext, all: readonly BedNode[]) => Promise<Drawn | undefined>

const CUT: Effect = { kind: 'cut' }

export function partitionFaults(backend: string, links: Links): readonly Fault[] {
  const fault = (name: string, draw: Draw): Fault => new LinkFault(name, backend, links, draw)
  return [
    ...ISOLATED.flatMap((target) => [
      fault(
        `isolate ${target}`,
        ofTarget(target, (ids, rest) => cut('cut off from all others', between(ids, rest))),
      ),
      fault(
        `isolate ${target} one-way`,
        ofTarget(target, (ids, rest) => cut('nobody hears it', oneWay(ids, rest))),
      ),
      fault(`partition ${target}`, ofTarget(target, withoutClients('cut off from all other nodes', between))),
    ]),
    fault('partition one-way', ofTarget('one', withoutClients('no other node hears it', oneWay))),
    fault(
      'partition deaf',
      ofTarget(
        'one',
        withoutClients('it hears no other node', (ids, rest) => oneWay(rest, ids)),
      ),
    ),
    fault('partition halves', ofTarget('minority', withoutClients('a minority is cut off from other nodes', between))),
    fault('partition bridge', bridge),
    fault('partition ring', ring),
    fault(
      'cut clients off',
      ofTarget('minority', (ids) => cut('clients do not reach these', between(ids, ['clients']))),
    ),
    fault(
      'cut clients off leader',
      ofTarget('leader', (ids) => cut('clients do not reach it', between(ids, ['clients']))),
    ),
  ]
}

export function flakyFault(backend: string, links: Links): Fault {
  return onLinksOfOne('flaky links', backend, links, (random) => {
    const chance = LEAST_FLAKY + random.float() * (MOST_FLAKY - LEAST_FLAKY)
    return [`${Math.round(chance * 100)} % is lost on its way`, { kind: 'flaky', chance }]
  })
}

export function resetFault(backend: string, links: Links): Fault {
  return onLinksOfOne('reset connections', backend, links, () => [
    'connections end with a reset, also new ones',
    { kind: 'reset' },
  ])
}

export function slowFaults(backend: string, links: Links): readonly Fault[] {
  return [
    onLinksOfOne('slow links', backend, links, (random) => {
      const delayMs = 1 + random.below(LONGEST_DELAY_MS)
      const jitterMs = random.below(delayMs + 1)
      return [`${delayMs} to ${delayMs + jitterMs} ms more`, { kind: 'slow', delayMs, jitterMs }]
    }),
    onLinksOfOne('narrow links', backend, links, (random) => {
      const bytesPerSecond = random.between(LEAST_BYTES_PER_SECOND, MOST_BYTES_PER_SECOND)
      return [`${bytesPerSecond} bytes a second`, { kind: 'narrow', bytesPerSecond }]
    }),
  ]
}

export function requestFaults(backend: string, links: Links): readonly Fault[] {
  return (Object.keys(REQUESTS) as (keyof typeof REQUESTS)[]).flatMap((kind) =>
    ASKED.map(({ name, target, asks }) => {
      const draw: Draw = (context, all) => {
        const requests = context.random.between(1, MOST_REQUESTS)
        const ofThose = ofTarget(target, (ids, rest) => {
          const links = oneWay(
            rest.filter((end) => (end === 'clients') === (asks === 'clients')),
            ids,
          )
          return { what: `up to ${requests}, of ${asks}`, links, effect: { kind, requests } }
        })
        return ofThose(context, all)
      }
      return new LinkFault(`${REQUESTS[kind]}${name}`, backend, links, draw)
    }),
  )
}

function onLinksOfOne(
  name: string,
  backend: string,
  links: Links,
  draw: (random: Prng) => readonly [string, Effect],
): Fault {
  return new LinkFault(name, backend, links, async (context, all) => {
    const [what, effect] = draw(context.random)
    return ofTarget('one', (ids, rest) => ({ what, links: between(ids, rest), effect }))(context, all)
  })
}

function cut(what: string, links: readonly Link[]): Omit<Drawn, 'nodes'> {
  return { what, links, effect: CUT }
}

type Shape = (ids: readonly End[], rest: readonly End[]) => Link[]

function withoutClients(
  what: string,
  shape: Shape,
): (ids: readonly End[], rest: readonly End[]) => Omit<Drawn, 'nodes'> {
  return (ids, rest) =>
    cut(
      what,
      shape(
        ids,
        rest.filter((end) => end !== 'clients'),
      ),
    )
}

/** `rest`: all others, and clients. */
function ofTarget(target: Target, draw: (ids: readonly End[], rest: readonly End[]) => Omit<Drawn, 'nodes'>): Draw {
  return async ({ find }, all) => {
    const nodes = await find(target)
    if (nodes === undefined) return undefined
    const rest = all.filter((node) => !nodes.includes(node))
    return { nodes, ...draw(nodes.map(idOf), [...rest.map(idOf), 'clients']) }
  }
}

/** Two halves that only one node sees both of. */
const bridge: Draw = async ({ random }, all) => {
  const running = shuffled(
    all.filter(({ isRunning }) => isRunning),
    random,
  )
  if (running.length < 3) return undefined
  const [middle, ...others] = running.map(idOf)
  const near = others.slice(0, Math.ceil(others.length / 2))
  const far = others.slice(near.length)
  const what = `${near.join(', ')} and ${far.join(', ')} see each other only by ${middle}`
  return { what, nodes: running, links: between(near, far), effect: CUT }
}

/** Each sees a majority, and no two see the same. */
const ring: Draw = async ({ random }, all) => {
  const running = shuffled(
    all.filter(({ isRunning }) => isRunning),
    random,
  )
  const count = running.length
  if (count < LEAST_OF_RING) return undefined
  const ids = running.map(idOf)
  const reach = Math.ceil(Math.floor(count / 2) / 2)
  const links = ids.flatMap((from, a) =>
    ids
      .filter((_, b) => Math.min((a - b + count) % count, (b - a + count) % count) > reach)
      .map((to) => ({ from, to })),
  )
  const what = `each sees ${2 * reach} neighbours in the ring ${ids.join(', ')}`
  return { what, nodes: running, links, effect: CUT }
}

function idOf({ id }: BedNode): number {
  return id
}

class LinkFault implements Fault {
  readonly name: string
  readonly backend: string
  readonly #links: Links
  readonly #draw: Draw
  #applied: Applied | undefined
  #nodes: readonly number[] = []

  constructor(name: string, backend: string, links: Links, draw: Draw) {
    this.name = name
    this.backend = backend
    this.#links = links
    this.#draw = draw
  }

  async begin(context: FaultContext): Promise<Told | undefined> {
    const { nodes } = context.bed
    const drawn = await this.#draw(context, nodes)
    // Over links of those that do not run, and over those that are cut, nothing is sent where it could show.
    const runs = (end: End): boolean => end === 'clients' || nodes.some(({ id, isRunning }) => id === end && isRunning)
    const isUsed = (link: Link): boolean => runs(link.from) && runs(link.to) && isOpen(this.#links, link)
    if (drawn === undefined || !drawn.links.some(isUsed)) return undefined
    this.#nodes = drawn.nodes.map(idOf)
    this.#applied = await this.#links.apply(drawn.links, drawn.effect, {
      nodes,
      random: context.random.fork(this.name),
    })
    const seen = await this.#applied.seen()
    if (seen !== undefined) return { what: drawn.what, nodes: this.#nodes, seen }
    await this.end()
    return undefined
  }

  async end(): Promise<Told | undefined> {
    const applied = this.#applied
    if (applied === undefined) return undefined
    const seen = await applied.lift()
    this.#applied = undefined
    return { what: 'healed', nodes: this.#nodes, seen }
  }
}
