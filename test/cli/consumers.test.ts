/** The commands that read as members of groups, against a node: what they print, what they commit, how they end. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dateFormat } from '../../src/cli/date-format.js'
import { startNode } from '../../src/index.js'
import { type CommandOptions, type CommandResult, runCommand } from './run-command.js'

const node = await startNode({
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.min.heartbeat.interval.ms': '100',
  'group.consumer.heartbeat.interval.ms': '100',
})
after(() => node.stop())

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

function lograft(command: string, options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand([...command.split(' '), '--bootstrap-server', node.bootstrapServers], options)
}

async function succeeds(command: string, options: CommandOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await lograft(command, options)
  assert.equal(status, 0, `${command}: ${stderr}`)
  return stdout
}

async function refused(command: string, sentence: RegExp): Promise<void> {
  const result = await lograft(command)
  assert.deepEqual([result.status, result.stderr], [2, `${result.sentence}\n`], command)
  assert.match(result.sentence, sentence)
}

async function topicWith(topic: string, records: number): Promise<void> {
  const input = Array.from({ length: records }, (_, n) => `${n}\n`).join('')
  await succeeds(`topics --create --topic ${topic}`)
  await succeeds(`console-producer --topic ${topic}`, { input })
}

interface Event {
  readonly name: string
  readonly [field: string]: unknown
}

function events(stdout: string): Event[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
}

for (const protocol of ['classic', 'consumer']) {
  test(`console-consumer --group, ${protocol}: goes on behind what it has printed`, async () => {
    const topic = `go-on-${protocol}`
    await topicWith(topic, 10)
    const command = `console-consumer --topic ${topic} --group ${topic} --group-protocol ${protocol}`
    const first = await lograft(`${command} --from-beginning --max-messages 4`)
    assert.deepEqual([first.status, first.stdout], [0, '0\n1\n2\n3\n'])
    assert.equal(first.sentence, 'Processed a total of 4 messages')
    assert.equal(await succeeds(`${command} --max-messages 6`), '4\n5\n6\n7\n8\n9\n')
    assert.equal(await succeeds(`${command} --from-beginning --timeout-ms 1500`), '')
  })
}

test('console-consumer --group with an expression, and from the end', async () => {
  await topicWith('many-1', 1)
  await topicWith('many-2', 1)
  const both = await succeeds('console-consumer --include many-.* --group many --from-beginning --max-messages 2')
  assert.equal(both, '0\n0\n')
  assert.equal(await succeeds('console-consumer --topic many-1 --group new --timeout-ms 1500'), '')
})

test('console-consumer: told to stop it commits, leaves and says how it ended', async () => {
  await topicWith('stopped', 3)
  const args = ['console-consumer', '--topic', 'stopped', '--group', 'stopped', '--from-beginning']
  const child = spawn(process.execPath, [MAIN, ...args, '--bootstrap-server', node.bootstrapServers])
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    if (printed === '0\n1\n2\n') child.kill('SIGINT')
  })
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 130)
  const told = await succeeds('verifiable-consumer --topic stopped --group-id stopped --max-messages 0')
  assert.deepEqual(
    events(told).map(({ name }) => name),
    ['startup_complete', 'shutdown_complete'],
  )
  assert.equal(await succeeds('console-consumer --topic stopped --group stopped --timeout-ms 1500'), '')
})

for (const protocol of ['classic', 'consumer']) {
  test(`verifiable-consumer, ${protocol}: an event a line, as Kafka's`, async () => {
    const topic = `verified-${protocol}`
    await topicWith(topic, 3)
    const command = `verifiable-consumer --topic ${topic} --group-id ${topic} --group-protocol ${protocol}`
    const stdout = await succeeds(`${command} --max-messages 3 --verbose`)
    const told = events(stdout).filter(({ partitions }) => (partitions as unknown[] | undefined)?.length !== 0)
    for (const { timestamp } of told) assert.equal(typeof timestamp, 'number')
    const plain = told.map(({ timestamp: _, ...event }) => event)
    const place = { topic, partition: 0 }
    assert.deepEqual(plain, [
      { name: 'startup_complete' },
      { name: 'partitions_assigned', partitions: [place] },
      ...[0, 1, 2].map((n) => ({ name: 'record_data', key: null, value: String(n), ...place, offset: n })),
      { name: 'records_consumed', count: 3, partitions: [{ ...place, count: 3, minOffset: 0, maxOffset: 2 }] },
      { name: 'offsets_committed', offsets: [{ ...place, offset: 3 }], success: true },
      { name: 'partitions_revoked', partitions: [place] },
      { name: 'shutdown_complete' },
    ])
    assert.match(stdout, /^\{"timestamp":\d+,"name":"startup_complete"\}\n/)
  })
}

test('consumer-perf-test: the lines of Kafka’s', async () => {
  await topicWith('fast', 1000)
  const lines = (await succeeds('consumer-perf-test --topic fast --num-records 1000')).split('\n')
  assert.equal(
    lines[0],
    'start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, ' +
      'rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec',
  )
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}`
  const figure = String.raw`\d+\.\d{4}`
  assert.match(
    lines[1]!,
    new RegExp(`^${time}, ${time}, 0.0028, ${figure}, 1000, ${figure}, \\d+, \\d+, ${figure}, ${figure}$`),
  )
  const command = 'consumer-perf-test --topic fast --messages 2000 --timeout 4000 --hide-header'
  const [warning, ...rest] = (await succeeds(`${command} --show-detailed-stats --reporting-interval 1`)).split('\n')
  assert.match(
    warning!,
    new RegExp(`^${time}, 0, ${figure}, ${figure}, \\d+, ${figure}, \\d+, -?\\d+, ${figure}, ${figure}$`),
  )
  assert.match(rest.at(-2)!, /^WARNING: Exiting before consuming .* timeout \(4000 ms\) exceeded\. You can use/)
})

test('what cannot be is refused in a sentence', async () => {
  const group = 'verifiable-consumer --topic t --group-id g'
  await refused('verifiable-consumer --topic t', /^lograft: verifiable-consumer needs --group-id \(see/)
  await refused(
    `${group} --group-protocol new`,
    /^lograft: group\.protocol=new is not allowed: it must be classic or consumer$/,
  )
  await refused(
    `${group} --assignment-strategy Own`,
    /^lograft: partition\.assignment\.strategy=Own is not allowed: it must be/,
  )
  await refused(
    `${group} --reset-policy soon`,
    /^lograft: auto\.offset\.reset=soon is not allowed: it must be earliest, latest/,
  )
  await refused(`${group} --max-messages -2`, /^lograft: --max-messages -2 is not allowed/)
  await refused('consumer-perf-test --topic t', /^lograft: say --num-records/)
  await refused('consumer-perf-test --num-records 1', /^lograft: say --topic, or --include/)
  await refused(
    'consumer-perf-test --topic t --num-records 1 --date-format yyyy-QQ',
    /^lograft: --date-format yyyy-QQ is not allowed/,
  )
  await refused(
    'console-consumer --topic t --group g --group-protocol consumer --command-property session.timeout.ms=1',
    /^lograft: session\.timeout\.ms cannot be set with group\.protocol=consumer/,
  )
  await refused(
    'console-consumer --topic t --group g --command-property group.remote.assignor=range',
    /^lograft: group\.remote\.assignor needs group\.protocol=consumer$/,
  )
})

test('times are written as SimpleDateFormat writes them', () => {
  const time = new Date(2026, 10, 2, 3, 4, 5, 6).getTime()
  assert.equal(dateFormat('yyyy-MM-dd HH:mm:ss:SSS')!(time), '2026-11-02 03:04:05:006')
  assert.equal(dateFormat("d.M.yy 'o''clock' H")!(time), "2.11.26 o'clock 3")
  assert.equal(dateFormat('yyyy QQ'), undefined)
})
