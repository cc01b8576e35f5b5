/** Each node's data on a file system of its own, which a file fills: ext4 in a file where that can be mounted, else memory with a limit. Needs root. */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { BedNode, Surroundings } from '../../beds/bed.js'
import type { Backend, Fault, FaultContext, Told } from '../fault.js'
import { ids } from '../processes.js'
import { ownDirectory, removeOwn } from './leftovers.js'
import { comfort, trouble } from './troubled.js'

const BACKEND = 'small file system'
/** In a file with holes: only what is written takes room. */
const EXT4_BYTES = 2 * 2 ** 30
const MEMORY_BYTES = 512 * 2 ** 20
const COMMAND_LIMIT_MS = 60_000
const BALLAST = 'ballast'
const SMALLEST_BALLAST_BYTES = 4096
const PROBED_BYTES = 64 * 2 ** 20

type Kind = 'ext4' | 'tmpfs'

export function smallFileSystemBackend(): Backend {
  let directory: string | undefined
  let kind: Kind = 'tmpfs'
  return {
    name: BACKEND,
    probe: async () => {
      if (process.platform !== 'linux') return 'it is for Linux'
      if (process.getuid?.() !== 0) return 'only root mounts file systems'
      const own = ownDirectory()
      const reasons: string[] = []
      try {
        for (const each of ['ext4', 'tmpfs'] as const) {
          const why = attempt(() => mount(each, join(own, each), PROBED_BYTES))
          if (why === undefined) {
            kind = each
            return undefined
          }
          reasons.push(`${each}: ${why}`)
        }
      } finally {
        removeOwn(own)
      }
      return reasons.join('; ')
    },
    prepare: async (nodes: readonly number[], surroundings: Map<number, Surroundings>) => {
      directory = ownDirectory()
      for (const id of nodes) {
        const at = join(directory, `node-${id}`)
        mount(kind, at, kind === 'ext4' ? EXT4_BYTES : MEMORY_BYTES)
        surroundings.set(id, { ...surroundings.get(id)!, dataPath: join(at, 'data') })
      }
    },
    faults: [new DiskFull('one'), new DiskFull('leader')],
    restore: async () => {
      if (directory !== undefined) removeOwn(directory)
      directory = undefined
    },
  }
}

class DiskFull implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #target: 'one' | 'leader'
  #full: readonly BedNode[] = []

  constructor(target: 'one' | 'leader') {
    this.#target = target
    this.name = target === 'one' ? 'full disk' : `full disk of ${target}`
  }

  async begin({ find }: FaultContext): Promise<Told | undefined> {
    const nodes = await find(this.#target)
    if (nodes === undefined) return undefined
    this.#full = nodes
    trouble(nodes, this)
    const seen = nodes.map((node) => {
      const bytes = fill(dirname(node.dataPath))
      return `node ${node.id}: ${bytes} bytes filled its disk, one more is refused: ${refusal(dirname(node.dataPath))}`
    })
    return { what: 'its disk is full', nodes: ids(nodes), seen: seen.join('; ') }
  }

  async end(context: FaultContext): Promise<Told | undefined> {
    const nodes = this.#full
    if (nodes.length === 0) return undefined
    for (const node of nodes) rmSync(join(dirname(node.dataPath), BALLAST), { force: true })
    const free = nodes.map((node) => `node ${node.id}: ${freeBytes(dirname(node.dataPath))} bytes are free`)
    const told = await comfort(nodes, this, context, 'its disk has room again', free.join('; '))
    this.#full = []
    return told
  }
}

/** Bytes that a file took until there was no room. */
function fill(directory: string): number {
  const path = join(directory, BALLAST)
  const before = freeBytes(directory)
  const file = openSync(path, 'a')
  try {
    // As much as possible at once, without writing, where the tool is there; what is left by writing.
    spawnSync('fallocate', ['-l', String(before), path], { timeout: COMMAND_LIMIT_MS })
    for (let size = 2 ** 20; size >= SMALLEST_BALLAST_BYTES; ) {
      try {
        writeSync(file, Buffer.alloc(size, 1))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        size /= 4
      }
    }
  } finally {
    closeSync(file)
  }
  return before - freeBytes(directory)
}

/** What is said to a new file. Throws where it is taken. */
function refusal(directory: string): string {
  const path = join(directory, 'one-more')
  try {
    writeFileSync(path, Buffer.alloc(2 * SMALLEST_BALLAST_BYTES, 1))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC') return code
    throw error
  } finally {
    if (existsSync(path)) unlinkSync(path)
  }
  throw new Error(`${directory} is not full: a file was written`)
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** Throws with what the command said. */
function mount(kind: Kind, at: string, bytes: number): void {
  mkdirSync(at, { recursive: true })
  if (kind === 'tmpfs') return command('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'lograft', at)
  const image = `${at}.image`
  writeFileSync(image, '')
  truncateSync(image, bytes)
  // Its tables are made when they are needed; nothing is kept back for root.
  command('mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1', image)
  command('mount', '-o', 'loop', image, at)
}

function command(name: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8', timeout: COMMAND_LIMIT_MS })
  if (status !== 0) throw new Error(`${name}: ${error?.message ?? stderr.trim()}`)
}

function attempt(act: () => void): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
