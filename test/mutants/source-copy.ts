/**
 * A copy of the sources in a temporary folder, into which a mutant is put and out of which it is taken again. Its node_modules are those of the clone.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clone: two folders above `dist/test/mutants`, and one for `dist`. */
export const CLONE = fileURLToPath(new URL('../../../', import.meta.url))
/** A mutant may leave something unused behind. */
const LENIENT = { noUnusedLocals: false, noUnusedParameters: false }

export interface Replacement {
  readonly file: string
  /** Stands in the file once. */
  readonly from: string
  readonly to: string
}

export class SourceCopy {
  readonly folder = mkdtempSync(join(tmpdir(), 'lograft-mutants-'))
  readonly #longestMs: number

  /** `entries`: what is compiled, with all that it needs; without it, everything in `folders`. */
  constructor(folders: readonly string[], longestMs: number, entries?: readonly string[]) {
    this.#longestMs = longestMs
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }))
    for (const name of [...folders, 'package.json']) {
      cpSync(join(CLONE, name), join(this.folder, name), { recursive: true })
    }
    symlinkSync(join(CLONE, 'node_modules'), join(this.folder, 'node_modules'))
    const config = JSON.parse(readFileSync(join(CLONE, 'tsconfig.json'), 'utf8')) as { compilerOptions: object }
    const compilerOptions = { ...config.compilerOptions, ...LENIENT }
    const what = entries === undefined ? config : { files: entries }
    writeFileSync(join(this.folder, 'tsconfig.json'), JSON.stringify({ ...what, compilerOptions }))
  }

  run(args: readonly string[]): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: this.#longestMs,
      maxBuffer: 64 * 1024 * 1024,
    })
    return { status, output: stdout + stderr }
  }

  /** Throws what the compiler says. */
  compile(): void {
    const { status, output } = this.run([join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'])
    if (status !== 0) throw new Error(`it does not compile:\n${output}`)
  }

  /** Throws if the mutant does not apply. */
  async with<T>({ file, from, to }: Replacement, action: () => T | Promise<T>): Promise<T> {
    const path = join(this.folder, file)
    const original = readFileSync(path, 'utf8')
    const parts = original.split(from)
    if (parts.length !== 2) throw new Error(`${file} has "${from}" ${parts.length - 1} times`)
    writeFileSync(path, parts.join(to))
    try {
      this.compile()
      return await action()
    } finally {
      writeFileSync(path, original)
    }
  }
}
