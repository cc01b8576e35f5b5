/**
 * Builds of lograft with a guard removed. Where the arguments of a run say `--main mutant:NAME`, nodes in processes are of a build that is made for it; on the simulated
 * bed, which is in the process of the suite, the suite of that build runs.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BUILD = fileURLToPath(new URL('../../test/mutants/build.js', import.meta.url))
const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
const MUTANT = /^mutant:(.+)$/
const LONGEST_MS = 180_000

export interface Program {
  readonly main: string
  readonly words: readonly string[]
}

/** What is to be run; a build goes into this folder, which is not there yet. Throws where it cannot be made. */
export function programOf(words: readonly string[], folder: string): Program {
  const at = words.findIndex((word) => MUTANT.test(word))
  if (at < 1) return { main: MAIN, words }
  const [, name] = MUTANT.exec(words[at]!)!
  const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD, name!, folder], {
    encoding: 'utf8',
    timeout: LONGEST_MS,
  })
  if (status !== 0) throw new Error(`mutant ${name}: ${stderr}`)
  if (!words.includes('simulated')) return { main: MAIN, words: words.with(at, stdout.trim()) }
  return { main: join(folder, 'dist', 'jepsen', 'main.js'), words: words.toSpliced(at - 1, 2) }
}
