/** Faults of disks that the interposed library makes: errors and delays, counted where they happen, and losses of power. */
import { relative } from 'node:path'
import type { Prng } from '../../../src/base/prng.js'
import type { BedNode } from '../../beds/bed.js'
import { until } from '../../beds/time.js'
import type { Fault, FaultContext, Target, Told } from '../fault.js'
import { endNode, ids, startAgain } from '../processes.js'
import { ALWAYS, type DiskControl, type DiskCounts, WRITE_ERRORS } from './control.js'
import type { LossOptions } from './power-loss.js'
import { type LossPlaces, type Lost, loseUnsynced } from './roll-back.js'
import { comfort, trouble } from './troubled.js'

const BACKEND = 'interposed library'
/** Until an error or a delay shows: a cluster that is used flushes and writes all the time. */
const SHOWS_LIMIT_MS = 15_000
const SLOW_MS = { least: 50, most: 1_000 } as const
const MOST_TOLD = 4

export interface InterposedDisk {
  readonly places: LossPlaces
  readonly control: DiskControl
}

/** By node. */
export type InterposedDisks = Map<number, InterposedDisk>

const TARGETS: readonly Target[] = ['one', 'minority', 'majority', 'all', 'leader', 'controller', 'replicas but one']
const TROUBLED: readonly Target[] = ['one', 'leader']

export function interposedFaults(disks: InterposedDisks): readonly Fault[] {
  return [
    ...TARGETS.flatMap((target) => [
      new PowerLost(disks, target, `lose power of ${target}`, () => ({ names: 'strict' })),
      // As real file systems do more than they promise, and programs count on it.
      new PowerLost(disks, target, `lose power of ${target} journalled`, () => ({ names: 'journalled' })),
      new PowerLost(disks, target, `torn writes of ${target}`, (random) => ({
        names: 'strict',
        survive: (unsynced) => tornAt(unsynced, random),
      })),
    ]),
    ...TROUBLED.flatMap((target) => {
      const of = target === 'one' ? '' : ` of ${target}`
      return [
        new Troubled(disks, target, `failed flushes${of}`, 'flushesToFail', () => ALWAYS, 'failedFlushes'),
        new Troubled(disks, target, `one failed flush${of}`, 'flushesToFail', () => 1, 'failedFlushes'),
        new Troubled(disks, target, `disk errors${of}`, 'writeError', () => WRITE_ERRORS.EIO, 'failedWrites'),
        new Troubled(disks, target, `full disk${of}`, 'writeError', () => WRITE_ERRORS.ENOSPC, 'failedWrites'),
        new Troubled(disks, target, `slow flushes${of}`, 'flushDelayMs', slowMs, 'slowedFlushes'),
      ]
    }),
  ]
}

function slowMs(random: Prng): number {
  return random.between(SLOW_MS.least, SLOW_MS.most)
}

/** The first writes survive, and of the next a part: what was on its way to the disk. */
function tornAt(unsynced: readonly number[], random: Prng): { writes: number; bytesOfNext: number } {
  const writes = random.below(unsynced.length + 1)
  const next = unsynced[writes] ?? 0
  return { writes, bytesOfNext: next < 2 ? 0 : random.between(1, next - 1) }
}

