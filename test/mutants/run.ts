/**
 * Replays the mutants that seeds find: `node dist/test/mutants/run.js [--find] [--types] [--first SEED] [NAME ...]`. Each is put into a copy of what is compiled, and run on
 * the seed that the table names: the run must fail, and say what; the same seed on what is compiled as it is must not. With `--types` each must also be a program.
 *
 * Other draws come of the same seed when the order of what a node does changes. Where the table's seed does not find a mutant any more, it
 * looks for the first that does, from `--first` on, and says so; with `--find` it writes the table anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine, wholeNumber } from '../../jepsen/command-line.js'
import { atOnce, type BuildCopy, CLONE, inLanes, run } from './build-copy.js'
import { CLUSTER_MUTANTS } from './cluster-mutants.js'
import { GROUP_MUTANTS } from './group-mutants.js'
import { type Mutant, MUTANTS as NODE_MUTANTS } from './mutants.js'
import { REPLICATION_MUTANTS } from './replication-mutants.js'

const MUTANTS: readonly Mutant[] = [...NODE_MUTANTS, ...CLUSTER_MUTANTS, ...REPLICATION_MUTANTS, ...GROUP_MUTANTS]
const TABLE = join(CLONE, 'test', 'mutants', 'killed-by.tsv')
const TABLE_HEADER = '# mutant\tseed that finds it; written by `npm run test:mutants -- --find`'
const SEEDS_TRIED = 300
/** In one process: its code is warm after the first. */
const SEEDS_OF_A_SWEEP = 10
const LONGEST_MS = 600_000

const USAGE = `npm run test:mutants -- [--find] [--types] [--first SEED] [NAME ...]

Mutants that seeds of the simulation find: those that are named, or all. Their names are in test/mutants/killed-by.tsv.

  --find         write the table of seeds anew
  --types        each must also be a program, by its types
  --first SEED   where to look from, if the seed of the table finds it no more. Default: 1`

const { values, positionals } = commandLine(USAGE, {
  find: { type: 'boolean', default: false },
  types: { type: 'boolean', default: false },
  first: { type: 'string', default: '1' },
})
const firstSeed = wholeNumber('first', values.first, 0)
const wanted = MUTANTS.filter(({ name, survives }) =>
  positionals.length === 0 ? survives === undefined : positionals.includes(name),
)
if (wanted.length === 0 || wanted.length < positionals.length) {
  process.stderr.write(`there are the mutants ${MUTANTS.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}

const table = new Map(
  readFileSync(TABLE, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'))
    .map(([name, seed]) => [name!, Number(seed)] as const),
)

const failures: string[] = []

function argsOf({ options }: Mutant, seed: number, seeds = 1): string[] {
  const which = ['--seed', String(seed), ...(seeds === 1 ? [] : ['--seeds', String(seeds)])]
  return [join('dist', 'src', 'main.js'), 'sim', ...which, ...options]
}

/** What the run has to say, in one line; undefined if it has not found the mutant. */
async function finding(copy: BuildCopy, mutant: Mutant, seed: number): Promise<string | undefined> {
  const { status, output } = await copy.run(argsOf(mutant, seed))
  if (status === 0) return undefined
  return output
    .split('\n')
    .find((line) => mutant.found.test(line))
    ?.trim()
}

function say({ name }: Mutant, seed: number, found: string): void {
  process.stdout.write(`${name}: found by seed ${seed}: ${found.slice(0, 160)}\n`)
}

async function replay(mutant: Mutant, copy: BuildCopy): Promise<void> {
  const { name } = mutant
  try {
    const typeErrors = values.types ? await copy.typeErrors(mutant) : undefined
    if (typeErrors !== undefined) failures.push(`${name}: ${typeErrors}`)
    await copy.with(mutant, async () => {
      const inTable = table.get(name)
      const found = inTable === undefined ? undefined : await finding(copy, mutant, inTable)
      if (found !== undefined) return say(mutant, inTable!, found)
      process.stdout.write(`${name}: seed ${inTable} does not find it any more\n`)
      if (!(await find(copy, mutant))) failures.push(`${name}: none of ${SEEDS_TRIED} seeds finds it`)
    })
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`)
  }
}

/** The first seed that finds it goes into the table. */
async function find(copy: BuildCopy, mutant: Mutant): Promise<boolean> {
  const end = firstSeed + SEEDS_TRIED
  for (let first = firstSeed; first < end; first += SEEDS_OF_A_SWEEP) {
    const { output } = await copy.run(argsOf(mutant, first, SEEDS_OF_A_SWEEP))
    // Without the names of what was looked at.
    if (!mutant.found.test(output.replaceAll(/^ *looked at .*$/gm, ''))) continue
    for (let seed = first; seed < first + SEEDS_OF_A_SWEEP; seed++) {
      const found = await finding(copy, mutant, seed)
      if (found === undefined) continue
      say(mutant, seed, found)
      table.set(mutant.name, seed)
      return true
    }
  }
  return false
}

for (const { name, survives } of MUTANTS) {
  if (survives !== undefined && positionals.length === 0) process.stdout.write(`${name}: not found yet: ${survives}\n`)
}
await inLanes(wanted, LONGEST_MS, replay)
/** Several mutants may have one seed. */
const seeds = new Map<string, readonly string[]>()
for (const mutant of wanted) {
  const seed = table.get(mutant.name)
  if (seed === undefined) continue
  const args = argsOf(mutant, seed)
  seeds.set(args.join(' '), args)
}
await atOnce([...seeds.values()], async (args) => {
  const { status, output } = await run(CLONE, args, LONGEST_MS)
  if (status !== 0) failures.push(`without a mutant fails ${args.slice(1).join(' ')}:\n${output.slice(-2000)}`)
})
if (values.find) {
  const rows = MUTANTS.flatMap(({ name }) => (table.has(name) ? [`${name}\t${table.get(name)}`] : []))
  writeFileSync(TABLE, `${[TABLE_HEADER, ...rows].join('\n')}\n`)
}
process.stdout.write(
  failures.length === 0 ? `${wanted.length} mutants, all found as the table says\n` : `${failures.join('\n')}\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1
