/** What can be done to processes with signals alone: killed, paused, stopped in order, started again, once or again and again. */
import type { Prng } from '../../src/base/prng.js'
import type { BedNode, BedTime } from '../beds/bed.js'
import { RealTime, until } from '../beds/time.js'
import { ALL_TARGETS, type Backend, type Fault, type FaultContext, type Target, type Told } from './fault.js'
import { connectionTo, groupStates, processState, showsProcesses } from './process-state.js'

const BACKEND = 'signals'
/** For what a signal does to show. */
const SHOWS_LIMIT_MS = 10_000
const LISTENS_LIMIT_MS = 30_000
const STORM_PAUSE_MS = 1_500
const time: BedTime = new RealTime()

const ORDERLY: readonly Target[] = ['one', 'leader', 'controller', 'coordinator']

export function processesBackend(): Backend {
  return {
    name: BACKEND,
    probe: async () => (showsProcesses() ? undefined : 'there is no /proc, where a pause would show'),
    prepare: async () => {},
    faults: [
      ...ALL_TARGETS.map((target) => new Ended('kill', 'SIGKILL', target)),
      ...ALL_TARGETS.map((target) => new Paused(target)),
      ...ORDERLY.map((target) => new Ended('bounce', 'SIGTERM', target)),
      new RollingRestart(),
      new RestartStorm(),
    ],
    restore: async () => {},
  }
}

