/** Nodes of lograft, each a process as users start it; of this build, or of another one: one with a guard removed, say. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ProcessBed, type ProcessBedOptions, type Software } from './process-bed.js'

export interface LograftOptions extends ProcessBedOptions {
  /** `main.js` of the build; this one's, if none is named. */
  readonly main?: string
  /** Options of Node. */
  readonly node?: readonly string[]
}

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const LOG_LEVEL = { 'log.level': 'info' }

export function lograftBed(options: LograftOptions): ProcessBed {
  const { main = MAIN, node = [] } = options
  const software: Software = {
    kind: 'lograft',
    target: targetOf(main),
    settings: LOG_LEVEL,
    prepare: async () => {},
    command: async (plan, { surroundings, file }) => {
      mkdirSync(surroundings.get(plan.id)!.dataPath, { recursive: true })
      return { command: process.execPath, args: [...node, main, 'start', '--config', file(plan)], environment: {} }
    },
    raisesFeatures: true,
  }
  return new ProcessBed(software, options)
}

/** Version, and the commit where it is built in a clone. */
function targetOf(main: string): string {
  const { stdout: version } = spawnSync(process.execPath, [main, '--version'], { encoding: 'utf8' })
  const asked = ['-C', dirname(main), 'describe', '--always', '--dirty', '--abbrev=12']
  const { stdout: commit, status } = spawnSync('git', asked, { encoding: 'utf8' })
  const name = `lograft ${(version ?? '').trim()}`.trim()
  return status === 0 ? `${name} (${commit.trim()})` : name
}
