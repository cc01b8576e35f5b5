/** Faults of the simulated cluster: processes, power, links, clocks and disks, made where real ones would be made, and looked at from the victim's side. */
import type { Prng } from '../../src/base/prng.js'
import { CLIENTS_HOST, type SimulatedBed, SimulatedBedNode } from '../beds/simulated.js'
import { ALL_TARGETS, type Backend, type Fault, type FaultContext, type Target, type Told } from './fault.js'
import { shuffled } from './targets.js'

const BACKEND = 'simulator'
const WALL_JUMP_MS = 3_600_000
const DRIFT = 0.1
const LONGEST_DELAY_MS = 1_500
const LONGEST_STUCK_MS = 8_000
const FULL_BYTES = 4_000
const FLUSH_FAILS = 0.3
const IO_FAILS = 0.05

const ISOLATED: readonly Target[] = ['one', 'leader', 'controller']

type Nodes = readonly SimulatedBedNode[]
/** What was done, and what takes it back. */
type Done = Told & { readonly takeBack: () => Promise<Told | undefined> }

export function simulatedBackend(bed: SimulatedBed): Backend {
  const { rules } = bed.world.network
  const { network } = bed.world

  /** Links from these hosts to those are cut; `both`: and back. */
  const cut = (pairs: (from: string, to: string) => boolean): (() => void) =>
    rules.add({ applies: (from, to) => from !== to && pairs(from, to), cuts: true })

  const cutBetween = (what: string, some: Nodes, others: readonly string[], both: boolean): Done => {
    const near = new Set(some.map(hostOf))
    const far = new Set(others)
    const heal = cut((from, to) => (near.has(from) && far.has(to)) || (both && near.has(to) && far.has(from)))
    const from = [...near][0]!
    const to = others[0]!
    const seen = `bytes from ${from} to ${to} ${rules.cuts(from, to) ? 'wait' : 'pass'}, back they ${rules.cuts(to, from) ? 'wait' : 'pass'}`
    return { what, nodes: idsOf(some), seen, takeBack: async () => healed(heal, from, to) }
  }
  const healed = (heal: () => void, from: string, to: string): Told => {
    heal()
    const seen = `bytes from ${from} to ${to} ${rules.cuts(from, to) ? 'still wait for another fault' : 'pass'}`
    return { what: 'healed', nodes: [], seen }
  }
  const othersThan = (nodes: Nodes): string[] => [
    ...bed.nodes.filter((node) => !nodes.includes(node)).map(hostOf),
    CLIENTS_HOST,
  ]

  const ended = async (what: string, nodes: Nodes, end: (node: SimulatedBedNode) => Promise<void>): Promise<Done> => {
    await Promise.all(nodes.map(end))
    return { what, nodes: idsOf(nodes), seen: stateOf(nodes), takeBack: () => started(nodes) }
  }

  const onDisk = (
    name: string,
    change: (node: SimulatedBedNode, random: Prng) => void,
    restore: (node: SimulatedBedNode) => void,
    mayEnd: boolean,
  ): Fault =>
    fault(name, 'one', async (nodes, { random }) => {
      for (const node of nodes) {
        node.mayEnd = mayEnd
        change(node, random)
      }
      return {
        what: name,
        nodes: idsOf(nodes),
        seen: `node ${idsOf(nodes)}: ${JSON.stringify(nodes[0]!.simulated.device.faults)}`,
        takeBack: async () => {
          for (const node of nodes) {
            restore(node)
            node.mayEnd = false
          }
          return (await started(nodes)) ?? { what: 'the disk is well', nodes: idsOf(nodes), seen: stateOf(nodes) }
        },
      }
    })

  return {
    name: BACKEND,
    probe: async () => undefined,
    prepare: async () => {},
    faults: [
      ...ALL_TARGETS.flatMap((target) => [
        fault(`kill ${target}`, target, (nodes) => ended('kill -9', nodes, (node) => node.end('SIGKILL'))),
        fault(`lose power of ${target}`, target, (nodes) =>
          ended('unflushed writes are lost', nodes, async (node) => node.losePower()),
        ),
        fault(`pause ${target}`, target, async (nodes) => paused(nodes)),
      ]),
      fault('bounce one', 'one', (nodes) => ended('SIGTERM', nodes, (node) => node.end('SIGTERM'))),
      ...ISOLATED.flatMap((target) => [
        fault(`isolate ${target}`, target, async (nodes) =>
          cutBetween('cut off from all others', nodes, othersThan(nodes), true),
        ),
        fault(`isolate ${target} one-way`, target, async (nodes) =>
          cutBetween('nobody hears it', nodes, othersThan(nodes), false),
        ),
      ]),
      fault('partition halves', 'minority', async (nodes) =>
        cutBetween('a minority is cut off from the other nodes', nodes, othersThan(nodes).slice(0, -1), true),
      ),
      fault('cut clients off', 'minority', async (nodes) =>
        cutBetween('clients do not reach these', nodes, [CLIENTS_HOST], true),
      ),
      fault('partition ring', 'all', async (nodes, { random }) => {
        const hosts = shuffled(nodes, random).map(hostOf)
        if (hosts.length < 4) return undefined
        const areNeighbours = (from: number, to: number): boolean =>
          Math.min((from - to + hosts.length) % hosts.length, (to - from + hosts.length) % hosts.length) === 1
        const heal = cut((from, to) => {
          const [a, b] = [hosts.indexOf(from), hosts.indexOf(to)]
          return a >= 0 && b >= 0 && !areNeighbours(a, b)
        })
        const seen = `bytes from ${hosts[0]} to ${hosts[2]} ${rules.cuts(hosts[0]!, hosts[2]!) ? 'wait' : 'pass'}`
        return {
          what: `each talks to its neighbours in ${hosts.join(', ')} only`,
          nodes: idsOf(nodes),
          seen,
          takeBack: async () => healed(heal, hosts[0]!, hosts[2]!),
        }
      }),
      fault('slow links', 'one', async (nodes, { random }) => {
        const extraDelayMs = 1 + random.below(LONGEST_DELAY_MS)
        const near = new Set(nodes.map(hostOf))
        const heal = rules.add({ applies: (from, to) => near.has(from) || near.has(to), extraDelayMs })
        const [from] = near
        const seen = `${rules.extraDelayMs(from!, CLIENTS_HOST)} ms from ${from} to clients`
        const takeBack = async (): Promise<Told> => healed(heal, from!, CLIENTS_HOST)
        return { what: `${extraDelayMs} ms more`, nodes: idsOf(nodes), seen, takeBack }
      }),
      fault('reset connections', 'one', async (nodes) => {
        const others = othersThan(nodes)
        const count = nodes.flatMap((node) => others.map((other) => network.reset(hostOf(node), other)))
        const seen = `${count.reduce((sum, each) => sum + each, 0)} connections are gone`
        return { what: 'connections end on both sides', nodes: idsOf(nodes), seen, takeBack: async () => undefined }
      }),
      fault('clock jump', 'one', async (nodes, { random }) => {
        const { machine } = nodes[0]!.simulated
        const jumpMs = Math.round((random.float() - 0.5) * 2 * WALL_JUMP_MS)
        machine.wallOffsetMs += jumpMs
        const takeBack = async (): Promise<Told> => {
          machine.wallOffsetMs -= jumpMs
          return { what: 'jumps back', nodes: idsOf(nodes), seen: `${machine.wallOffsetMs} ms off` }
        }
        return { what: `${jumpMs} ms`, nodes: idsOf(nodes), seen: `${machine.wallOffsetMs} ms off`, takeBack }
      }),
      fault('clock drift', 'one', async (nodes, { random }) => {
        const { time } = nodes[0]!.simulated.machine
        time.rate = 1 + (random.float() - 0.5) * 2 * DRIFT
        const takeBack = async (): Promise<Told> => {
          time.rate = 1
          return { what: 'goes right', nodes: idsOf(nodes), seen: `rate ${time.rate}` }
        }
        return { what: 'its monotonic clock drifts', nodes: idsOf(nodes), seen: `rate ${time.rate}`, takeBack }
      }),
      onDisk(
        'stuck disk',
        // What has begun by then ends then: that cannot be taken back earlier.
        ({ simulated }, random) => {
          simulated.device.faults.stuckUntilMs = bed.time.nowMs() + random.below(LONGEST_STUCK_MS)
        },
        ({ simulated }) => {
          simulated.device.faults.stuckUntilMs = 0
        },
        false,
      ),
      onDisk(
        'full disk',
        ({ simulated: { device } }) => {
          device.faults.capacityBytes = device.usedBytes + FULL_BYTES
        },
        ({ simulated: { device } }) => {
          device.faults.capacityBytes = Number.POSITIVE_INFINITY
        },
        true,
      ),
      onDisk(
        'failed flushes',
        ({ simulated }) => {
          simulated.device.faults.failedFlushChance = FLUSH_FAILS
        },
        ({ simulated }) => {
          simulated.device.faults.failedFlushChance = 0
        },
        true,
      ),
      onDisk(
        'disk errors',
        ({ simulated }) => {
          simulated.device.faults.ioErrorChance = IO_FAILS
        },
        ({ simulated }) => {
          simulated.device.faults.ioErrorChance = 0
        },
        true,
      ),
    ],
    restore: async () => {},
  }
}

