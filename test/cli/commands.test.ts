/** The commands against a node: what they print, how they end. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { COMMANDS, commandLine } from '../../src/cli/commands.js'
import { startNode } from '../../src/index.js'
import { temporaryDirectory } from '../node-ports.js'
import { type CommandOptions, type CommandResult, runCommand } from './run-command.js'

const node = await startNode()
const directory = temporaryDirectory('cli')
after(async () => {
  await node.stop()
  rmSync(directory, { recursive: true })
})

function lograft(command: string, options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand([...command.split(' '), '--bootstrap-server', node.bootstrapServers], options)
}

async function succeeds(command: string, options: CommandOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await lograft(command, options)
  assert.equal(status, 0, `${command}: ${stderr}`)
  return stdout
}

async function refused(command: string, sentence: RegExp, status = 1): Promise<void> {
  const result = await lograft(command)
  assert.equal(result.status, status, command)
  assert.match(result.sentence, sentence)
  if (status === 2) assert.equal(result.stderr, `${result.sentence}\n`, 'no more than the sentence')
  assert.doesNotMatch(result.stderr, /^ {4}at /m, `${command}: a stack instead of a sentence`)
}

test('topics: created, listed, described', async () => {
  assert.equal(await succeeds('topics --create --topic first --partitions 3'), 'Created topic first.\n')
  await succeeds('topics --create --topic second --replica-assignment 1,1 --config segment.bytes=1048576')
  await refused('topics --create --topic first', /^lograft: topic first .*\(TOPIC_ALREADY_EXISTS\)$/)
  assert.equal(await succeeds('topics --create --topic first --if-not-exists'), '')
  assert.deepEqual((await succeeds('topics --list')).split('\n').slice(0, 2), ['first', 'second'])
  assert.equal(await succeeds('topics --list --topic fir.*,other'), 'first\n')
  const described = await succeeds('topics --describe --topic first')
  assert.match(described, /^Topic: first\tTopicId: [\w-]{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: /)
  assert.match(described, /^\tTopic: first\tPartition: 2\tLeader: 1\tReplicas: 1\tIsr: 1$/m)
  assert.match(await succeeds('topics --describe --topic second'), /PartitionCount: 2/)
  assert.equal(await succeeds('topics --describe --unavailable-partitions'), '')
  await refused('topics --describe --topic third', /^lograft: topic third does not exist$/)
  assert.equal(await succeeds('topics --describe --topic third --if-exists'), '')
})

test('topics: more partitions, and deleted', async () => {
  for (const name of ['grown', 'grown-too']) await succeeds(`topics --create --topic ${name}`)
  await succeeds('topics --alter --topic grown --partitions 4')
  assert.match(await succeeds('topics --describe --topic grown'), /PartitionCount: 4/)
  await refused('topics --alter --topic grown --partitions 2', /^lograft: topic grown has 4 .*\(INVALID_PARTITIONS\)$/)
  await refused('topics --alter --topic grown', /^lograft: --alter needs --partitions/, 2)
  await succeeds('topics --delete --topic grown.*')
  assert.equal(await succeeds('topics --list --topic grown.*'), '')
  await refused('topics --delete --topic grown', /^lograft: topic grown does not exist$/)
  assert.equal(await succeeds('topics --delete --topic grown --if-exists'), '')
})

test('topics: what is wrong is refused in a sentence', async () => {
  await refused('topics --create --topic a/b', /\(INVALID_TOPIC_EXCEPTION\)$/)
  await refused('topics --create --topic many --replication-factor 3', /\(INVALID_REPLICATION_FACTOR\)$/)
  await refused('topics --create --topic odd --config no.such.key=1', /\(INVALID_CONFIG\)$/)
  await refused(
    'topics --create --topic odd --config nothing',
    /^lograft: --config nothing is not allowed: it must be key=value$/,
    2,
  )
  await refused(
    'topics --create --topic odd --partitions x',
    /^lograft: --partitions x is not allowed: it must be a whole number from 1/,
    2,
  )
  await refused('topics --create', /^lograft: --create needs --topic$/, 2)
  await refused('topics --create --topic a --topic b', /^lograft: --topic is given more than once \(see/, 2)
  await refused('topics --create --list', /^lograft: say one of --create, --list/, 2)
  await refused('topics --list --no-such-flag', /^lograft: topics has no option --no-such-flag \(see/, 2)
  await refused('topics --list --topic [', /^lograft: --topic \[ is no name and no regular expression$/, 2)
})

test('produced with keys and headers, consumed with all that can be printed', async () => {
  await succeeds('topics --create --topic printed')
  const lines = 'h1=v1|h2=v2\tk1\tone\n\tk2\ttwo\nh=\tNIL\tNIL\r\n'
  const reading = [
    'parse.headers=true',
    'parse.key=true',
    'headers.separator=|',
    'headers.key.separator==',
    'null.marker=NIL',
  ]
  const flags = reading.map((property) => `--property ${property}`).join(' ')
  await succeeds(`console-producer --topic printed --compression-codec gzip ${flags}`, { input: lines })
  const consumed = await lograft(
    'console-consumer --topic printed --partition 0 --offset 0 --max-messages 3 --property print.key=true ' +
      '--property print.headers=true --property print.offset=true --property print.partition=true --property print.timestamp=true',
  )
  assert.equal(consumed.status, 0, consumed.stderr)
  assert.deepEqual(consumed.stdout.replaceAll(/CreateTime:\d{13}/g, 'T').split('\n'), [
    'T\tPartition:0\tOffset:0\th1:v1,h2:v2\tk1\tone',
    'T\tPartition:0\tOffset:1\tNO_HEADERS\tk2\ttwo',
    'T\tPartition:0\tOffset:2\th:\tnull\tnull',
    '',
  ])
  assert.equal(consumed.sentence, 'Processed a total of 3 messages')
  assert.equal(await succeeds('console-consumer --topic printed --partition 0 --offset 1 --max-messages 1'), 'two\n')
  assert.equal(
    await succeeds('console-consumer --topic printed --from-beginning --timeout-ms 300 --property print.value=false'),
    '\n\n\n',
  )
  assert.equal(await succeeds('get-offsets --topic printed'), 'printed:0:3\n')
})

test('bytes that are no text, many lines, every codec and acks: what went in comes out in order', async () => {
  await succeeds('topics --create --topic bytes')
  let sent = Buffer.alloc(0)
  for (const flags of [
    '--compression-codec snappy',
    '--compression-codec lz4 --batch-size 300',
    '--request-required-acks 1',
    '--request-required-acks 0 --compression-codec',
  ]) {
    const input = Buffer.concat(
      Array.from({ length: 300 }, (_, n) => Buffer.from([0xff, 0xfe, (n & 0x7f) | 0x80, 0x0a])),
    )
    await succeeds(`console-producer --topic bytes ${flags}`, { input })
    sent = Buffer.concat([sent, input])
  }
  const { stdout } = await lograft(`console-consumer --topic bytes --from-beginning --max-messages 1200`)
  assert.equal(stdout, sent.toString('utf8'))
})

test('keys go to their partition, and what is printed of three partitions is all there is', async () => {
  await succeeds('topics --create --topic keyed --partitions 3')
  const input = Array.from({ length: 60 }, (_, n) => `key${n % 6}:${n}\n`).join('')
  await succeeds('console-producer --topic keyed --property parse.key=true --property key.separator=:', { input })
  const stdout = await succeeds(
    'console-consumer --topic keyed --from-beginning --max-messages 60 --property print.key=true --property print.partition=true',
  )
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  assert.equal(rows.length, 60)
  const partitions = new Map<string, string>()
  for (const [partition, key] of rows) {
    assert.equal(partitions.get(key!) ?? partition, partition)
    partitions.set(key!, partition!)
  }
  const ends = (await succeeds('get-offsets --topic keyed')).trimEnd().split('\n')
  assert.equal(
    ends.reduce((sum, line) => sum + Number(line.split(':')[2]), 0),
    60,
  )
  const firsts = await succeeds('get-offsets --topic-partitions keyed:0-2,nothing --time earliest')
  assert.equal(firsts, 'keyed:0:0\nkeyed:1:0\n')
  assert.equal(await succeeds('get-offsets --topic keyed --partitions 1 --time 9999999999999'), 'keyed:1:\n')
})

test('console-producer and console-consumer refuse in a sentence', async () => {
  const keyed = await lograft('console-producer --topic keyed --property parse.key=true', { input: 'nokey\n' })
  assert.deepEqual([keyed.status, keyed.sentence], [1, 'lograft: line 1 has no key.separator "\\t": nokey'])
  await refused(
    'console-producer --topic t --property key.seperator=:',
    /is not known; did you mean key.separator\?$/,
    2,
  )
  await refused(
    'console-producer --topic t --compression-codec rar',
    /^lograft: --compression-codec rar is not allowed/,
    2,
  )
  await refused('console-producer --topic t --request-required-acks 2', /it must be 0, 1, -1 or all$/, 2)
  await refused(
    'console-producer --topic t --producer-property partitioner.class=Own',
    /^lograft: partitioner\.class=Own is not allowed: it must be RoundRobinPartitioner or DefaultPartitioner$/,
    2,
  )
  await refused('console-producer', /^lograft: console-producer needs --topic \(see/, 2)
  await refused('console-consumer --topic t --offset 3', /^lograft: --offset needs --partition/, 2)
  await refused('console-consumer --topic t --group g --partition 0', /^lograft: --group and --partition cannot/, 2)
  await refused(
    'console-consumer --topic t --group g --command-property group.id=h',
    /^lograft: --group g and group\.id=h are not the same: leave one out$/,
    2,
  )
  await refused('console-consumer --topic t --group-protocol consumer', /^lograft: group\.protocol needs --group/, 2)
  await refused(
    'console-consumer --topic t --from-beginning --command-property auto.offset.reset=latest',
    /^lograft: --from-beginning and auto\.offset\.reset=latest do not go together: leave one out$/,
    2,
  )
  await refused('console-consumer', /^lograft: say --topic, or --include/, 2)
  const large = await lograft('console-producer --topic large --producer-property max.request.size=100', {
    input: 'x'.repeat(200),
  })
  assert.match(large.sentence, /^lograft: a record of \d+ bytes is larger than the 100 that are allowed$/)
  await succeeds('topics --create --topic small --config max.message.bytes=100')
  const refusedByBroker = await lograft('console-producer --topic small', { input: `${'x'.repeat(200)}\n` })
  assert.equal(refusedByBroker.status, 1)
  assert.match(refusedByBroker.sentence, /\(MESSAGE_TOO_LARGE\)$/)
})

test('what a client is told by a property or a file: without effect is warned of, not allowed ends it', async () => {
  const file = `${directory}/producer.properties`
  const consumer = `${directory}/consumer.properties`
  writeFileSync(
    file,
    `bootstrap.servers=${node.bootstrapServers}\nkey.serializer=x\n\nlinger.m=5\nmax.block.ms=7\nacks=1\n`,
  )
  const produced = await runCommand(
    ['console-producer', '--topic', 'told', '--producer.config', file, '--producer-property', 'nonsense=1'],
    { input: 'one\n' },
  )
  assert.equal(produced.status, 0, produced.stderr)
  assert.equal(
    produced.stderr,
    'lograft: warning: linger.m has no effect; did you mean linger.ms?\n' +
      'lograft: warning: without effect here: key.serializer, max.block.ms, nonsense\n',
  )
  writeFileSync(consumer, `bootstrap.servers=${node.bootstrapServers}\nfetch.max.wait.ms=100\nisolation.level=x\n`)
  const read = ['console-consumer', '--topic', 'told', '--from-beginning', '--max-messages', '1']
  const wrongFile = await runCommand([...read, '--consumer.config', consumer])
  const sentence = 'isolation.level=x is not allowed: it must be read_uncommitted or read_committed'
  assert.deepEqual([wrongFile.status, wrongFile.stderr], [2, `lograft: ${consumer}: line 3: ${sentence}\n`])
  writeFileSync(consumer, `bootstrap.servers=${node.bootstrapServers}\nfetch.max.wait.ms=100\n`)
  const consumed = await runCommand([...read, '--consumer.config', consumer, '--consumer-property', 'check.crcs=false'])
  assert.deepEqual([consumed.status, consumed.stdout], [0, 'one\n'])
  assert.match(consumed.stderr, /^lograft: warning: without effect here: check\.crcs\nProcessed/)
  const listed = await runCommand(['topics', '--list', '--topic', 'told', '--command-config', consumer])
  assert.deepEqual([listed.status, listed.stdout], [0, 'told\n'], 'the address is in the file')
  assert.match(listed.stderr, /^lograft: warning: without effect here: fetch\.max\.wait\.ms\n$/)
  for (const [property, allowed] of [
    ['acks=2', '0, 1, -1 or all'],
    ['linger.ms=soon', 'a whole number from 0 to 9223372036854775807'],
    ['compression.type=rar', 'none or gzip or snappy or lz4 or zstd'],
    ['enable.idempotence=yes', 'true or false'],
    ['security.protocol=SSL', 'PLAINTEXT, because the commands have neither TLS nor SASL'],
  ] as const) {
    const { status, stderr } = await lograft(`console-producer --topic told --producer-property ${property}`)
    assert.deepEqual([status, stderr], [2, `lograft: ${property} is not allowed: it must be ${allowed}\n`])
  }
  await refused(
    'console-producer --topic told --request-required-acks 1 --producer-property enable.idempotence=true',
    /^lograft: enable\.idempotence=true needs acks=all$/,
    2,
  )
})

test('cluster, quorum and versions', async () => {
  assert.equal(await succeeds('cluster cluster-id'), `Cluster ID: ${node.clusterId}\n`)
  const [, port] = node.bootstrapServers.split(':')
  assert.match(
    await succeeds('cluster list-endpoints'),
    new RegExp(`^1 +127\\.0\\.0\\.1 +${port} +null +unfenced +broker$`, 'm'),
  )
  await refused('cluster unregister --id 9', /^lograft: .*no broker 9 is registered \(BROKER_ID_NOT_REGISTERED\)$/)
  await refused('cluster unregister', /^lograft: unregister needs --id/, 2)
  await refused('cluster unregister --id x', /^lograft: --id x is not allowed: it must be a whole number/, 2)
  const status = await succeeds('metadata-quorum describe --status')
  assert.match(status, new RegExp(`^ClusterId: +${node.clusterId}\nLeaderId: +1\n`))
  assert.match(status, /^CurrentVoters: +\[\{"id": 1, "directoryId": "[\w-]{22}"\}\]$/m)
  assert.match(await succeeds('metadata-quorum describe --replication'), /^1 +[\w-]{22} +\d+ +0 +\d+ +\d+ +Leader$/m)
  const versions = await succeeds('broker-api-versions')
  assert.match(versions, new RegExp(`^${node.bootstrapServers} \\(id: 1 rack: null\\) -> \\(\n`))
  assert.match(versions, /^\tProduce\(0\): 0 to 13 \[usable: 13\],$/m)
})

test('how the cluster is named: aliases, ZooKeeper, nobody there, a file of settings', async () => {
  const listed = await runCommand(['topics', '--list', '--broker-list', node.bootstrapServers])
  assert.equal(listed.status, 0)
  const zookeeper = await runCommand(['topics', '--list', '--zookeeper', 'zk1:2181/chroot'])
  assert.equal(zookeeper.status, 2)
  assert.match(
    zookeeper.sentence,
    /^lograft: --zookeeper zk1:2181\/chroot names a ZooKeeper, .*: say --bootstrap-server zk1:9092/,
  )
  const config = `${directory}/client.properties`
  writeFileSync(config, 'default.api.timeout.ms=300\nclient.id=me\n')
  const nobody = await runCommand(['topics', '--list', '--bootstrap-server', '127.0.0.1:1', '--command-config', config])
  assert.equal(nobody.status, 1)
  assert.match(nobody.sentence, /^lograft: .* within 300 ms: no connection to 127\.0\.0\.1:1: .*ECONNREFUSED/)
  const compatible = await runCommand(
    ['topics', '--list', '--zookeeper', '127.0.0.1:2181', '--command-config', config],
    {
      env: { LOGRAFT_ZK_COMPAT: '1' },
    },
  )
  assert.doesNotMatch(compatible.stderr, /ZooKeeper/)
})

test('what is no address of a server is a wrong command line, for every command that talks to one', async () => {
  const local = [
    'start',
    'server-start',
    'zookeeper-server-start',
    'dump-log',
    'storage',
    'kafka-home',
    'wire',
    'check',
    'sim',
  ]
  const words: Readonly<Record<string, string>> = {
    topics: '--list',
    configs: '--describe --broker 1',
    'console-producer': '--topic t',
    'console-consumer': '--topic t',
    'consumer-groups': '--list',
    'consumer-perf-test': '--topic t --num-records 1',
    groups: '--list',
    'e2e-latency': '--topic t --num-records 1 --producer-acks 1 --record-size 1',
    'producer-perf-test': '--topic t --num-records 1 --record-size 1 --throughput -1',
    'verifiable-producer': '--topic t',
    'verifiable-consumer': '--topic t --group-id g',
    'delete-records': '--offset-json-file none',
    'log-dirs': '--describe',
    cluster: 'cluster-id',
    features: 'describe',
    'metadata-quorum': 'describe --status',
  }
  for (const { name } of COMMANDS.filter((each) => !local.includes(each.name))) {
    const args = [name, ...(words[name]?.split(' ') ?? [])]
    const result = await runCommand([...args, '--bootstrap-server', 'localhost'])
    const sentence =
      "lograft: --bootstrap-server: localhost is no server's address: it must be host:port, as localhost:9092"
    assert.deepEqual([result.status, result.stderr], [2, `${sentence}\n`], name)
  }
  for (const [address, sentence] of [
    ['::1:9092', /: ::1:9092 is no server's address: an IPv6 address stands in brackets, .* as \[::1\]:9092$/],
    ['[::1]', /: \[::1\] is no server's address: it must be host:port/],
    ['a:1,localhost:65536', /: localhost:65536 is no server's address: the port must be from 1 to 65535$/],
    ['local host:9092', /: local host:9092 is no server's address: it must be host:port/],
    [',', /: no server is named: it must be host:port$/],
  ] as const) {
    const result = await runCommand(['topics', '--list', '--bootstrap-server', address])
    assert.equal(result.status, 2, address)
    assert.match(result.stderr, /^lograft: --bootstrap-server: [^\n]+\n$/)
    assert.match(result.sentence, sentence)
  }
  const spaced = await runCommand(['topics', '--list', '--bootstrap-server', ` ${node.bootstrapServers} , b:1`])
  assert.equal(spaced.status, 0, spaced.stderr)
})

test('the list of commands says of each what the command itself says', async () => {
  for (const { name, describe, load } of COMMANDS) {
    const loaded = await load()
    assert.equal(loaded.describe, describe)
    assert.equal((loaded.command as string).split(' ')[0], name)
  }
})

test("a command goes by the name of Kafka's script, too, as the program or as the first word", () => {
  for (const [program, typed, name, args] of [
    ['kafka-topics.sh', '--list', 'topics', 'topics --list'],
    ['kafka-topics.sh', '--topic topics --describe', 'topics', 'topics --topic topics --describe'],
    ['kafka-console-consumer', '', 'console-consumer', 'console-consumer'],
    ['lograft', 'topics --list', 'topics', 'topics --list'],
    ['lograft', 'kafka-topics.bat --list', 'topics', 'topics --list'],
    ['kafka-server-start.sh', 'f -daemon', 'server-start', 'server-start f --daemon'],
    ['lograft', 'kafka-server-start -daemon f', 'server-start', 'server-start --daemon f'],
    ['zookeeper-server-start.sh', 'f', 'zookeeper-server-start', 'zookeeper-server-start f'],
    ['lograft', 'dump-log -daemon', 'dump-log', 'dump-log -daemon'],
    ['main.js', '--help', undefined, '--help'],
    ['kafka-nonsense.sh', 'topics', 'topics', 'topics'],
    ['lograft', 'zookeeper-topics', undefined, 'zookeeper-topics'],
  ] as const) {
    const line = commandLine(program, typed === '' ? [] : typed.split(' '))
    assert.deepEqual([line.command?.name, line.args.join(' ')], [name, args], `${program} ${typed}`)
  }
})
