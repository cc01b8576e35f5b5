/**
 * Tries the mutants of the quorum: `node dist/test/raft/mutants/run.js [--worlds COUNT] [NAME ...]`. Each is put into a copy of the sources, and
 * worlds of the model are run on it until one finds it; else the scenarios. Writes `found-by.tsv` if all were tried. Ends with an error if one
 * does not apply or is found by nothing; those that are not to be found say so in their name.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { RAFT_MUTANTS, type RaftMutant } from './raft-mutants.js'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const TABLE = join(ROOT, 'test', 'raft', 'mutants', 'found-by.tsv')
const HEADER = '# mutant\tworlds until it was found (seeds from 1 on)\twhat found it'
const SCENARIOS = 'test/raft/quorum-scenarios.test.ts'
const LONGEST_MS = 1_500_000

const { values, positionals } = parseArgs({
  options: { worlds: { type: 'string', default: '3000' } },
  allowPositionals: true,
})
const wanted = RAFT_MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

const copy = mkdtempSync(join(tmpdir(), 'lograft-raft-mutants-'))
process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
for (const name of ['src', 'test', 'package.json']) cpSync(join(ROOT, name), join(copy, name), { recursive: true })
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
const config = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as { compilerOptions: object }
// A mutant may leave something unused behind.
const compilerOptions = { ...config.compilerOptions, noUnusedLocals: false, noUnusedParameters: false }
writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['test/raft/soak.ts', SCENARIOS] }))

function run(...args: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout: LONGEST_MS,
  })
  return { status, output: stdout + stderr }
}

/** How many worlds it took, or what else found it, and what was said. */
function find({ file, from, to, weather }: RaftMutant): { readonly by: string; readonly said: string } | undefined {
  const path = join(copy, 'src', 'raft', file)
  const original = readFileSync(path, 'utf8')
  const parts = original.split(from)
  if (parts.length !== 2) throw new Error(`${file} has "${from}" ${parts.length - 1} times`)
  writeFileSync(path, parts.join(to))
  try {
    const compiled = run(join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.')
    if (compiled.status !== 0) throw new Error(`it does not compile:\n${compiled.output}`)
    const conditions = ['--worlds', values.worlds, '--weather', JSON.stringify(weather ?? {})]
    const { status, output } = run(join('dist', 'test', 'raft', 'soak.js'), ...conditions)
    if (status === 0) return findByScenario()
    const found = /world \d+ \(number (\d+)\): (.*)/.exec(output)
    if (found === null) throw new Error(`it ends with ${status}:\n${output.slice(-2000)}`)
    return { by: found[1]!, said: found[2]!.slice(0, 120) }
  } finally {
    writeFileSync(path, original)
  }
}

/** What no random world comes across, a test may show. */
function findByScenario(): { readonly by: string; readonly said: string } | undefined {
  const { output } = run('--test', '--test-reporter=tap', join('dist', SCENARIOS.replace(/ts$/, 'js')))
  const failed = /^\s*not ok \d+ - (?!\/)(.*)$/m.exec(output)
  return failed === null ? undefined : { by: `none of ${values.worlds}, but a scenario`, said: failed[1]! }
}

const rows: string[] = []
let failures = 0
for (const mutant of wanted) {
  try {
    const found = find(mutant)
    const row = `${mutant.name}\t${found?.by ?? `none of ${values.worlds}`}\t${found?.said ?? ''}`
    rows.push(row)
    process.stdout.write(`${row}\n`)
    if (found === undefined && !mutant.name.endsWith('-equivalent')) failures++
  } catch (error) {
    failures++
    process.stdout.write(`${mutant.name}: ${(error as Error).message}\n`)
  }
}
if (wanted.length === RAFT_MUTANTS.length) writeFileSync(TABLE, `${[HEADER, ...rows].join('\n')}\n`)
process.exitCode = failures > 0 ? 1 : 0