/** A process is killed and what no flush covered is undone, before it starts again. */
class PowerLost implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #disks: InterposedDisks
  readonly #target: Target
  readonly #options: (random: Prng) => LossOptions
  #ended: readonly BedNode[] = []

  constructor(disks: InterposedDisks, target: Target, name: string, options: (random: Prng) => LossOptions) {
    this.#disks = disks
    this.#target = target
    this.name = name
    this.#options = options
  }

  async begin({ find, random }: FaultContext): Promise<Told | undefined> {
    const nodes = await find(this.#target)
    if (nodes === undefined) return undefined
    for (const node of nodes) checkJournal(node, diskOf(this.#disks, node))
    this.#ended = nodes
    const gone = await Promise.all(nodes.map((node) => endNode(node, 'SIGKILL')))
    const seen = nodes.map((node, index) => {
      const { places } = diskOf(this.#disks, node)
      return `${gone[index]}; ${described(loseUnsynced(places, this.#options(random)), places)}`
    })
    return { what: 'SIGKILL, and what was not flushed is lost', nodes: ids(nodes), seen: seen.join('; ') }
  }

  async end(): Promise<Told | undefined> {
    const told = await startAgain(this.#ended)
    this.#ended = []
    return told
  }
}

/** Its flushes or writes fail or wait for as long as this is on. */
class Troubled implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #disks: InterposedDisks
  readonly #target: Target
  readonly #setting: 'flushesToFail' | 'writeError' | 'flushDelayMs'
  readonly #value: (random: Prng) => number
  readonly #count: keyof DiskCounts
  #troubled: readonly BedNode[] = []
  #before = new Map<number, number>()

  constructor(
    disks: InterposedDisks,
    target: Target,
    name: string,
    setting: 'flushesToFail' | 'writeError' | 'flushDelayMs',
    value: (random: Prng) => number,
    count: keyof DiskCounts,
  ) {
    this.#disks = disks
    this.#target = target
    this.name = name
    this.#setting = setting
    this.#value = value
    this.#count = count
  }

  async begin(context: FaultContext): Promise<Told | undefined> {
    const { bed, find, random } = context
    const nodes = await find(this.#target)
    if (nodes === undefined) return undefined
    for (const node of nodes) checkLoaded(node, diskOf(this.#disks, node))
    this.#troubled = nodes
    trouble(nodes, this)
    const value = this.#value(random)
    this.#before = new Map(nodes.map((node) => [node.id, this.#counted(node)]))
    for (const node of nodes) diskOf(this.#disks, node).control.set(this.#setting, value)
    const asked = this.#asked()
    try {
      await until(bed.time, SHOWS_LIMIT_MS, `${this.name} at ${ids(nodes)}`, async () => {
        return nodes.every((node) => this.#counted(node) > this.#before.get(node.id)!) ? true : undefined
      })
    } catch (error) {
      // One that stands still, or was killed meanwhile, has nothing that could fail or wait.
      if (this.#asked() > asked) throw error
      await this.#heal(context)
      return undefined
    }
    return { what: `${this.#setting}=${value}`, nodes: ids(nodes), seen: this.#seen() }
  }

  async end(context: FaultContext): Promise<Told | undefined> {
    return this.#troubled.length === 0 ? undefined : this.#heal(context)
  }

  async #heal(context: FaultContext): Promise<Told> {
    for (const node of this.#troubled) diskOf(this.#disks, node).control.set(this.#setting, 0)
    const told = await comfort(this.#troubled, this, context, `${this.#setting}=0`, this.#seen())
    this.#troubled = []
    return told
  }

  /** How often one of them wanted what fails or waits. */
  #asked(): number {
    return this.#troubled
      .map((node) => diskOf(this.#disks, node).control.counts())
      .reduce((sum, counts) => {
        return sum + (this.#setting === 'writeError' ? counts.writes : counts.flushes) + counts[this.#count]
      }, 0)
  }

  #counted(node: BedNode): number {
    return diskOf(this.#disks, node).control.counts()[this.#count]
  }

  #seen(): string {
    return this.#troubled
      .map((node) => `node ${node.id}: ${this.#count} ${this.#counted(node) - this.#before.get(node.id)!}`)
      .join('; ')
  }
}

function diskOf(disks: InterposedDisks, node: BedNode): InterposedDisk {
  const disk = disks.get(node.id)
  if (disk === undefined) throw new Error(`node ${node.id} was started without the library`)
  return disk
}

function checkLoaded({ id }: BedNode, { control }: InterposedDisk): void {
  if (control.counts().attached === 0) throw new Error(`node ${id} has not loaded the library`)
}

/** What would be undone must be known as a whole. */
function checkJournal(node: BedNode, disk: InterposedDisk): void {
  checkLoaded(node, disk)
  const { troubles } = disk.control.counts()
  if (troubles > 0) throw new Error(`node ${node.id}: ${troubles} writes or names are not in its journal`)
}

function described({ files, bytes, names }: Lost, { data }: LossPlaces): string {
  if (bytes === 0 && names.length === 0) return 'nothing was unflushed'
  const most = files.toSorted((a, b) => b.lostBytes - a.lostBytes)
  const parts = most.map(({ path, lostBytes, intact }) => `${relative(data, path)} ${lostBytes} behind ${intact}`)
  const changed = names.map((path) => relative(data, path))
  return `lost are ${bytes} bytes${some(parts)} and ${names.length} changes of names${some(changed)}`
}

function some(told: readonly string[]): string {
  if (told.length === 0) return ''
  return ` (${told.slice(0, MOST_TOLD).join(', ')}${told.length > MOST_TOLD ? ', ...' : ''})`
}
