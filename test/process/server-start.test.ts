/** The commands with which Kafka's users start a server, under the names of Kafka's scripts: in the foreground, in the background, and for ZooKeeper. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../node-ports.js'
import { CommandProcess, MAIN, SERVES } from './server-process.js'

const options = { timeout: 60_000 }
const POLL_MS = 20

interface Place {
  readonly directory: string
  /** Runs a script of Kafka's: a link to the program. */
  readonly script: (name: string, ...args: string[]) => CommandProcess
}

function placeFor(t: TestContext): Place {
  const directory = temporaryDirectory('server-start')
  const started: CommandProcess[] = []
  t.after(async () => {
    for (const each of started) if (each.running) await each.end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  const script = (name: string, ...args: string[]): CommandProcess => {
    const main = join(directory, name)
    if (!existsSync(main)) symlinkSync(MAIN, main)
    const run = new CommandProcess(args, { main, cwd: directory, env: { LOG_DIR: join(directory, 'output') } })
    started.push(run)
    return run
  }
  return { directory, script }
}

/** Settings as Kafka ships them, some of which have no effect here. */
function settingsFile({ directory }: Place, more = ''): string {
  const file = join(directory, more === '' ? 'server.properties' : 'more.properties')
  const lines = [
    'process.roles=broker,controller',
    'node.id=3',
    'num.io.threads=8',
    `log.dirs=${join(directory, 'data')}`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n${more}`)
  return file
}

const ANY_PORT = ['--override', 'listeners=PLAINTEXT://127.0.0.1:0']

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

test('kafka-server-start.sh: the file, and what is overridden', options, async (t) => {
  const place = placeFor(t)
  const file = settingsFile(place, 'num.partitions=2\n')
  const run = place.script('kafka-server-start.sh', file, ...ANY_PORT, '--override', 'num.network.threads=1')
  await run.says(SERVES)
  await run.says('node 3, broker and controller')
  const [warning] = run.logLines('settings of Kafka that have no effect here')
  assert.deepEqual(warning!['keys'], ['num.io.threads', 'num.network.threads'])
  const [, address] = /on (127\.0\.0\.1:\d+)/.exec(run.stdout)!
  const create = place.script('kafka-topics.sh', '--bootstrap-server', address!, '--create', '--topic', 't')
  assert.equal((await create.finished()).code, 0, create.stderr)
  const describe = place.script('kafka-topics.sh', '--bootstrap-server', address!, '--describe', '--topic', 't')
  assert.equal((await describe.finished()).code, 0)
  assert.match(describe.stdout, /PartitionCount: 2/)
  assert.deepEqual(await run.end('SIGTERM'), { code: 0, signal: null })
})

test('what is wrong with the file or the arguments', options, async (t) => {
  const place = placeFor(t)
  for (const [args, code, sentence] of [
    [[], 2, /^lograft: server-start needs the path of a file/],
    [[join(place.directory, 'none')], 1, /^lograft: cannot read the configuration: .*none/],
    [[settingsFile(place), '--override', 'num.partitions'], 2, /^lograft: --override num\.partitions is not allowed/],
    [[settingsFile(place), '--override', 'num.partitions=x'], 2, /^lograft: num\.partitions=x is not allowed/],
    [
      ['-daemon', settingsFile(place, 'num.partitions=x\n')],
      1,
      /^lograft: .*: line 5: num\.partitions=x is not allowed/,
    ],
  ] as const) {
    const run = place.script('kafka-server-start.sh', ...args)
    assert.equal((await run.finished()).code, code, run.stderr)
    assert.equal(run.complaints.length, 1, run.stderr)
    assert.match(run.complaints[0]!, sentence)
  }
  assert.equal(existsSync(join(place.directory, 'output')), false)
})

test('-daemon: ends when the node serves, which goes on; or with what kept it from that', options, async (t) => {
  const place = placeFor(t)
  const run = place.script('kafka-server-start.sh', settingsFile(place), '-daemon', ...ANY_PORT)
  assert.deepEqual(await run.finished(), { code: 0, signal: null }, run.stderr)
  const [, pid, path] = /^lograft serves as process (\d+), what it says goes to (\S+)\nkill \1 stops it\.\n$/.exec(
    run.stdout,
  )!
  t.after(() => {
    if (isRunning(Number(pid))) process.kill(Number(pid), 'SIGKILL')
  })
  assert.equal(path, join(place.directory, 'output', 'lograft.out'))
  assert.match(readFileSync(path!, 'utf8'), new RegExp(SERVES))

  const second = place.script('kafka-server-start.sh', '-daemon', settingsFile(place), ...ANY_PORT)
  assert.equal((await second.finished()).code, 1)
  assert.match(second.stderr, /^lograft: .*data is in use by another node that is running: .*\n$/)
  assert.equal(isRunning(Number(pid)), true)

  process.kill(Number(pid), 'SIGTERM')
  await untilGone(Number(pid))
  assert.equal(existsSync(join(place.directory, 'data', '.kafka_cleanshutdown')), true)
})

test(
  '-daemon: ends when the node waits for the other controllers of its cluster, which goes on',
  options,
  async (t) => {
    const place = placeFor(t)
    const alone = ['--override', 'controller.quorum.voters=3@127.0.0.1:9,4@127.0.0.1:10']
    const run = place.script('kafka-server-start.sh', '-daemon', settingsFile(place), ...ANY_PORT, ...alone)
    assert.deepEqual(await run.finished(), { code: 0, signal: null }, run.stderr)
    const said =
      /^lograft runs, and waits for the controllers of its cluster, as process (\d+), what it says goes to (\S+)$/m
    const [, pid, path] = said.exec(run.stdout)!
    t.after(() => {
      if (isRunning(Number(pid))) process.kill(Number(pid), 'SIGKILL')
    })
    assert.match(
      readFileSync(path!, 'utf8'),
      /^lograft \S+, node 3, waits for its cluster: 3@127\.0\.0\.1:9, 4@127\.0\.0\.1:10$/m,
    )
    assert.equal(isRunning(Number(pid)), true)
    process.kill(Number(pid), 'SIGTERM')
    await untilGone(Number(pid))
  },
)

test('zookeeper-server-start.sh has nothing to start, and says so without failing', options, async (t) => {
  const place = placeFor(t)
  for (const args of [['zookeeper.properties'], ['-daemon', './config/zookeeper.properties'], []]) {
    const run = place.script('zookeeper-server-start.sh', ...args)
    assert.deepEqual(await run.finished(), { code: 0, signal: null }, run.stderr)
    assert.match(
      run.stdout,
      /^There is no ZooKeeper to start, and none is needed: .*\nStart the broker at once: lograft start/,
    )
  }
})
