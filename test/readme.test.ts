/** README.md says what the code does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startNode } from '../src/index.js'
import { temporaryDirectory } from './node-ports.js'
import { withTables } from './readme-tables.js'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('README.md', root), 'utf8')

test('the tables of the README are those of the code: npm run docs writes them', () => {
  assert.equal(text, withTables(text))
  assert.ok(text.split('\n').filter((line) => line.startsWith('| ')).length > 40)
})

test('the commands of the README exist', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object }
  const named = [...text.matchAll(/`npm (?:run )?([a-z:]+)/g)].map(([, name]) => name!)
  const missing = named.filter((name) => !(name in scripts) && name !== 'install')
  assert.deepEqual(missing, [])
  for (const [, path] of text.matchAll(/\]\(([a-zA-Z/.]+)\)/g)) {
    assert.equal(existsSync(new URL(path!, root)), true, path)
  }
})

interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function runShell(script: string, cwd: string, done: (result: CommandResult) => void): void {
  const child = spawn('bash', ['-c', script], { cwd, timeout: 60_000 })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece))
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece))
  child.on('close', (status) => done({ status, stdout, stderr }))
  child.stdin.end()
}

const SECTION = /^## The first quarter of an hour$([\s\S]*?)^## /m

test('the first quarter of an hour: each command there, pasted into a shell', async () => {
  const commands = [...SECTION.exec(text)![1]!.matchAll(/^ {4}(.+)$/gm)].map(([, command]) => command!)
  assert.ok(commands.length > 10)
  const directory = temporaryDirectory('readme')
  const node = await startNode({ 'log.dirs': `${directory}/data` })
  try {
    const main = fileURLToPath(new URL('dist/src/main.js', root))
    // As if the node were where the reader's is: localhost:9092.
    const lograft = `lograft() { "${process.execPath}" "${main}" "$@" $([ "$1" = dump-log ] || echo --bootstrap-server ${node.bootstrapServers}); }`
    const output: string[] = []
    for (const command of commands) {
      assert.match(command, /npx lograft/)
      const script = `set -e; set -o pipefail; ${lograft}; ${command.replaceAll('npx lograft', 'lograft')}`
      const { status, stdout, stderr } = await new Promise<CommandResult>((resolve) =>
        runShell(script, directory, resolve),
      )
      assert.equal(status, 0, `${command}: ${stderr}`)
      // What sends says nothing when all is well.
      if (!command.includes('console-producer')) assert.notEqual(stdout, '', command)
      output.push(stdout)
    }
    const all = output.join('')
    for (const said of ['Created topic orders.', 'hello, world', 'anna\tcake', 'greetings\n'])
      assert.ok(all.includes(said), said)
  } finally {
    await node.stop()
    rmSync(directory, { recursive: true })
  }
})