function paused(nodes: Nodes): Done {
  for (const node of nodes) node.pause()
  return {
    what: 'SIGSTOP',
    nodes: idsOf(nodes),
    seen: stateOf(nodes),
    takeBack: async () => {
      // Somebody else may have killed it meanwhile.
      const same = nodes.filter((node) => node.resume())
      return same.length === 0 ? undefined : { what: 'SIGCONT', nodes: idsOf(same), seen: stateOf(same) }
    },
  }
}

/** Those of them that do not run. */
async function started(nodes: Nodes): Promise<Told | undefined> {
  const down = nodes.filter(({ isRunning }) => !isRunning)
  if (down.length === 0) return undefined
  await Promise.all(down.map((node) => node.start()))
  return { what: 'started again', nodes: idsOf(down), seen: stateOf(down) }
}

function fault(
  name: string,
  target: Target,
  strike: (nodes: Nodes, context: FaultContext) => Promise<Done | undefined>,
): Fault {
  let takeBack: Done['takeBack'] = async () => undefined
  return {
    name,
    backend: BACKEND,
    begin: async (context) => {
      const found = await context.find(target)
      const nodes = (found ?? []).filter((node) => node instanceof SimulatedBedNode)
      if (nodes.length === 0) return undefined
      // Of one that fails half-way, what it has ended is to run again.
      takeBack = () => started(nodes)
      const done = await strike(nodes, context)
      if (done === undefined) return undefined
      const { takeBack: own, ...told } = done
      takeBack = own
      return told
    },
    end: async () => {
      const told = await takeBack()
      takeBack = async () => undefined
      return told
    },
  }
}

function hostOf({ simulated }: SimulatedBedNode): string {
  return simulated.host
}

function idsOf(nodes: Nodes): number[] {
  return nodes.map(({ id }) => id)
}

function stateOf(nodes: Nodes): string {
  return nodes
    .map(({ id, simulated: { machine } }) => {
      if (machine.process?.alive !== true) return `node ${id}: its process is gone`
      return `node ${id}: its process ${machine.process.suspended ? 'is stopped' : 'runs'}, turn ${machine.process.turns}`
    })
    .join('; ')
}
