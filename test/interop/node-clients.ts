/** Clients from npm: installed from the committed lock into the cache, where a copy of their programs runs. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { installNodePackages, NODE_PACKAGES } from '../../jepsen/drivers/node-packages.js'
import { sourcePath } from './client.js'
import type { Program } from './round-trips.js'

export { missingNpm } from '../../jepsen/drivers/node-packages.js'

const PROGRAMS = ['records.mjs', 'kafkajs.mjs', 'platformatic.mjs']

export async function installNodeClients(): Promise<void> {
  await installNodePackages()
  // A module finds packages from where it lies.
  for (const file of PROGRAMS) copyFileSync(sourcePath('node-clients', file), join(NODE_PACKAGES, file))
}

export function nodeProgram(file: string): Program {
  return () => ({ command: process.execPath, args: [join(NODE_PACKAGES, file)] })
}
