/**
 * Reads the sources and refuses what the map (src/README.md) forbids: imports that climb, cycles, time, randomness and I/O from anywhere but
 * src/io/node, promises where the simulator runs, files that nothing uses, lines of prose for later. Each rule is also shown a source
 * that breaks it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../src/', import.meta.url))

/** Who may import from whom: only from floors below. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  protocol: 1,
  records: 1,
  config: 1,
  io: 1,
  check: 1,
  metadata: 2,
  raft: 2,
  log: 2,
  security: 2,
  rpc: 2,
  controller: 3,
  replication: 3,
  coordinator: 3,
  storage: 4,
  client: 4,
  broker: 5,
  streams: 5,
  connect: 5,
  console: 6,
  sim: 6,
  // Beside src, at the top: commands run it.
  jepsen: 6.5,
  cli: 7,
  main: 8,
  index: 8,
}

/** Neighbours on one floor of which one may use the other: languages are built on languages. */
const NEIGHBOURS: readonly string[] = ['io > config']

/** Decide and know; do nothing themselves. */
const CORES = ['metadata', 'raft', 'controller', 'log', 'replication', 'coordinator', 'security']

/** Here promises are at home; everywhere else completions are callbacks. */
const PROMISES = ['client', 'streams', 'connect', 'cli', 'console', 'main', 'index', 'io/node']

/** Entry points: nothing imports them. */
const ENTRIES = ['main.ts', 'index.ts', 'io/node/compute-worker.ts']

