/** Builds with a guard removed, as a campaign runs them: each that its table names can be made. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { programOf } from '../../../jepsen/campaign/mutated.js'
import { plannedRuns } from '../../../jepsen/campaign/runs.js'

const CLONE = fileURLToPath(new URL('../../../../', import.meta.url))
const RUNS = join(CLONE, 'jepsen', 'campaign', 'runs.tsv')
const BUILD = fileURLToPath(new URL('../../mutants/build.js', import.meta.url))

function inFolder(action: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'lograft-mutated-'))
  try {
    action(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('nodes are of a build with the guard removed, which the suite that runs is not', () => {
  inFolder((folder) => {
    const build = join(folder, 'build')
    const { main, words } = programOf(['--main', 'mutant:reply-before-flush', '--nodes', '3'], build)
    assert.deepEqual(words, ['--main', join(build, 'dist', 'src', 'main.js'), '--nodes', '3'])
    assert.equal(main, programOf(['--nodes', '3'], build).main)
    assert.notEqual(text(build, 'partition.js'), text(CLONE, 'partition.js'))
    assert.equal(text(build, 'broker.js'), text(CLONE, 'broker.js'))
    assert.match(execFileSync(process.execPath, [words[1]!, '--version'], { encoding: 'utf8' }), /^\d/)
  })
})

test('where nodes are simulated the suite is of that build', () => {
  inFolder((folder) => {
    const build = join(folder, 'build')
    const { main, words } = programOf(['--bed', 'simulated', '--main', 'mutant:reply-before-flush'], build)
    assert.deepEqual(words, ['--bed', 'simulated'])
    assert.equal(main, join(build, 'dist', 'jepsen', 'main.js'))
    assert.match(execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' }), /--bed/)
  })
})

test('a mutant that there is not is named', () => {
  inFolder((folder) => {
    assert.throws(() => programOf(['--main', 'mutant:of-nobody'], join(folder, 'build')), /no mutant of-nobody/)
  })
})

test('the table names mutants that there are', () => {
  const known = execFileSync(process.execPath, [BUILD], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.split(':')[0])
  const named = plannedRuns(readFileSync(RUNS, 'utf8')).flatMap((run) =>
    run.arguments.filter((word) => word.startsWith('mutant:')),
  )
  assert.ok(new Set(named).size >= 10)
  assert.deepEqual(
    named.filter((word) => !known.includes(word.slice('mutant:'.length))),
    [],
  )
})

function text(root: string, file: string): string {
  return readFileSync(join(root, 'dist', 'src', 'broker', file), 'utf8').replace(/\n\/\/# sourceMappingURL.*/, '')
}
