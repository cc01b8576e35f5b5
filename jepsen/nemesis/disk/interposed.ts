/**
 * A library between a node and its disk, compiled from `interposed.c` by the machine's C compiler and loaded by LD_PRELOAD: works for lograft and for a JVM, needs no root. It makes writes
 * and flushes fail or wait, and remembers what a loss of power would undo, which a kill alone never shows: the kernel keeps what was written.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Surroundings } from '../../beds/bed.js'
import { ROOT } from '../../beds/installed.js'
import type { Backend } from '../fault.js'
import { DiskControl } from './control.js'
import { type InterposedDisks, interposedFaults } from './interposed-faults.js'
import { ownDirectory, removeOwn } from './leftovers.js'

const SOURCE = join(ROOT, 'jepsen', 'nemesis', 'disk', 'interposed.c')
const COMPILERS = ['cc', 'gcc', 'clang'] as const
const FLAGS = ['-O2', '-shared', '-fPIC', '-fvisibility=hidden']
const COMPILE_LIMIT_MS = 120_000

export function interposedBackend(): Backend {
  const disks: InterposedDisks = new Map()
  let directory: string | undefined
  return {
    name: 'interposed library',
    probe: async () => missingForInterposed(),
    prepare: async (nodes: readonly number[], surroundings: Map<number, Surroundings>) => {
      directory = ownDirectory()
      const library = await compileInterposed(directory)
      for (const id of nodes) {
        const before = surroundings.get(id)!
        const data = resolve(before.dataPath)
        const places = { data, journal: join(directory, `journal-${id}`), kept: `${data}.kept` }
        mkdirSync(places.kept, { recursive: true })
        const control = new DiskControl(join(directory, `control-${id}`))
        disks.set(id, { places, control })
        surroundings.set(id, {
          ...before,
          environment: {
            ...before.environment,
            ...interposedEnvironment(library, places, control, before.environment),
          },
        })
      }
    },
    faults: interposedFaults(disks),
    restore: async () => {
      for (const { places } of disks.values()) rmSync(places.kept, { recursive: true, force: true })
      disks.clear()
      if (directory !== undefined) removeOwn(directory)
      directory = undefined
    },
  }
}

/** What this machine lacks to make it. */
export function missingForInterposed(): string | undefined {
  if (process.platform !== 'linux') return 'it is for Linux'
  if (!existsSync(SOURCE)) return 'its source is not there: it is part of a clone, not of the package'
  return compiler() === undefined ? `no C compiler: none of ${COMPILERS.join(', ')}` : undefined
}

/** The path of the library. */
export async function compileInterposed(directory: string): Promise<string> {
  const library = join(directory, 'interposed.so')
  await promisify(execFile)(compiler()!, [...FLAGS, '-o', library, SOURCE, '-lpthread'], { timeout: COMPILE_LIMIT_MS })
  return library
}

export function interposedEnvironment(
  library: string,
  places: { readonly data: string; readonly journal: string; readonly kept: string },
  control: DiskControl,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  writeFileSync(places.journal, '')
  return {
    LD_PRELOAD: [library, before['LD_PRELOAD']].filter((each) => each !== undefined).join(' '),
    // Rings of the kernel pass by any library.
    UV_USE_IO_URING: '0',
    LOGRAFT_DISK_DATA: places.data,
    LOGRAFT_DISK_CONTROL: control.path,
    LOGRAFT_DISK_JOURNAL: places.journal,
    LOGRAFT_DISK_KEPT: places.kept,
  }
}

function compiler(): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter)
  return COMPILERS.find((name) => directories.some((each) => isExecutable(join(each, name))))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
