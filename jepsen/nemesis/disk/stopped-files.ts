/** Files of a node are damaged while it is down, and it starts with them: a torn tail, flipped bits. A disk that is lost as a whole is `replace disk` of the admin protocol. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../../src/base/prng.js'
import type { BedNode } from '../../beds/bed.js'
import type { Backend, Fault, FaultContext, Told } from '../fault.js'
import { endNode, startNode } from '../processes.js'
import { type OfRun, type PlacedPartition, shuffled, Targets } from '../targets.js'
import { drawFlips, partitionName, segmentsOf, sparePartitions, tornBytes } from './damage.js'

const BACKEND = 'files of a stopped node'
const MOST_FILES = 3
const MOST_FLIPS = 4
const MOST_TORN_BYTES = 4096
/** Of a segment, to be repeated behind its end: a batch, most likely. */
const BEGINNING_BYTES = 4096

export function stoppedFilesBackend(ofRun: OfRun): Backend {
  return {
    name: BACKEND,
    probe: async () => undefined,
    prepare: async () => {},
    faults: [
      new Damage('torn tail', ofRun, { needsSpare: false, hurt: (paths, random) => [tearTail(paths.at(-1)!, random)] }),
      new Damage('flip bits', ofRun, {
        needsSpare: true,
        hurt: (paths, random) => flipBits(random.pick(paths), random),
      }),
    ],
    restore: async () => {},
  }
}

interface Way {
  /** Whether something is lost that other replicas must have. */
  readonly needsSpare: boolean
  /** Damages one of the segments, which are in order; sentences of what is seen in it now. */
  readonly hurt: (segments: readonly string[], random: Prng) => readonly string[]
}

class Damage implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #ofRun: OfRun
  readonly #way: Way
  /** Never forgotten: that a replica was mended is not told. */
  readonly #damaged = new Map<string, Set<number>>()
  #node: BedNode | undefined

  constructor(name: string, ofRun: OfRun, way: Way) {
    this.name = name
    this.#ofRun = ofRun
    this.#way = way
  }

  async begin({ bed, random, find }: FaultContext): Promise<Told | undefined> {
    const nodes = shuffled((await find('all')) ?? [], random)
    const all = await new Targets(bed, this.#ofRun, random).partitions()
    const found = nodes
      .map((node) => ({ node, chosen: shuffled(this.#partitionsAt(node, all), random) }))
      .find(({ chosen }) => chosen.length > 0)
    if (found === undefined) return undefined
    const { node, chosen } = found
    this.#node = node
    const gone = await endNode(node, 'SIGKILL')
    const seen = chosen.slice(0, random.between(1, MOST_FILES)).flatMap((each) => {
      const segments = filled(node, each)
      if (segments.length === 0) return []
      const name = partitionName(each)
      this.#damaged.set(name, (this.#damaged.get(name) ?? new Set()).add(node.id))
      return this.#way.hurt(segments, random)
    })
    if (seen.length === 0) throw new Error(`node ${node.id} has no segments any more`)
    return { what: `SIGKILL, and ${this.name}`, nodes: [node.id], seen: [gone, ...seen].join('; ') }
  }

  #partitionsAt(node: BedNode, all: readonly PlacedPartition[]): readonly PlacedPartition[] {
    const here = all.filter(({ replicas }) => replicas.includes(node.id))
    const may = this.#way.needsSpare ? sparePartitions(here, node.id, this.#damaged) : here
    return may.filter((each) => filled(node, each).length > 0)
  }

  async end(): Promise<Told | undefined> {
    const node = this.#node
    if (node === undefined) return undefined
    if (node.isRunning) {
      this.#node = undefined
      return undefined
    }
    const seen = await startNode(node)
    this.#node = undefined
    return { what: 'started with that', nodes: [node.id], seen }
  }
}

/** Paths of segments with something in them. */
function filled({ dataPath }: BedNode, partition: PlacedPartition): readonly string[] {
  const directory = join(dataPath, partitionName(partition))
  if (!existsSync(directory)) return []
  return segmentsOf(readdirSync(directory))
    .map((name) => join(directory, name))
    .filter((path) => opened(path, 'r', (file) => fstatSync(file).size > 0))
}

function tearTail(path: string, random: Prng): string {
  return opened(path, 'r+', (file) => {
    const { size } = fstatSync(file)
    const beginning = Buffer.alloc(Math.min(size, BEGINNING_BYTES))
    readSync(file, beginning, 0, beginning.length, 0)
    const bytes = tornBytes(beginning, random, MOST_TORN_BYTES)
    writeSync(file, bytes, 0, bytes.length, size)
    return `${path} has ${fstatSync(file).size - size} bytes behind its end at ${size}`
  })
}

function flipBits(path: string, random: Prng): readonly string[] {
  return opened(path, 'r+', (file) =>
    drawFlips(fstatSync(file).size, random, MOST_FLIPS).map(({ at, bit }) => {
      const byte = Buffer.alloc(1)
      readSync(file, byte, 0, 1, at)
      const before = byte[0]!
      byte[0] = before ^ (1 << bit)
      writeSync(file, byte, 0, 1, at)
      readSync(file, byte, 0, 1, at)
      return `${path} has ${byte[0]} at ${at} instead of ${before}`
    }),
  )
}

function opened<T>(path: string, flags: 'r' | 'r+', act: (file: number) => T): T {
  const file = openSync(path, flags)
  try {
    return act(file)
  } finally {
    closeSync(file)
  }
}
