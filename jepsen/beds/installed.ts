/** What comes from elsewhere, in versions that are pinned: installed once, into a cache in the clone. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the clone; this file runs from <root>/<build>/jepsen/beds/. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CACHE = join(ROOT, '.interop')

export function cachePath(...names: readonly string[]): string {
  return join(CACHE, ...names)
}

/**
 * Installs into a folder of the cache unless that was done with the same `pins`: the files that name the versions, and the version of what
 * runs it. A half-done installation counts as none.
 */
export async function installOnce(
  folder: string,
  pins: { readonly files: readonly string[]; readonly runtime: string },
  install: (path: string) => Promise<void>,
): Promise<void> {
  const digest = createHash('sha256').update(pins.runtime)
  for (const file of pins.files) digest.update(readFileSync(file))
  const wanted = digest.digest('hex')
  const path = cachePath(folder)
  const stamp = join(path, '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  await install(path)
  writeFileSync(stamp, wanted)
}
