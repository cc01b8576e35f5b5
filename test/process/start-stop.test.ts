/**
 * How `lograft start` begins and ends, seen by the operator: one sentence and a failure where it cannot run, a clean stop on SIGTERM and
 * SIGINT, and nothing that it needs outside of what the package holds.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import net from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { Prng } from '../../src/base/prng.js'
import { temporaryDirectory } from '../node-ports.js'
import { CommandProcess, MAIN, SERVES, startServer } from './server-process.js'

const CLEAN_MARKER = '.kafka_cleanshutdown'
const RUNNING_MARKER = '.lograft_running'
const LONGEST_TEST_MS = 60_000
const packageRoot = fileURLToPath(new URL('../../../', import.meta.url))
const random = new Prng(`start-stop ${process.pid}`)

/** A new directory, and whatever was started ends with the test. */
function workplace(t: TestContext): {
  readonly data: string
  readonly ends: (started: CommandProcess) => CommandProcess
} {
  const data = temporaryDirectory('start')
  const processes: CommandProcess[] = []
  t.after(async () => {
    for (const each of processes) if (each.running) await each.end('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  })
  return {
    data,
    ends: (started) => {
      processes.push(started)
      return started
    },
  }
}

/** It ended by itself, as a failure, with this as the only thing said. */
async function refuses(started: CommandProcess, sentence: RegExp): Promise<void> {
  const { code, signal } = await started.finished()
  assert.equal(signal, null)
  assert.notEqual(code, 0)
  const sentences = started.complaints.filter((line) => !line.startsWith('{"level":30'))
  assert.equal(sentences.length, 1, started.stderr)
  assert.match(sentences[0]!, sentence)
  assert.equal(started.stdout, '')
}

const options = { timeout: LONGEST_TEST_MS }

test('a port that is taken: one sentence, and it ends', options, async (t) => {
  const { data, ends } = workplace(t)
  const port = await fixedPort(random)
  const other = net.createServer()
  await new Promise<void>((resolve) => other.listen(port, resolve))
  await refuses(ends(startServer({ data, port })), new RegExp(`^lograft: cannot listen on .*:${port} .*EADDRINUSE`))
  await new Promise((resolve) => other.close(resolve))

  const second = ends(startServer({ data, port }))
  await second.says(SERVES)
  assert.deepEqual(await second.end('SIGTERM'), { code: 0, signal: null })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: a clean stop, and the next start has nothing to recover`, options, async (t) => {
    const { data, ends } = workplace(t)
    const port = await fixedPort(random)
    const first = ends(startServer({ data, port }))
    await first.says(SERVES)
    assert.equal(first.logLines('data directory')[0]?.['lastStop'], 'new')
    assert.equal(existsSync(join(data, RUNNING_MARKER)), true)
    assert.equal(existsSync(join(data, CLEAN_MARKER)), false)
    assert.deepEqual(await first.end(signal), { code: 0, signal: null }, first.stderr)
    assert.equal(existsSync(join(data, RUNNING_MARKER)), false)
    assert.equal(existsSync(join(data, CLEAN_MARKER)), true)

    const second = ends(startServer({ data, port }))
    await second.says(SERVES)
    assert.equal(second.logLines('data directory')[0]?.['lastStop'], 'clean')
    assert.equal(existsSync(join(data, CLEAN_MARKER)), false)
    assert.deepEqual(await second.end('SIGKILL'), { code: null, signal: 'SIGKILL' })

    // The contrast: what was not stopped is looked through.
    const third = ends(startServer({ data, port }))
    await third.says(SERVES)
    assert.equal(third.logLines('data directory')[0]?.['lastStop'], 'processCrash')
    assert.deepEqual(await third.end(signal), { code: 0, signal: null })
  })
}

test('a directory that another node uses is refused, and left alone', options, async (t) => {
  const { data, ends } = workplace(t)
  const first = ends(startServer({ data, port: await fixedPort(random) }))
  await first.says(SERVES)
  await refuses(ends(startServer({ data, port: await fixedPort(random) })), /^lograft: .* is in use by another node/)
  assert.deepEqual(await first.end('SIGTERM'), { code: 0, signal: null })
  assert.equal(existsSync(join(data, CLEAN_MARKER)), true)
})

test('a setting that is mistyped is refused with what would be right', options, async (t) => {
  const { data, ends } = workplace(t)
  const start = (...set: string[]): CommandProcess =>
    ends(new CommandProcess(['start', '--data', join(data, 'never'), ...set.flatMap((text) => ['--set', text])]))
  await refuses(start('num.partitions=six'), /^lograft: num\.partitions=six is not allowed: it must be a whole number/)
  await refuses(start('num.partitions'), /^lograft: --set num\.partitions is not allowed: it must be key=value$/)
  await refuses(
    start('listeners=localhost'),
    /^lograft: listeners=localhost is not allowed: it must be NAME:\/\/host:port/,
  )
  await refuses(
    start('num.partitons=6'),
    /^lograft: --set num\.partitons is not a setting; did you mean num\.partitions\?$/,
  )
  assert.equal(existsSync(join(data, 'never')), false)
})

test('--help and --version', options, async () => {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
  const asked = new CommandProcess(['--version'])
  assert.deepEqual(await asked.finished(), { code: 0, signal: null })
  assert.deepEqual([asked.stdout, asked.stderr], [`${version}\n`, ''])

  const help = new CommandProcess(['--help'])
  assert.deepEqual(await help.finished(), { code: 0, signal: null })
  assert.match(help.stdout, /lograft start +\S/)
  assert.equal(help.stderr, '')

  const helpOfStart = new CommandProcess(['start', '--help'])
  assert.deepEqual(await helpOfStart.finished(), { code: 0, signal: null })
  for (const option of ['--config', '--data', '--port', '--set']) assert.match(helpOfStart.stdout, new RegExp(option))

  const nonsense = new CommandProcess(['strat'])
  assert.equal((await nonsense.finished()).code, 2)
  assert.match(nonsense.stderr, /lograft: strat is not a command; did you mean start\? \(see lograft --help\)\n$/)
})

test('what the package holds runs alone, from any directory', options, async (t) => {
  const { data: place, ends } = workplace(t)
  const { files } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { files: string[] }
  const installed = join(place, 'lograft')
  mkdirSync(installed)
  for (const file of ['package.json', ...files]) {
    // The build under test may stand in another folder than the published one.
    const source = file === 'dist/src' ? dirname(MAIN) : join(packageRoot, file)
    cpSync(source, join(installed, file), { recursive: true })
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(installed, 'node_modules'))
  const elsewhere = join(place, 'elsewhere')
  mkdirSync(elsewhere)

  const port = await fixedPort(random)
  const main = join(installed, 'dist', 'src', 'main.js')
  const started = ends(new CommandProcess(['start', '--port', String(port)], { cwd: elsewhere, main }))
  await started.says(SERVES)
  assert.equal(existsSync(join(elsewhere, 'data', RUNNING_MARKER)), true)
  assert.deepEqual(await started.end('SIGTERM'), { code: 0, signal: null })
})