const AMBIENT: readonly [RegExp, string][] = [
  [/\bDate\.now\(/, 'Date.now'],
  [/\bnew Date\(\)/, 'new Date()'],
  [/\bMath\.random\(/, 'Math.random'],
  [/\bperformance\.now\(/, 'performance.now'],
  [/\bprocess\.hrtime\b/, 'process.hrtime'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/, 'a timer'],
  [/\bprocess\.nextTick\(/, 'process.nextTick'],
  [/\brandomUUID\(|\brandomBytes\(|\bgetRandomValues\(/, 'ambient randomness'],
]

/** Built-in modules that do no I/O: `folder` may use `module`. */
const PURE_MODULES: readonly string[] = ['records > node:zlib']

/** Loads packages, as `import` does; reads nothing else. */
const PACKAGE_LOADER = 'base/optional.ts'

interface Source {
  /** Relative to src, with slashes. */
  readonly path: string
  readonly text: string
}

function readSources(): Source[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(root, path), 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '')
}

/** Comments and texts are not code. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/\s\/\/ .*$/gm, '')
}

/** `from` and `import()` specifiers. */
function importsOf(text: string): string[] {
  const found: string[] = []
  for (const match of text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]/g))
    found.push(match[1]!)
  for (const match of text.matchAll(/(?:^|\n)import\s+['"]([^'"]+)['"]/g)) found.push(match[1]!)
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) found.push(match[1]!)
  return found
}

/** The file that a relative specifier names, relative to src; undefined for packages. */
function resolveImport(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const parts = path.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/').replace(/\.js$/, '.ts')
}

function findClimbs(sources: readonly Source[]): string[] {
  const findings: string[] = []
  for (const { path, text } of sources) {
    const folder = folderOf(path)
    const floor = FLOORS[folder]
    if (floor === undefined) {
      findings.push(`${path}: ${folder} has no floor`)
      continue
    }
    for (const specifier of importsOf(text)) {
      const target = resolveImport(path, specifier)
      if (target === undefined) continue
      const other = folderOf(target)
      if (other === folder || NEIGHBOURS.includes(`${folder} > ${other}`)) continue
      const below = FLOORS[other]
      if (below === undefined || below >= floor) {
        findings.push(`${path} (floor ${floor}) imports ${target} (floor ${below}): only floors below may be imported`)
      }
      if (target.startsWith('io/node/') && folder !== 'main' && folder !== 'cli' && folder !== 'index') {
        findings.push(`${path} imports ${target}: the outside world comes in through the ports`)
      }
    }
  }
  return findings
}

function findCycles(sources: readonly Source[]): string[] {
  const edges = new Map<string, string[]>()
  for (const { path, text } of sources) {
    // What is imported for its types alone is gone when the code runs.
    const values = text.replace(/(?:^|\n)\s*(?:import|export)\s+type\s[^'"]*?from\s+['"][^'"]+['"]/g, '')
    edges.set(
      path,
      importsOf(values).flatMap((specifier) => resolveImport(path, specifier) ?? []),
    )
  }
  const findings: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      findings.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    state.set(path, 'open')
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of edges.keys()) visit(path, [])
  return findings
}

function findAmbient(sources: readonly Source[]): string[] {
  const findings: string[] = []
  for (const { path, text } of sources) {
    if (path.startsWith('io/node/')) continue
    const folder = folderOf(path)
    // The traps name what they replace.
    if (path !== 'sim/traps.ts') {
      const code = codeOf(text)
      for (const [pattern, name] of AMBIENT) if (pattern.test(code)) findings.push(`${path} uses ${name}`)
    }
    for (const specifier of importsOf(text)) {
      if (!specifier.startsWith('node:')) continue
      if (folder === 'main' || folder === 'cli' || path === 'sim/traps.ts' || path === PACKAGE_LOADER) continue
      if (!PURE_MODULES.includes(`${folder} > ${specifier}`)) findings.push(`${path} imports ${specifier}`)
    }
  }
  return findings
}

function findPromises(sources: readonly Source[]): string[] {
  const findings: string[] = []
  for (const { path, text } of sources) {
    if (PROMISES.some((place) => path.startsWith(`${place}/`) || path === `${place}.ts`)) continue
    if (/\basync\b|\bawait\b|\bPromise\b/.test(codeOf(text))) findings.push(`${path} uses promises`)
    if (CORES.includes(folderOf(path)) && /\bprocess\./.test(codeOf(text)))
      findings.push(`${path} looks at the process`)
  }
  return findings
}

function findUnused(sources: readonly Source[]): string[] {
  const used = new Set(ENTRIES)
  for (const { path, text } of sources) {
    for (const specifier of importsOf(text)) used.add(resolveImport(path, specifier) ?? '')
  }
  return sources.filter(({ path }) => !used.has(path)).map(({ path }) => `nothing imports ${path}`)
}

function findLooks(sources: readonly Source[]): string[] {
  const findings: string[] = []
  for (const { path, text } of sources) {
    const lines = text.split('\n')
    if (!text.replace(/^#!.*\n/, '').startsWith('/**')) findings.push(`${path} does not open with what it is`)
    if (lines.length > 450) findings.push(`${path} has ${lines.length} lines`)
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(text)) findings.push(`${path} promises something for later`)
    if (/^export default\b/m.test(text)) findings.push(`${path} has a default export`)
    if (!/^[a-z0-9-]+\.ts$/.test(path.slice(path.lastIndexOf('/') + 1))) findings.push(`${path} is not in kebab-case`)
  }
  return findings
}

const sources = readSources()

test('there are sources to look at', () => {
  assert.ok(sources.length > 50)
})

test('a folder imports only from floors below it', () => assert.deepEqual(findClimbs(sources), []))
test('no import goes in a circle', () => assert.deepEqual(findCycles(sources), []))
test('time, randomness and I/O come through the ports', () => assert.deepEqual(findAmbient(sources), []))
test('completions are callbacks below the clients', () => assert.deepEqual(findPromises(sources), []))
test('every file is used', () => assert.deepEqual(findUnused(sources), []))
test('every file says what it is, and is not too long', () => assert.deepEqual(findLooks(sources), []))

test('each rule can fail', () => {
  const broken = (path: string, text: string): Source[] => [{ path, text: `/** A source. */\n${text}\n` }]
  assert.equal(findClimbs(broken('raft/a.ts', "import { b } from '../broker/b.js'")).length, 1)
  assert.equal(findClimbs(broken('raft/a.ts', "import type { b } from '../metadata/b.js'")).length, 1)
  assert.equal(findClimbs(broken('storage/a.ts', "export { b } from '../io/node/b.js'")).length, 1)
  assert.equal(findClimbs(broken('nowhere/a.ts', '')).length, 1)
  assert.equal(findClimbs(broken('raft/a.ts', "import { b } from '../base/b.js'")).length, 0)
  const circle = [
    { path: 'base/a.ts', text: "import { b } from './b.js'" },
    { path: 'base/b.ts', text: "import { c } from './c.js'" },
    { path: 'base/c.ts', text: "import {\n  a,\n} from './a.js'" },
  ]
  assert.deepEqual(findCycles(circle), ['base/a.ts -> base/b.ts -> base/c.ts -> base/a.ts'])
  assert.equal(
    findCycles([circle[0]!, circle[1]!, { path: 'base/c.ts', text: "import type { a } from './a.js'" }]).length,
    0,
  )
  for (const line of ['const t = Date.now()', 'Math.random()', 'setTimeout(f, 1)', 'const d = new Date()']) {
    assert.equal(findAmbient(broken('broker/a.ts', line)).length, 1, line)
    assert.equal(findAmbient(broken('io/node/a.ts', line)).length, 0, line)
    assert.equal(findAmbient(broken('broker/a.ts', `// ${line}`)).length, 0, line)
  }
  assert.equal(findAmbient(broken('storage/a.ts', "import fs from 'node:fs'")).length, 1)
  assert.equal(findPromises(broken('raft/a.ts', 'export async function f() {}')).length, 1)
  assert.equal(findPromises(broken('log/a.ts', 'process.exit()')).length, 1)
  assert.equal(findUnused([...circle, { path: 'base/d.ts', text: '' }]).length, 1)
  assert.equal(findLooks([{ path: 'base/A.ts', text: '// TODO\nexport default 1\n' }]).length, 4)
  assert.equal(findLooks(broken('base/a.ts', 'x\n'.repeat(450))).length, 1)
})

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly resolved?: string
}

/** What would make `npm ci` fail on another machine than the one that wrote the lock file. */
function findUnlocked(packages: Readonly<Record<string, LockedPackage>>): string[] {
  const findings: string[] = []
  for (const [path, { dependencies, optionalDependencies, resolved }] of Object.entries(packages)) {
    if (resolved !== undefined) findings.push(`${path} has a download address`)
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`]
      if (!places.some((place) => place in packages)) findings.push(`${path} needs ${name}, which is not locked`)
    }
  }
  return findings
}

test('the lock file is complete for every machine, and names none', () => {
  const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> }
  assert.ok(Object.keys(packages).length > 20)
  assert.deepEqual(findUnlocked(packages), [])
  assert.equal(findUnlocked({ 'node_modules/a': { optionalDependencies: { b: '1' } } }).length, 1)
  assert.equal(findUnlocked({ 'node_modules/a': { resolved: 'https://registry.example/a.tgz' } }).length, 1)
})
