/**
 * Replays the mutants of the quorum: `node dist/test/raft/mutants/run.js [--find] [--worlds COUNT] [NAME ...]`. Each is put into a copy of the sources; the
 * world of the model or the scenario that the table names must fail on it, and must not on the sources as they are.
 *
 * With `--find` worlds are run until one fails, or else all scenarios, and the table is written anew. Mutants that nothing finds stay in it; only
 * those whose name says that they are equivalent may.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CLONE, SourceCopy } from '../../mutants/source-copy.js'
import { RAFT_MUTANTS, type RaftMutant } from './raft-mutants.js'

const TABLE = join(CLONE, 'test', 'raft', 'mutants', 'found-by.tsv')
const HEADER =
  '# mutant\tthe first world of the model, or the scenario, that finds it\twhat was said; written by `run.js --find`'
const SCENARIOS = 'test/raft/quorum-scenarios.test.ts'
const NOTHING = 'none'
const LONGEST_MS = 1_500_000

const { values, positionals } = parseArgs({
  options: { find: { type: 'boolean', default: false }, worlds: { type: 'string', default: '6000' } },
  allowPositionals: true,
})
const wanted = RAFT_MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const copy = new SourceCopy(['src', 'test'], LONGEST_MS, ['test/raft/soak.ts', SCENARIOS])

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
function findByWorld({ weather }: RaftMutant, from: number, worlds: number): Found | undefined {
  const which = ['--from', String(from), '--worlds', String(worlds), '--weather', JSON.stringify(weather ?? {})]
  const { status, output } = copy.run([join('dist', 'test', 'raft', 'soak.js'), ...which])
  if (status === 0) return undefined
  const found = /^world (\d+) .*?: (.*)$/m.exec(output)
  if (found === null) throw new Error(`it ends with ${status}:\n${output.slice(-2000)}`)
  return { by: found[1]!, said: found[2]!.slice(0, 120) }
}

/** The first scenario that fails; `title`: only that one is run. */
function findByScenario(title?: string): Found | undefined {
  const only = title === undefined ? [] : ['--test-name-pattern', title.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')]
  const { output } = copy.run(['--test', '--test-reporter=tap', ...only, join('dist', SCENARIOS.replace(/ts$/, 'js'))])
  const failed = /^\s*not ok \d+ - (?!\/)(?!.*\.js$)(.*)$/m.exec(output)
  return failed === null ? undefined : { by: failed[1]!, said: '' }
}

function findBy(mutant: RaftMutant, { by }: Found): Found | undefined {
  if (by === NOTHING) return undefined
  return /^\d+$/.test(by) ? findByWorld(mutant, Number(by), 1) : findByScenario(by)
}

function isEquivalent({ name }: RaftMutant): boolean {
  return name.endsWith('-equivalent')
}

const failures: string[] = []
for (const mutant of wanted) {
  const { name } = mutant
  try {
    await copy.with({ ...mutant, file: join('src', 'raft', mutant.file) }, () => {
      const known = table.get(name)
      let found = known === undefined ? undefined : findBy(mutant, known)
      if (found === undefined && values.find) found = findByWorld(mutant, 1, Number(values.worlds)) ?? findByScenario()
      if (values.find) table.set(name, found ?? { by: NOTHING, said: '' })
      process.stdout.write(`${name}: ${found === undefined ? 'not found' : `${found.by}: ${found.said}`}\n`)
      if (found === undefined && !isEquivalent(mutant)) {
        failures.push(`${name}: ${values.find ? `${values.worlds} worlds` : known?.by} and no scenario find it`)
      }
    })
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`)
  }
}
copy.compile()
for (const mutant of wanted) {
  const known = table.get(mutant.name)
  const found = known === undefined ? undefined : findBy(mutant, known)
  if (found !== undefined) failures.push(`${found.by} fails without the mutant ${mutant.name}: ${found.said}`)
}
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
