/**
 * Makes a build with a mutant in it: `node dist/test/mutants/build.js NAME FOLDER`. The folder, which is not there yet, gets a copy of what is compiled, and the
 * path of its `main.js` is printed, for nodes in processes; in `dist/jepsen` is the suite with clients and faults, for simulated ones. Without names: says which mutants there are.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { commandLine, refuse } from '../../jepsen/command-line.js'
import { BuildCopy, type Patch } from './build-copy.js'
import { CLUSTER_MUTANTS } from './cluster-mutants.js'
import { GROUP_MUTANTS } from './group-mutants.js'
import { MUTANTS as NODE_MUTANTS } from './mutants.js'
import { REPLICATION_MUTANTS } from './replication-mutants.js'
import { STORY_MUTANTS } from './story-mutants.js'

const LONGEST_MS = 120_000
const MUTANTS: readonly (Patch & { readonly name: string; readonly about: string })[] = [
  ...NODE_MUTANTS,
  ...CLUSTER_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...GROUP_MUTANTS,
  ...STORY_MUTANTS,
]

const USAGE = `node dist/test/mutants/build.js [NAME FOLDER]

A build with a mutant in it, and where its main.js is; without names: which mutants there are.

  NAME     of a mutant
  FOLDER   that the build goes into, which is not there yet`

const [wanted, folder, ...more] = commandLine(USAGE, {}).positionals
if (more.length > 0) refuse(`${more.join(' ')}: one mutant goes into one folder`)
const mutant = MUTANTS.find(({ name }) => name === wanted)
if (wanted === undefined) {
  for (const { name, about } of MUTANTS) process.stdout.write(`${name}: ${about}\n`)
} else if (mutant === undefined || folder === undefined || existsSync(folder)) {
  const why = mutant === undefined ? `there is no mutant ${wanted}` : 'it needs a folder that is not there yet'
  process.stderr.write(`${why}\n`)
  process.exitCode = 2
} else {
  const copy = new BuildCopy(LONGEST_MS, resolve(folder))
  await copy.put(mutant)
  process.stdout.write(`${join(copy.folder, 'dist', 'src', 'main.js')}\n`)
}
