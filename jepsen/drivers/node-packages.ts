/** Clients from npm, in versions that are pinned by the lock beside the programs that use them. */
import { execFile, spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cachePath, installOnce, ROOT } from '../beds/installed.js'

const FOLDER = 'node-clients'
const PINS = ['package.json', 'package-lock.json']
const INSTALL_LIMIT_MS = 240_000
const PROBE_LIMIT_MS = 20_000

/** Only in a clone: the npm package brings no clients of others. */
export const PROGRAMS = join(ROOT, 'jepsen', 'drivers', 'programs')

/** Where they are, once they are installed. */
export const NODE_PACKAGES = cachePath(FOLDER)

export function missingNpm(): string | undefined {
  const { status } = spawnSync('npm', ['--version'], { timeout: PROBE_LIMIT_MS })
  return status === 0 ? undefined : 'no npm'
}

export async function installNodePackages(): Promise<void> {
  const files = PINS.map((file) => join(PROGRAMS, file))
  await installOnce(FOLDER, { files, runtime: process.version }, async (path) => {
    for (const file of PINS) copyFileSync(join(PROGRAMS, file), join(path, file))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await promisify(execFile)('npm', args, { cwd: path, timeout: INSTALL_LIMIT_MS })
  })
}
