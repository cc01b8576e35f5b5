/**
 * Replays the mutants: `node dist/test/mutants/run.js [--find] [--first SEED] [NAME ...]`. Each is put into a copy of the sources, which is compiled and run on the
 * seed that the table names: the run must fail, and say what; the same seed on the sources as they are must not.
 *
 * Other draws come of the same seed when the order of what a node does changes. Where the table's seed does not find a mutant any more, it
 * looks for the first that does, from `--first` on, and says so; with `--find` it writes the table anew.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CLUSTER_MUTANTS } from './cluster-mutants.js'
import { type Mutant, MUTANTS as NODE_MUTANTS } from './mutants.js'
import { CLONE, SourceCopy } from './source-copy.js'

const MUTANTS = [...NODE_MUTANTS, ...CLUSTER_MUTANTS]
const TABLE = join(CLONE, 'test', 'mutants', 'killed-by.tsv')
const TABLE_HEADER = '# mutant\tseed that finds it; written by `npm run test:mutants -- --find`'
const SEEDS_TRIED = 300
/** In one process: its code is warm after the first. */
const SEEDS_OF_A_SWEEP = 15
const SWEEPS_AT_ONCE = 2
const LONGEST_MS = 120_000

const { values, positionals } = parseArgs({
  options: {
    find: { type: 'boolean', default: false },
    first: { type: 'string', default: '1' },
  },
  allowPositionals: true,
})
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

const copy = new SourceCopy(['src'], LONGEST_MS)

function simulate({ options }: Mutant, seed: number): ReturnType<SourceCopy['run']> {
  return copy.run([join('dist', 'src', 'main.js'), 'sim', '--seed', String(seed), ...options])
}

/** What the run has to say, in one line; undefined if it has not found the mutant. */
function finding(mutant: Mutant, seed: number): string | undefined {
  const { status, output } = simulate(mutant, seed)
  if (status === 0) return undefined
  return output
    .split('\n')
    .find((line) => mutant.found.test(line))
    ?.trim()
}

function say({ name }: Mutant, seed: number, found: string): void {
  process.stdout.write(`${name}: found by seed ${seed}: ${found.slice(0, 160)}\n`)
}

/** Says what went wrong, if anything. */
function replay(mutant: Mutant): Promise<string | undefined> {
  return copy.with(mutant, async () => {
    const inTable = table.get(mutant.name)
    const found = inTable === undefined ? undefined : finding(mutant, inTable)
    if (found !== undefined) {
      say(mutant, inTable!, found)
      return undefined
    }
    process.stdout.write(`${mutant.name}: seed ${inTable} does not find it any more\n`)
    return await find(mutant)
  })
}

async function find(mutant: Mutant): Promise<string | undefined> {
  const end = Number(values.first) + SEEDS_TRIED
  for (let first = Number(values.first); first < end; first += SEEDS_OF_A_SWEEP * SWEEPS_AT_ONCE) {
    const starts = Array.from({ length: SWEEPS_AT_ONCE }, (_, n) => first + n * SEEDS_OF_A_SWEEP)
    const outputs = await Promise.all(starts.map((seed) => sweep(mutant, seed)))
    for (const [n, output] of outputs.entries()) {
      if (!mutant.found.test(output)) continue
      for (let seed = starts[n]!; seed < starts[n]! + SEEDS_OF_A_SWEEP; seed++) {
        const found = finding(mutant, seed)
        if (found === undefined) continue
        say(mutant, seed, found)
        table.set(mutant.name, seed)
        return undefined
      }
    }
  }
  return `none of ${SEEDS_TRIED} seeds finds it`
}

/** What a number of seeds have to say, without the names of what was looked at. */
function sweep({ options }: Mutant, first: number): Promise<string> {
  const seeds = ['--seed', String(first), '--seeds', String(SEEDS_OF_A_SWEEP)]
  const args = [join('dist', 'src', 'main.js'), 'sim', ...seeds, ...options]
  const limits = { timeout: LONGEST_MS, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: copy.folder, encoding: 'utf8', ...limits }, (_, stdout, stderr) =>
      resolve((stdout + stderr).replaceAll(/^ *looked at .*$/gm, '')),
    )
  })
}

for (const { name, survives } of MUTANTS) {
  if (survives !== undefined && positionals.length === 0) process.stdout.write(`${name}: not found yet: ${survives}\n`)
}
const failures: string[] = []
for (const mutant of wanted) {
  try {
    const failure = await replay(mutant)
    if (failure !== undefined) failures.push(`${mutant.name}: ${failure}`)
  } catch (error) {
    failures.push(`${mutant.name}: ${(error as Error).message}`)
  }
}
copy.compile()
for (const mutant of wanted) {
  const seed = table.get(mutant.name)
  if (seed === undefined) continue
  const { status, output } = simulate(mutant, seed)
  if (status !== 0) failures.push(`seed ${seed} fails without the mutant ${mutant.name}:\n${output.slice(-2000)}`)
}
if (values.find) {
  const rows = MUTANTS.flatMap(({ name }) => (table.has(name) ? [`${name}\t${table.get(name)}`] : []))
  writeFileSync(TABLE, `${[TABLE_HEADER, ...rows].join('\n')}\n`)
}
process.stdout.write(
  failures.length === 0 ? `${wanted.length} mutants, all found as the table says\n` : `${failures.join('\n')}\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1