/** Ended by a signal, and started again when the fault ends. */
class Ended implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #signal: 'SIGKILL' | 'SIGTERM'
  readonly #target: Target
  #ended: readonly BedNode[] = []

  constructor(verb: string, signal: 'SIGKILL' | 'SIGTERM', target: Target) {
    this.name = `${verb} ${target}`
    this.#signal = signal
    this.#target = target
  }

  async begin({ find }: FaultContext): Promise<Told | undefined> {
    const nodes = await find(this.#target)
    if (nodes === undefined) return undefined
    this.#ended = nodes
    const seen = await Promise.all(nodes.map((node) => endNode(node, this.#signal)))
    return { what: `${this.#signal} to ${this.#target}`, nodes: ids(nodes), seen: seen.join('; ') }
  }

  async end(): Promise<Told | undefined> {
    const told = await startAgain(this.#ended)
    this.#ended = []
    return told
  }
}

class Paused implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #target: Target
  #paused: { readonly node: BedNode; readonly pid: number }[] = []

  constructor(target: Target) {
    this.name = `pause ${target}`
    this.#target = target
  }

  async begin({ find }: FaultContext): Promise<Told | undefined> {
    const nodes = await find(this.#target)
    if (nodes === undefined) return undefined
    this.#paused = nodes.flatMap((node) => (node.pid === undefined ? [] : [{ node, pid: node.pid }]))
    const seen = await Promise.all(this.#paused.map(({ node, pid }) => signalled(node, pid, 'SIGSTOP')))
    return { what: `SIGSTOP to ${this.#target}`, nodes: ids(nodes), seen: seen.join('; ') }
  }

  async end(): Promise<Told | undefined> {
    // Somebody else may have killed it meanwhile.
    const those = this.#paused.filter(({ node, pid }) => node.pid === pid)
    const seen = await Promise.all(those.map(({ node, pid }) => signalled(node, pid, 'SIGCONT')))
    this.#paused = []
    if (those.length === 0) return undefined
    return { what: 'SIGCONT', nodes: those.map(({ node }) => node.id), seen: seen.join('; ') }
  }
}

/** One after the other, as an operator does it. */
class RollingRestart implements Fault {
  readonly name = 'rolling restart'
  readonly backend = BACKEND
  #ended: BedNode | undefined

  async begin({ find }: FaultContext): Promise<Told | undefined> {
    const nodes = await find('all')
    if (nodes === undefined) return undefined
    const seen: string[] = []
    for (const node of nodes) {
      this.#ended = node
      seen.push(await endNode(node, 'SIGTERM'), await startNode(node))
      await listens(node)
      this.#ended = undefined
    }
    return { what: 'SIGTERM to each, and started again before the next', nodes: ids(nodes), seen: seen.join('; ') }
  }

  async end(): Promise<Told | undefined> {
    const told = await startAgain(this.#ended === undefined ? [] : [this.#ended])
    this.#ended = undefined
    return told
  }
}

/** One node is killed and started at once, again and again: also while it recovers. */
class RestartStorm implements Fault {
  readonly name = 'restart storm'
  readonly backend = BACKEND
  #struck: BedNode | undefined
  #storm: { readonly stop: AbortController; readonly over: Promise<string> } | undefined

  async begin({ find, random }: FaultContext): Promise<Told | undefined> {
    const [node] = (await find('one')) ?? []
    if (node === undefined) return undefined
    this.#struck = node
    this.#storm = undefined
    const seen = [await endNode(node, 'SIGKILL'), await startNode(node)]
    const stop = new AbortController()
    this.#storm = { stop, over: storm(node, random.fork('storm'), stop.signal) }
    return { what: 'SIGKILL and a start, again and again', nodes: [node.id], seen: seen.join('; ') }
  }

  async end(): Promise<Told | undefined> {
    const node = this.#struck
    if (node === undefined) return undefined
    this.#storm?.stop.abort()
    const what = (await this.#storm?.over) ?? 'it had not begun'
    const seen = node.isRunning ? describe(node) : await startNode(node)
    this.#struck = undefined
    return { what, nodes: [node.id], seen }
  }
}

/** Says how it came to its end, which is heard when the fault ends; never rejects. */
async function storm(node: BedNode, random: Prng, signal: AbortSignal): Promise<string> {
  for (let kills = 1; ; kills++) {
    await time.wait(random.below(STORM_PAUSE_MS))
    if (signal.aborted) return `left alone after ${kills} kills`
    try {
      await node.end('SIGKILL')
      await node.start()
    } catch (error) {
      return `it could not go on after ${kills} kills: ${(error as Error).message}`
    }
  }
}

export async function endNode(node: BedNode, signal: 'SIGKILL' | 'SIGTERM'): Promise<string> {
  const { pid } = node
  await node.end(signal)
  const left = pid === undefined ? undefined : processState(pid)
  if (left !== undefined && left.state !== 'Z') throw new Error(`node ${node.id} is still there: ${left.state}`)
  return `node ${node.id}: process ${pid} is gone, a connection is ${await connectionTo(node.address)}`
}

export async function startNode(node: BedNode): Promise<string> {
  await node.start()
  return describe(node)
}

/** Those of them that do not run; undefined: all do. Who calls it forgets them when it has succeeded: it may be called again where it has not. */
export async function startAgain(nodes: readonly BedNode[]): Promise<Told | undefined> {
  const down = nodes.filter(({ isRunning }) => !isRunning)
  if (down.length === 0) return undefined
  const seen = await Promise.all(down.map(startNode))
  return { what: 'started again', nodes: ids(down), seen: seen.join('; ') }
}

function describe({ id, pid }: BedNode): string {
  return `node ${id}: process ${pid} is there`
}

/** It may wait for others before it does. */
async function listens(node: BedNode): Promise<void> {
  const asked = async (): Promise<true | undefined> =>
    (await connectionTo(node.address)) === 'accepted' ? true : undefined
  await until(time, LISTENS_LIMIT_MS, `node ${node.id} at ${node.address}`, asked).catch(() => {})
}

async function signalled(node: BedNode, pid: number, signal: 'SIGSTOP' | 'SIGCONT'): Promise<string> {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  const isStopped = signal === 'SIGSTOP'
  const states = await until(time, SHOWS_LIMIT_MS, `${signal} at node ${node.id}`, async () => {
    const found = groupStates(pid)
    return found.every(({ state }) => (state === 'T') === isStopped) ? found : undefined
  })
  if (states.length === 0) return `node ${node.id}: its process has gone meanwhile`
  return `node ${node.id}: ${states.map((each) => `process ${each.pid} is in state ${each.state}`).join(', ')}`
}

export function ids(nodes: readonly BedNode[]): number[] {
  return nodes.map(({ id }) => id)
}
