/** kafka-home: a directory from which fixtures start and stop "Kafka", and the names by which they call what is in it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { COMMANDS, commandLine } from '../../src/cli/commands.js'
import { ofJavaClass } from '../../src/cli/java-classes.js'
import { KAFKA_COMMANDS, OWN_COMMANDS } from '../../src/cli/kafka-home/script-names.js'
import { temporaryDirectory } from '../node-ports.js'
import { type CommandResult, runCommand } from './run-command.js'

const directory = temporaryDirectory('kafka-home')
const home = join(directory, "it's kafka")
const posix = { skip: process.platform === 'win32' && 'its scripts are for a shell' }

before(async () => {
  const { status, stderr } = await runCommand(['kafka-home', home])
  assert.equal(status, 0, stderr)
})
after(() => rmSync(directory, { recursive: true }))

/** As somebody types it, in the directory. */
function script(line: string, env: Readonly<Record<string, string>> = {}): Promise<Omit<CommandResult, 'sentence'>> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', line], { cwd: home, env: { ...process.env, ...env }, timeout: 60_000 })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, stdout, stderr }))
    child.stdin.end()
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('every command is one of Kafka, with a script, or one of our own', () => {
  assert.deepEqual(COMMANDS.map(({ name }) => name).sort(), [...KAFKA_COMMANDS, ...OWN_COMMANDS].sort())
  const scripts = readdirSync(join(home, 'bin'))
  for (const name of KAFKA_COMMANDS) {
    const file = name.startsWith('zookeeper-') ? `${name}.sh` : `kafka-${name}.sh`
    assert.ok(scripts.includes(file), file)
    assert.equal(commandLine('main.js', [file]).command?.name, name)
  }
})

test('the version stands in the names of files, and may be another', async () => {
  assert.deepEqual(readdirSync(join(home, 'libs')).sort(), ['kafka-clients-4.3.1.jar', 'kafka_2.13-4.3.1.jar'])
  const other = join(directory, 'other')
  assert.equal((await runCommand(['kafka-home', other, '--kafka-version', '3.9.0'])).status, 0)
  assert.ok(existsSync(join(other, 'libs', 'kafka_2.13-3.9.0.jar')))
  const { status, sentence } = await runCommand(['kafka-home', other, '--kafka-version', 'new'])
  assert.deepEqual([status, sentence], [2, 'lograft: --kafka-version new is not allowed: it must be as 4.3.1'])
})

test('settings that somebody has changed stay', async () => {
  const other = join(directory, 'changed')
  const file = join(other, 'config', 'server.properties')
  await runCommand(['kafka-home', other])
  writeFileSync(file, 'node.id=7\n')
  await runCommand(['kafka-home', other])
  assert.equal(readFileSync(file, 'utf8'), 'node.id=7\n')
})

test("Java's names of programs are commands", () => {
  assert.deepEqual(ofJavaClass(['kafka.Kafka', 'a.properties']), { command: 'server-start', args: ['a.properties'] })
  assert.deepEqual(ofJavaClass(['-name', 'x', '-loggc', '-daemon', 'kafka.Kafka', 'a']), {
    command: 'server-start',
    args: ['-daemon', 'a'],
  })
  for (const [name, command] of [
    ['kafka.admin.TopicCommand', 'topics'],
    ['org.apache.kafka.tools.TopicCommand', 'topics'],
    ['org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', 'consumer-groups'],
    ['org.apache.zookeeper.server.quorum.QuorumPeerMain', 'zookeeper-server-start'],
  ] as const) {
    assert.equal(ofJavaClass([name])?.command, command)
  }
  for (const none of ['org.example.TopicCommand', 'kafka.Nonsense', 'kafka.toString', ''])
    assert.equal(ofJavaClass([none]), undefined)
  assert.deepEqual(commandLine('main.js', ['kafka-run-class.sh', 'kafka.Kafka', 'f', '-daemon']).args, [
    'server-start',
    'f',
    '--daemon',
  ])
  assert.deepEqual(commandLine('kafka-run-class.sh', ['kafka.tools.GetOffsetShell']).args, ['get-offsets'])
  const unknown = commandLine('main.js', ['kafka-run-class.sh', 'org.example.Tool'])
  assert.deepEqual([unknown.command, unknown.args], [undefined, ['org.example.Tool']])
})

test('a server is started in the background from there, used, and stopped', posix, async () => {
  const address = `localhost:${await freePort()}`
  const file = join(home, 'config', 'server.properties')
  writeFileSync(file, readFileSync(file, 'utf8').replace('PLAINTEXT://:9092', `PLAINTEXT://${address}`))
  assert.match(
    (await script('bin/zookeeper-server-start.sh config/zookeeper.properties')).stdout,
    /^There is no ZooKeeper/,
  )
  const started = await script('bin/kafka-server-start.sh ./config/server.properties -daemon')
  assert.equal(started.status, 0, started.stderr)
  try {
    assert.match(
      readFileSync(join(home, 'logs', 'lograft.out'), 'utf8'),
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] INFO \[KafkaRaftServer nodeId=1\] Kafka Server started /m,
    )
    const where = `--bootstrap-server ${address}`
    const create = `bin/kafka-topics.sh ${where} --create --replication-factor 1 --partitions 1 --topic test`
    assert.equal((await script(create)).stdout, 'Created topic test.\n')
    await script(`echo hello | bin/kafka-console-producer.sh --broker-list ${address} --topic test`)
    const read = `bin/kafka-console-consumer.sh ${where} --from-beginning --partition 0 --topic test --max-messages 1`
    assert.equal((await script(`${read} --timeout-ms 10000`)).stdout, 'hello\n')
    const ends = `bin/kafka-run-class.sh kafka.tools.GetOffsetShell --broker-list ${address} --topic test`
    assert.equal((await script(ends)).stdout, 'test:0:1\n')
    assert.equal((await script(`bin/kafka-topics.sh ${where} --delete --topic test`)).status, 0)
    assert.equal((await script(`bin/kafka-topics.sh ${where} --list`)).stdout, '')
    assert.equal(readdirSync(join(home, 'run')).length, 1)
  } finally {
    assert.equal((await script('bin/kafka-server-stop.sh')).status, 0)
  }
  for (let waited = 0; readdirSync(join(home, 'run')).length > 0 && waited < 100; waited++) await script('sleep 0.1')
  const again = await script('bin/kafka-server-stop.sh')
  assert.deepEqual([again.status, again.stderr], [1, 'No kafka server to stop\n'])
})

test('a file that names a process that is none of ours stops nothing', posix, async () => {
  writeFileSync(join(home, 'run', `${process.pid}.pid`), '')
  assert.equal((await script('bin/kafka-server-stop.sh')).status, 1)
  assert.deepEqual(readdirSync(join(home, 'run')), [])
})

test("ZooKeeper's other scripts explain themselves", posix, async () => {
  const stop = await script('bin/zookeeper-server-stop.sh')
  assert.deepEqual([stop.status, stop.stderr], [0, ''])
  const shell = await script('bin/zookeeper-shell.sh localhost:2181')
  assert.deepEqual([shell.status, shell.stdout], [1, ''])
  assert.match(shell.stderr, /^There is no ZooKeeper to look into/)
})
