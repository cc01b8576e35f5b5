/** Clients from npm: installed from the committed lock into the cache, where a copy of their programs runs. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath, installOnce, sourcePath } from './client.js'
import { probe, run } from './external.js'
import type { Program } from './round-trips.js'

const FOLDER = 'node-clients'
const PINS = ['package.json', 'package-lock.json']
const PROGRAMS = ['records.mjs', 'kafkajs.mjs', 'platformatic.mjs']

export function missingNpm(): string | undefined {
  return probe('npm', '--version') === undefined ? 'no npm' : undefined
}

export async function installNodeClients(): Promise<void> {
  const pins = PINS.map((file) => sourcePath(FOLDER, file))
  await installOnce(FOLDER, { files: pins, runtime: process.version }, async (path) => {
    for (const file of PINS) copyFileSync(sourcePath(FOLDER, file), join(path, file))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await run({ command: 'npm', args, directory: path, limitMs: 240_000 })
  })
  // A module finds packages from where it lies.
  for (const file of PROGRAMS) copyFileSync(sourcePath(FOLDER, file), cachePath(FOLDER, file))
}

export function nodeProgram(file: string): Program {
  return () => ({ command: process.execPath, args: [cachePath(FOLDER, file)] })
}
