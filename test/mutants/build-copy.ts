/**
 * A copy of what is compiled, in a temporary folder, into which a mutant is put and out of which it is taken again. Only the files that it changes are compiled
 * anew, without a look at their types: a mutant is looked at with `typeErrors` when it is written. The copy's node_modules are those of the clone.
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clone: two folders above `dist/test/mutants`, and one for `dist`. */
export const CLONE = fileURLToPath(new URL('../../../', import.meta.url))
/** Mutants that are tried at the same time, each in a copy of its own. */
const LANES = 2
const COMPILER = join(CLONE, 'node_modules', 'typescript', 'bin', 'tsc')
/** A mutant may leave something unused behind. */
const LENIENT = { noUnusedLocals: false, noUnusedParameters: false, incremental: false, declaration: false }
const WITHOUT_TYPES = { noCheck: true, noResolve: true, types: [] }
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
/** A mutant that says this is no bug that could have been written. */
const NONSENSE = /\b(?:ReferenceError|SyntaxError): .*/

export interface Replacement {
  readonly file: string
  /** Stands in the file once. */
  readonly from: string
  readonly to: string
}

export interface Patch extends Replacement {
  /** Where a bug is in more than one place. */
  readonly also?: readonly Replacement[]
}

export interface Ran {
  readonly status: number | null
  readonly output: string
}

/** Runs node in a folder. */
export function run(folder: string, args: readonly string[], longestMs: number): Promise<Ran> {
  const limits = { timeout: longestMs, maxBuffer: MAX_OUTPUT_BYTES }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, encoding: 'utf8', ...limits }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : statusOf(error), output: stdout + stderr }),
    )
  })
}

function statusOf({ code }: ExecFileException): number | null {
  return typeof code === 'number' ? code : null
}

export class BuildCopy {
  readonly folder: string
  readonly #longestMs: number

  /** `kept`: a folder that is not there yet, and stays; it gets nodes and the suite with clients and faults, and no tests. */
  constructor(longestMs: number, kept?: string) {
    this.#longestMs = longestMs
    this.folder = kept ?? mkdtempSync(join(tmpdir(), 'lograft-mutants-'))
    if (kept === undefined) process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }))
    const parts = ['src', 'jepsen', ...(kept === undefined ? ['test'] : [])]
    for (const name of [...parts.map((part) => join('dist', part)), 'package.json']) {
      cpSync(join(CLONE, name), join(this.folder, name), {
        recursive: true,
        filter: (path) => !/\.(?:d\.ts|map)$/.test(path),
      })
    }
    symlinkSync(join(CLONE, 'node_modules'), join(this.folder, 'node_modules'))
  }

  /** Throws if what it says shows that the mutant is nonsense. */
  async run(args: readonly string[]): Promise<Ran> {
    const ran = await run(this.folder, args, this.#longestMs)
    const nonsense = NONSENSE.exec(ran.output)
    if (nonsense !== null) throw new Error(`it is no bug but nonsense: ${nonsense[0]}`)
    return ran
  }

  /** For good. Throws if the mutant does not apply. */
  async put(patch: Patch): Promise<void> {
    await this.#compile(patched(patch))
  }

  /** Throws if the mutant does not apply. */
  async with<T>(patch: Patch, action: () => T | Promise<T>): Promise<T> {
    const changed = patched(patch)
    try {
      await this.#compile(changed)
      return await action()
    } finally {
      for (const file of changed.keys())
        cpSync(join(CLONE, 'dist', compiled(file)), join(this.folder, 'dist', compiled(file)))
    }
  }

  /** What the compiler says of the mutant; undefined: nothing. */
  async typeErrors(patch: Patch): Promise<string | undefined> {
    const folder = join(this.folder, 'sources')
    const compilerOptions = { ...optionsOf(), ...LENIENT, noEmit: true }
    // The command line has commands of the suite with real processes.
    for (const part of ['src', 'jepsen']) cpSync(join(CLONE, part), join(folder, part), { recursive: true })
    cpSync(join(CLONE, 'package.json'), join(folder, 'package.json'))
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
    for (const [file, text] of patched(patch)) writeFileSync(join(folder, file), text)
    const { status, output } = await run(folder, [COMPILER, '-p', folder], this.#longestMs)
    return status === 0 ? undefined : output.slice(0, 1000)
  }

  async #compile(changed: ReadonlyMap<string, string>): Promise<void> {
    const scratch = join(this.folder, 'mutant')
    rmSync(scratch, { recursive: true, force: true })
    for (const [file, text] of changed) {
      mkdirSync(dirname(join(scratch, file)), { recursive: true })
      writeFileSync(join(scratch, file), text)
    }
    const where = { rootDir: scratch, outDir: join(this.folder, 'dist'), tsBuildInfoFile: undefined, sourceMap: false }
    const compilerOptions = { ...optionsOf(), ...LENIENT, ...WITHOUT_TYPES, ...where }
    cpSync(join(CLONE, 'package.json'), join(scratch, 'package.json'))
    writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [...changed.keys()] }))
    const { status, output } = await run(scratch, [COMPILER, '-p', scratch], this.#longestMs)
    if (status !== 0) throw new Error(`it does not compile:\n${output}`)
  }
}

/** Tries them all, as many at a time as there are lanes, and each in the copy of its lane. */
export async function inLanes<T>(
  all: readonly T[],
  longestMs: number,
  action: (each: T, copy: BuildCopy) => Promise<void>,
): Promise<void> {
  const copies = Array.from({ length: Math.min(LANES, all.length) }, () => new BuildCopy(longestMs))
  await atOnce(all, (each, lane) => action(each, copies[lane]!))
}

/** In order, as far as that goes. */
export async function atOnce<T>(all: readonly T[], action: (each: T, lane: number) => Promise<void>): Promise<void> {
  const left = [...all]
  const work = async (lane: number): Promise<void> => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await action(each, lane)
  }
  await Promise.all(Array.from({ length: Math.min(LANES, all.length) }, (_, lane) => work(lane)))
}

function optionsOf(): object {
  const { compilerOptions } = JSON.parse(readFileSync(join(CLONE, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: object
  }
  return { ...compilerOptions, tsBuildInfoFile: undefined }
}

/** The files that it changes, as they are with it. */
function patched({ also = [], ...first }: Patch): ReadonlyMap<string, string> {
  const changed = new Map<string, string>()
  for (const { file, from, to } of [first, ...also]) {
    const parts = (changed.get(file) ?? readFileSync(join(CLONE, file), 'utf8')).split(from)
    if (parts.length !== 2) throw new Error(`${file} has "${from}" ${parts.length - 1} times`)
    changed.set(file, parts.join(to))
  }
  return changed
}

function compiled(file: string): string {
  return file.replace(/\.ts$/, '.js')
}
