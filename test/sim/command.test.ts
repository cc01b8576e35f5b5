/** `lograft sim` as a process: what it prints and how it ends. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

function sim(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [MAIN, 'sim', ...args], { encoding: 'utf8', timeout: 60_000 })
}

function hashIn(stdout: string): string | undefined {
  return /^ {2}hash ([0-9a-f]{16})$/m.exec(stdout)?.[1]
}

test('a seed that is well ends with 0 and prints its hash, the same every time', () => {
  const first = sim('--seed', '4')
  assert.equal(first.status, 0, first.stderr)
  assert.match(first.stdout, /^seed 4: \d+ records acknowledged, \d+ unknown, \d+ starts, \d+ events in \d+ ms$/m)
  assert.notEqual(hashIn(first.stdout), undefined, first.stdout)
  assert.equal(sim('--seed', '4').stdout, first.stdout)
})

test('another seed has another hash, and a seed may be a text', () => {
  const other = sim('--seed', 'any text', '--faults', 'io-error', '--twice')
  assert.equal(other.status, 0, other.stdout + other.stderr)
  const hash = hashIn(other.stdout)
  assert.notEqual(hash, undefined)
  assert.notEqual(hash, hashIn(sim('--seed', '4', '--faults', 'io-error').stdout))
})

test('what is found is printed, and the process ends with 1', () => {
  const { status, stdout } = sim('--seed', '11', '--flush-policy', 'os', '--faults', 'power-loss', '--strict')
  assert.equal(status, 1)
  assert.match(stdout, /^ {2}[a-z-]+ in topic\d\([\w-]{22}\)-\d: \S/m)
  assert.match(stdout, /^ {2}and \d+ more$/m)
})

test('many seeds are told in one table', () => {
  const { status, stdout } = sim('--seed', '4', '--seeds', '2', '--faults', 'process-crash')
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^2 seeds, \d+ events/)
  assert.match(stdout, /seeds with findings: none\n$/)
})

const REFUSED: readonly (readonly [string[], RegExp])[] = [
  [['--seeds', '0'], /^lograft: --seeds must be a whole number from 1 on$/],
  [['--seeds', '2', '--seed', 'x'], /^lograft: --seeds counts up from a number, and --seed is x$/],
  [['--seed-s', '2'], /^lograft: sim has no option --seed-s; did you mean --seeds\?/],
  [['unexpected'], /^lograft: sim does not take unexpected /],
  [['--faults', 'earthquake'], /^lograft: --faults earthquake is not allowed: it must be one of process-crash, /],
  [['--flush-policy', 'never'], /^lograft: --flush-policy never is not allowed: /],
  [['--nodes', '8'], /^lograft: --nodes must be a whole number from 1 to 7$/],
  [['--nodes', '3', '--profile', 'rf5'], /^lograft: --profile rf5 says how many nodes there are$/],
  [['--nodes', '3', '--profile', 'one'], /^lograft: --profile one has one node, and --nodes is 3$/],
  [['--acks', '2'], /^lograft: --acks 2 is not allowed: /],
  [['--replay-flight', '/nowhere/flight-recorder.jsonl'], /^lograft: cannot read the flight record: ENOENT/],
]

test('options that are wrong are refused with a sentence and an exit code, and nothing runs', () => {
  for (const [args, sentence] of REFUSED) {
    const { status, stdout, stderr } = sim(...args)
    assert.ok(status !== null && status > 0, `${args}: ${status}`)
    assert.equal(stdout, '', `${args}`)
    assert.match(stderr.trimEnd().split('\n').at(-1)!, sentence)
    assert.doesNotMatch(stderr, /^ {4}at /m, `${args}: a stack instead of a sentence`)
  }
})

/** What `--json` prints in the end. */
function totals(stdout: string): Readonly<Record<string, unknown>> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Readonly<Record<string, unknown>>
}

test('with --json the last line is one object, of a node as of clusters', () => {
  for (const profile of [[], ['--profile', 'quorum', '--nodes', '1']]) {
    const { status, stdout, stderr } = sim('--from', '4', '--seeds', '2', '--json', ...profile)
    assert.equal(status, 0, stdout + stderr)
    const result = totals(stdout)
    assert.deepEqual([result['seeds'], result['failed']], [2, []])
    for (const key of ['acknowledged', 'virtualSeconds', 'realSeconds']) {
      assert.ok((result[key] as number) > 0, `${key} is ${result[key]}`)
    }
    for (const key of ['faults', 'checks']) {
      const counts = Object.values(result[key] as Record<string, number>)
      assert.ok(counts.length > 0 && counts.every((count) => count > 0), `${key} is ${JSON.stringify(result[key])}`)
    }
    assert.equal(result['hash'], undefined)
  }
})

test('a seed is told with its hash, and one that fails with the line that repeats it', () => {
  const one = totals(sim('--from', '4', '--json').stdout)
  assert.equal(one['hash'], hashIn(sim('--seed', '4').stdout))
  const options = ['--flush-policy', 'os', '--faults', 'power-loss', '--strict']
  const { status, stdout } = sim('--from', '11', '--json', ...options)
  assert.equal(status, 1)
  const [failure] = stdout.split('\n')
  const { seed, again } = JSON.parse(failure!) as { readonly seed: number; readonly again: string }
  assert.deepEqual([seed, again], [11, 'lograft sim --from 11 --faults power-loss --flush-policy os --strict'])
  assert.deepEqual(totals(stdout)['failed'], [11])
})

test('a cluster is told like a node', () => {
  const { status, stdout } = sim('--from', '3', '--nodes', '3')
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^seed 3: 3 nodes, \d+ changes acknowledged, \d+ unknown, \d+ starts, \d+ changes of leader, /)
  assert.match(stdout, /^ {2}the core converged after \d+ ms, all after another \d+ ms$/m)
  assert.notEqual(hashIn(stdout), undefined)
})
