/**
 * What `contract.tsv` names exists and is run by a command of `package.json`, and each promise is named once. What the files show they show
 * themselves.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const lines = read('test/contract.tsv').trimEnd().split('\n')
const rows = lines.slice(2).map((line) => line.split('\t'))

/** The programs that the scripts of the package start, as sources. */
function entryPoints(): string[] {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> }
  return Object.values(scripts).flatMap((script) =>
    [...script.matchAll(/dist\/((?:test|bench)\/\S+)\.js/g)].map(([, path]) => `${path}.ts`),
  )
}

/** With all that they import. */
function reachedFrom(entries: readonly string[]): Set<string> {
  const reached = new Set<string>()
  const left = [...entries]
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (reached.has(path) || !existsSync(new URL(path, root))) continue
    reached.add(path)
    for (const [, target] of read(path).matchAll(/(?:from |import\(?)'(\.[^']*)\.js'/g)) {
      left.push(`${posix.join(posix.dirname(path), target!)}.ts`)
    }
  }
  return reached
}

/** The runners of `test` and `test/process` find their files by name; the others import what they run. */
function filesThatRun(): Set<string> {
  const named = readdirSync(new URL('test/', root), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path.replaceAll('\\', '/')}`)
  return new Set([...named, ...reachedFrom(entryPoints())])
}

test('every promise that is said to work is shown by something that exists and is run', (t) => {
  assert.equal(lines[1], 'id\titem\tshown by\tnote')
  const running = filesThatRun()
  for (const [id, item, shownBy] of rows) {
    assert.match(id!, /^S\d{3}$/)
    assert.ok(item !== undefined && shownBy !== undefined, id)
    for (const path of shownBy.split(' ')) assert.ok(running.has(path), `${id}: nothing runs ${path}`)
  }
  t.diagnostic(`${rows.length} promises work`)
})

test('the files that run are told from those that do not', () => {
  const running = filesThatRun()
  for (const path of ['test/interop/kcat.ts', 'test/seeds/run.ts', 'bench/start.ts', 'test/process/kill.test.ts']) {
    assert.ok(running.has(path), path)
  }
  for (const path of ['README.md', 'test/golden', 'test/interop/gone.ts', 'src/README.md']) {
    assert.ok(!running.has(path), path)
  }
})

test('each is named once, in order', () => {
  const ids = rows.map(([id]) => id!)
  assert.deepEqual(ids, [...new Set(ids)].sort())
  // Landed promises do not get lost.
  assert.ok(rows.length >= 68, `${rows.length}`)
})
