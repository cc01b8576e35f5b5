/**
 * Replays the mutants of the quorum: `node dist/test/raft/mutants/run.js [--find] [--worlds COUNT] [NAME ...]`. Each is put into a copy of what is compiled; the
 * world of the model or the scenario that the table names must fail on it, and must not on what is compiled as it is.
 *
 * With `--find` worlds are run until one fails, or else all scenarios, and the table is written anew. Mutants that nothing finds stay in it; only
 * those whose name says that they are equivalent may.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine, wholeNumber } from '../../../jepsen/command-line.js'
import { atOnce, type BuildCopy, CLONE, inLanes, type Ran, run } from '../../mutants/build-copy.js'
import { RAFT_MUTANTS, type RaftMutant } from './raft-mutants.js'

const TABLE = join(CLONE, 'test', 'raft', 'mutants', 'found-by.tsv')
const HEADER =
  '# mutant\tthe first world of the model, or the scenario, that finds it\twhat was said; written by `run.js --find`'
const SCENARIOS = join('dist', 'test', 'raft', 'quorum-scenarios.test.js')
const NOTHING = 'none'
const LONGEST_MS = 1_500_000

const USAGE = `npm run test:mutants:quorum -- [--find] [--worlds COUNT] [NAME ...]

Mutants of the quorum: those that are named, or all. Their names are in test/raft/mutants/found-by.tsv.

  --find           look for what finds each, and write the table anew
  --worlds COUNT   of the model, to look in. Default: 6000`

const { values, positionals } = commandLine(USAGE, {
  find: { type: 'boolean', default: false },
  worlds: { type: 'string', default: '6000' },
})
const worlds = wholeNumber('worlds', values.worlds, 1)
const wanted = RAFT_MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
if (wanted.length === 0 || wanted.length < positionals.length) {
  process.stderr.write(`there are the mutants ${RAFT_MUTANTS.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}

/** Runs node where the mutant is, or where it is not. */
type Run = (args: readonly string[]) => Promise<Ran>

/** `by`: the number of a world, or the title of a scenario. */
interface Found {
  readonly by: string
  readonly said: string
}

const table = new Map(
  readFileSync(TABLE, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'))
    .map(([name, by, said]): [string, Found] => [name!, { by: by!, said: said ?? '' }]),
)

/** The first of these worlds that fails. */
async function findByWorld(
  run: Run,
  { weather }: RaftMutant,
  from: number,
  worlds: number,
): Promise<Found | undefined> {
  const which = ['--from', String(from), '--worlds', String(worlds), '--weather', JSON.stringify(weather ?? {})]
  const { status, output } = await run([join('dist', 'test', 'raft', 'soak.js'), ...which])
  if (status === 0) return undefined
  const found = /^world (\d+) .*?: (.*)$/m.exec(output)
  if (found === null) throw new Error(`it ends with ${status}:\n${output.slice(-2000)}`)
  return { by: found[1]!, said: found[2]!.slice(0, 120) }
}

/** The first scenario that fails; `title`: only that one is run. */
async function findByScenario(run: Run, title?: string): Promise<Found | undefined> {
  const only = title === undefined ? [] : ['--test-name-pattern', title.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')]
  const { output } = await run(['--test', '--test-reporter=tap', ...only, SCENARIOS])
  const failed = /^\s*not ok \d+ - (?!\/)(?!.*\.js$)(.*)$/m.exec(output)
  return failed === null ? undefined : { by: failed[1]!, said: '' }
}

async function findBy(run: Run, mutant: RaftMutant, { by }: Found): Promise<Found | undefined> {
  if (by === NOTHING) return undefined
  return /^\d+$/.test(by) ? await findByWorld(run, mutant, Number(by), 1) : await findByScenario(run, by)
}

function isEquivalent({ name }: RaftMutant): boolean {
  return name.endsWith('-equivalent')
}

const failures: string[] = []

async function replay(mutant: RaftMutant, copy: BuildCopy): Promise<void> {
  const { name } = mutant
  const inCopy: Run = (args) => copy.run(args)
  try {
    await copy.with({ ...mutant, file: join('src', 'raft', mutant.file) }, async () => {
      const known = table.get(name)
      let found = known === undefined ? undefined : await findBy(inCopy, mutant, known)
      if (found === undefined && values.find) {
        found = (await findByWorld(inCopy, mutant, 1, worlds)) ?? (await findByScenario(inCopy))
      }
      if (values.find) table.set(name, found ?? { by: NOTHING, said: '' })
      process.stdout.write(`${name}: ${found === undefined ? 'not found' : `${found.by}: ${found.said}`}\n`)
      if (found === undefined && !isEquivalent(mutant)) {
        failures.push(`${name}: ${values.find ? `${worlds} worlds` : known?.by} and no scenario find it`)
      }
    })
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`)
  }
}

await inLanes(wanted, LONGEST_MS, replay)
await atOnce(wanted, async (mutant) => {
  const known = table.get(mutant.name)
  const asItIs: Run = (args) => run(CLONE, args, LONGEST_MS)
  const found = known === undefined ? undefined : await findBy(asItIs, mutant, known)
  if (found !== undefined) failures.push(`${found.by} fails without the mutant ${mutant.name}: ${found.said}`)
})
if (values.find) {
  const rows = RAFT_MUTANTS.flatMap(({ name }) => {
    const found = table.get(name)
    return found === undefined ? [] : [`${name}\t${found.by}\t${found.said}`]
  })
  writeFileSync(TABLE, `${[HEADER, ...rows].join('\n')}\n`)
}
process.stdout.write(
  failures.length === 0 ? `${wanted.length} mutants of the quorum, as in the table\n` : `${failures.join('\n')}\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1
