/**
 * What the README shows a new user, tried as that user would: each command of its first quarter of an hour goes to a shell as it stands there, in the
 * order in which it stands there, against a broker that knows nothing yet. Only the address is another, since the machine may have a broker already.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { Prng } from '../../src/base/prng.js'
import { temporaryDirectory } from '../node-ports.js'
import { MAIN, SERVES, startServer } from './server-process.js'

const LONGEST_COMMAND_MS = 60_000
const HEADING = '## The first quarter of an hour'
/** It looks at files, and asks nobody. */
const WITHOUT_BROKER = 'dump-log'
const readme = new URL('../../../README.md', import.meta.url)
const run = promisify(execFile)

/** The indented lines under the heading. */
function commandsOf(text: string): string[] {
  const [, after] = text.split(HEADING)
  const [section] = after!.split('\n## ')
  return section!.split('\n').flatMap((line) => (line.startsWith('    ') ? [line.trim()] : []))
}

/** What is printed by a command that must be there. */
function printed(outputs: ReadonlyMap<string, string>, wanted: RegExp): string {
  const found = [...outputs].find(([command]) => wanted.test(command))
  assert.ok(found !== undefined, `the README has no command like ${wanted}`)
  return found[1]
}

test('every command of the first quarter of an hour does what the README says', { timeout: 600_000 }, async (t) => {
  const home = temporaryDirectory('first-steps')
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const bin = join(home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@"\n`)
  chmodSync(join(bin, 'npx'), 0o755)
  const port = await fixedPort(new Prng(`first-steps ${process.pid}`))
  const server = startServer({ data: join(home, 'data'), port })
  t.after(() => server.end('SIGKILL'))
  await server.says(SERVES)

  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` }
  const outputs = new Map<string, string>()
  for (const command of commandsOf(readFileSync(readme, 'utf8'))) {
    const address = command.includes(WITHOUT_BROKER) ? '' : ` --bootstrap-server 127.0.0.1:${port}`
    const shell = { cwd: home, env, timeout: LONGEST_COMMAND_MS }
    const { stdout } = await run('sh', ['-c', `${command}${address}`], shell)
    outputs.set(command, stdout)
  }
  assert.ok(outputs.size >= 10, `${outputs.size} commands`)
  assert.match(printed(outputs, /console-consumer --topic greetings/), /^hello, world$/m)
  const keyed = printed(outputs, /print\.key=true/)
  for (const sent of ['anna\ttea', 'ben\tcoffee', 'anna\tcake']) assert.ok(keyed.includes(sent), keyed)
  assert.ok(keyed.indexOf('tea') < keyed.indexOf('cake'), 'what has the same key stays in order')
  assert.deepEqual(
    printed(outputs, /--group kitchen --from-beginning/)
      .trim()
      .split('\n')
      .sort(),
    ['cake', 'coffee', 'tea'],
  )
  const group = printed(outputs, /consumer-groups --describe --group kitchen/)
  assert.match(group, /LAG/)
  assert.match(group, /kitchen\s+orders/)
  assert.match(printed(outputs, /topics --list/), /^orders$/m)
  assert.match(printed(outputs, /dump-log/), /hello, world/)
})
