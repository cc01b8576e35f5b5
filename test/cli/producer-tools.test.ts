/** producer-perf-test, verifiable-producer, e2e-latency: the lines of Kafka's tools, which scripts read, and what is refused. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { paceMs } from '../../src/cli/pace.js'
import { PerformanceFigures } from '../../src/cli/performance-figures.js'
import { startNode } from '../../src/index.js'
import { temporaryDirectory } from '../node-ports.js'
import { type CommandResult, runCommand } from './run-command.js'

const node = await startNode()
const directory = temporaryDirectory('producer-tools')
after(async () => {
  await node.stop()
  rmSync(directory, { recursive: true })
})

function lograft(command: string): Promise<CommandResult> {
  return runCommand([...command.split(' '), '--bootstrap-server', node.bootstrapServers])
}

async function succeeds(command: string): Promise<string> {
  const { status, stdout, stderr } = await lograft(command)
  assert.equal(status, 0, `${command}: ${stderr}`)
  return stdout
}

async function refused(command: string, sentence: RegExp): Promise<void> {
  const result = await lograft(command)
  assert.deepEqual([result.status, result.stdout], [2, ''], command)
  assert.match(result.sentence, sentence)
}

async function valuesOf(topic: string, count: number): Promise<string[]> {
  const text = await succeeds(
    `console-consumer --topic ${topic} --from-beginning --max-messages ${count} --timeout-ms 5000`,
  )
  return text.trimEnd().split('\n')
}

test('figures: totals, percentiles, and lines on the way', () => {
  const figures = new PerformanceFigures({ records: 100, intervalMs: 1000, startMs: 0 })
  for (let n = 1; n <= 99; n++) assert.equal(figures.record(n, 1024, n * 10), '')
  assert.equal(
    figures.record(100, 1024, 1000),
    '100 records sent, 100.0 records/sec (0.10 MB/sec), 50.5 ms avg latency, 100.0 ms max latency.\n',
  )
  assert.equal(
    figures.total(2000),
    '100 records sent, 50.000000 records/sec (0.05 MB/sec), 50.50 ms avg latency, 100.00 ms max latency, ' +
      '51 ms 50th, 96 ms 95th, 100 ms 99th, 100 ms 99.9th.\n',
  )
})

test('figures: of what comes behind a warm-up, and of nothing', () => {
  const steady = new PerformanceFigures({ records: 10, intervalMs: 5, startMs: 0, isSteadyState: true })
  assert.match(steady.record(1, 1, 5), /^In steady state\.\n1 records sent, /)
  assert.doesNotMatch(steady.record(1, 1, 10), /steady/)
  assert.match(steady.total(20), /^2 steady state records sent, /)
  const silent = new PerformanceFigures({ records: 10, intervalMs: 5, startMs: 0 })
  silent.printing = false
  assert.equal(silent.record(1, 1, 6), '')
  const none = new PerformanceFigures({ records: 10, intervalMs: 5, startMs: 0 })
  assert.match(none.total(0), /^0 records sent, 0\.000000 .* 0 ms 99\.9th\.\n$/)
})

test('pace: what is ahead waits, what is behind does not', () => {
  assert.equal(paceMs(100, 500, 100), 500)
  assert.equal(paceMs(100, 2000, 100), 0)
  assert.equal(paceMs(1, 0, Number.POSITIVE_INFINITY), 0)
})

test('producer-perf-test: sends what it says, from three kinds of payload', async () => {
  const test = 'producer-perf-test --throughput -1 --num-records'
  const total =
    /^50 records sent, \d+\.\d{6} records\/sec \(\d+\.\d\d MB\/sec\), \d+\.\d\d ms avg latency, .* 99\.9th\.$/m
  assert.match(await succeeds(`${test} 50 --topic numbers --payload-monotonic`), total)
  assert.deepEqual(
    await valuesOf('numbers', 50),
    Array.from({ length: 50 }, (_, n) => String(n)),
  )
  assert.match(
    await succeeds(`${test} 50 --topic letters --record-size 20 --command-property acks=1 linger.ms=0`),
    total,
  )
  for (const value of await valuesOf('letters', 50)) assert.match(value, /^[A-Z]{20}$/)
  const file = `${directory}/payloads`
  writeFileSync(file, 'one;two;three')
  const read = await succeeds(`${test} 50 --topic pieces --payload-file ${file} --payload-delimiter ;`)
  assert.match(read, /^Number of messages read: 3$/m)
  const pieces = new Set(await valuesOf('pieces', 50))
  assert.deepEqual([...pieces].sort(), ['one', 'three', 'two'])
})

test('producer-perf-test: a warm-up, a pace, and what the producer has counted', async () => {
  const text = await succeeds(
    'producer-perf-test --topic paced --num-records 60 --warmup-records 20 --throughput 100 --record-size 10 --print-metrics',
  )
  assert.match(text, /^Warmup first 20 records\./)
  assert.match(text, /^40 steady state records sent, /m)
  const [, perSecond] = /^60 records sent, ([\d.]+) records/m.exec(text)!
  assert.ok(Number(perSecond) <= 110, perSecond)
  assert.match(text, /^producer-metrics:record-send-total:\{client-id=lograft-cli\} +: 60\.000$/m)
})

test('producer-perf-test: what does not fit together is refused', async () => {
  const test = 'producer-perf-test --topic t --num-records 5'
  await refused(`${test} --throughput -1`, /^lograft: say one of --record-size, --payload-file, --payload-monotonic$/)
  await refused(`${test} --throughput -1 --record-size 5 --payload-monotonic`, /^lograft: say one of --record-size/)
  await refused(`${test} --throughput 0 --record-size 5`, /^lograft: --throughput 0 is not allowed/)
  await refused(
    `${test} --throughput -1 --record-size 5 --warmup-records 5`,
    /^lograft: --warmup-records 5 is not allowed/,
  )
  await refused(
    `${test} --throughput -1 --record-size 5 --transactional-id x`,
    /^lograft: transactions are not supported/,
  )
})

test('verifiable-producer: a line for each record, and a summary', async () => {
  const text = await succeeds(
    'verifiable-producer --topic verified --max-messages 3 --value-prefix 7 --repeating-keys 2',
  )
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    events.map(({ name }) => name),
    ['startup_complete', ...Array<string>(3).fill('producer_send_success'), 'shutdown_complete', 'tool_data'],
  )
  const sent = events.slice(1, 4).map(({ timestamp: _, ...event }) => event)
  const name = 'producer_send_success'
  assert.deepEqual(sent, [
    { name, key: '0', value: '7.0', offset: 0, topic: 'verified', partition: 0 },
    { name, key: '1', value: '7.1', offset: 1, topic: 'verified', partition: 0 },
    { name, key: '0', value: '7.2', offset: 2, topic: 'verified', partition: 0 },
  ])
  const { sent: count, acked, target_throughput: target, avg_throughput: average } = events.at(-1)!
  assert.deepEqual([count, acked, target], [3, 3, -1])
  assert.ok((average as number) > 0)
})

test('verifiable-producer: what is not taken is told as well, and counted as sent', async () => {
  await succeeds('topics --create --topic refused --config max.message.bytes=50')
  const text = await succeeds('verifiable-producer --topic refused --max-messages 2')
  assert.match(
    text,
    /"name":"producer_send_error","exception":"MESSAGE_TOO_LARGE",.*"topic":"refused","key":null,"value":"0"\}$/m,
  )
  assert.match(text, /"name":"tool_data","sent":2,"acked":0,/)
})

test('e2e-latency: by names and by places, and only where a record is waited for', async () => {
  const made = await succeeds(`e2e-latency ${node.bootstrapServers} probe 5 all 10`)
  assert.match(
    made,
    /^Topic "probe" does not exist\. Will create topic with 1 partition\(s\) and replication factor = 1\n0\t[\d.]+\nAvg latency: \d+\.\d{4} ms\nPercentiles: 50th = \d+, 99th = \d+, 99\.9th = \d+\n$/,
  )
  const options = '--record-key-size 3 --num-headers 2 --record-header-key-size 4 --record-header-size -1'
  await succeeds(`e2e-latency --topic probe --num-records 3 --producer-acks 1 --record-size 7 ${options}`)
  const print = '--property print.key=true --property print.headers=true'
  const read = await succeeds(
    `console-consumer --topic probe --from-beginning --max-messages 8 --timeout-ms 5000 ${print}`,
  )
  assert.match(read.trimEnd().split('\n').at(-1)!, /^([A-Z]{4}):null,[A-Z]{4}:null\t[A-Z]{3}\t[A-Z]{7}$/)
  await refused(
    'e2e-latency --topic probe --num-records 3 --producer-acks 0 --record-size 7',
    /^lograft: --producer-acks 0 is not allowed/,
  )
  await refused(
    'e2e-latency --topic probe',
    /^lograft: e2e-latency needs --num-records, --producer-acks, --record-size$/,
  )
  await refused('e2e-latency a b c', /^lograft: e2e-latency takes 5 or 6 arguments, and these are 3/)
})
