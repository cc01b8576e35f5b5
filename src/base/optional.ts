/**
 * Optional packages: a platform without a compiler, an install with `--ignore-scripts` or a binary for the wrong C
 * library must cost speed, never the start. Every caller has a slower way of its own.
 *
 * `LOGRAFT_NATIVE=off` in the environment makes the native ones absent: for tests, and for a build that misbehaves.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const requireHere = createRequire(import.meta.url)
const nativeDisabled = process.env['LOGRAFT_NATIVE'] === 'off'
const remembered = new Map<string, unknown>()

/**
 * What a native package exports (to CommonJS), or undefined if it is absent, fails to load or is switched off. The
 * first answer is remembered: a broken package is tried once. `T` is the caller's word for the exports.
 */
export function optional<T>(name: string): T | undefined {
  if (nativeDisabled) return undefined
  if (!remembered.has(name)) remembered.set(name, attempt(requireHere, name))
  return remembered.get(name) as T | undefined
}

/** Single files of a package that runs everywhere, next to the file that is its main entry. */
export interface PackageFiles {
  /** The bytes of a file; throws if it is not there. */
  read(file: string): Uint8Array
  /** Evaluates a CommonJS file anew, so that state inside it begins afresh; throws what it throws. */
  evaluate<T>(file: string): T
}

/** Undefined if the package is absent. */
export function packageFiles(name: string): PackageFiles | undefined {
  const main = attempt(requireHere.resolve, name)
  if (main === undefined) return undefined
  const folder = dirname(main)
  return {
    read: (file) => readFileSync(join(folder, file)),
    evaluate: <T>(file: string): T => {
      const path = join(folder, file)
      delete requireHere.cache[path]
      return requireHere(path) as T
    },
  }
}

function attempt<T>(load: (name: string) => T, name: string): T | undefined {
  try {
    return load(name)
  } catch {
    return undefined
  }
}
