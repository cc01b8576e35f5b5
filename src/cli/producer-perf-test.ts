/** `lograft producer-perf-test`: with the flags of kafka-producer-perf-test.sh. */
import fs from 'node:fs'
import { resolve } from 'node:path'
import type { CommandModule } from 'yargs'
import { Prng } from '../base/prng.js'
import type { ClusterClient } from '../client/cluster-client.js'
import { Producer, type ProducerOptions } from '../client/producer/producer.js'
import { clientSettings, settingsOf } from './client-settings.js'
import {
  type ClusterOptions,
  clusterOptions,
  flag,
  keyValues,
  text,
  wholeNumber,
  withCluster,
} from './cluster-options.js'
import { fail, misuse } from './fail.js'
import { paceMs, parseThroughput, Turns } from './pace.js'
import { PerformanceFigures } from './performance-figures.js'
import { producerOptionsOf } from './producer-settings.js'

interface Options extends ClusterOptions {
  readonly topic: string
  readonly 'num-records': string
  readonly throughput: string
  readonly 'record-size': string | undefined
  readonly 'payload-file': string | undefined
  readonly 'payload-delimiter': string
  readonly 'payload-monotonic': boolean
  readonly 'command-property': readonly string[] | undefined
  readonly 'producer.config': string | undefined
  readonly 'print-metrics': boolean
  readonly 'transactional-id': string | undefined
  readonly 'transaction-duration-ms': string | undefined
  readonly 'warmup-records': string
  readonly 'reporting-interval': string
}

/** What is sent is the same in every run. */
const SEED = 0
const LARGEST_RECORD = 0x7fff_ffff
const properties = { type: 'string', array: true, requiresArg: true } as const

export const producerPerfTestCommand: CommandModule<object, Options> = {
  command: 'producer-perf-test',
  describe: 'Send many records, and print how many a second and how long they took',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, demandOption: true, describe: 'Where to; it is created if the broker allows it' })
      .option('num-records', { ...text, demandOption: true, describe: 'How many' })
      .option('throughput', { ...text, demandOption: true, describe: 'Not more a second; -1: as fast as it goes' })
      .option('record-size', { ...text, describe: 'Bytes of a record, which are random letters' })
      .option('payload-file', { ...text, describe: 'Instead: a file of which pieces are sent, in random order' })
      .option('payload-delimiter', { ...text, default: '\\n', describe: 'What stands between these pieces' })
      .option('payload-monotonic', { ...flag, describe: 'Instead: numbers from 0 on' })
      .option('command-property', {
        ...properties,
        alias: 'producer-props',
        describe: `Settings of the producer, key=value key=value: ${settingsOf('producer')}`,
      })
      .option('producer.config', { ...text, describe: 'As --command-config' })
      .option('print-metrics', { ...flag, describe: 'Print what the producer has counted at the end' })
      .option('transactional-id', { ...text, hidden: true })
      .option('transaction-duration-ms', { ...text, hidden: true })
      .option('warmup-records', { ...text, default: '0', describe: 'So many first ones are left out of a second line' })
      .option('reporting-interval', { ...text, default: '5000', describe: 'Milliseconds between lines on the way' })
      .example(
        '$0 producer-perf-test --topic load --num-records 1000000 --record-size 100 --throughput -1',
        'As fast as it goes',
      ),
  handler: (options) => {
    const typed = keyValues('command-property', options['command-property'])
    const settings = clientSettings('producer', [options['command-config'], options['producer.config']], typed)
    if (options['transactional-id'] !== undefined || options['transaction-duration-ms'] !== undefined) {
      misuse('transactions are not supported: leave out --transactional-id and --transaction-duration-ms')
    }
    const test = testOf(options, producerOptionsOf(settings))
    return withCluster(options, (client) => run(client, test), settings)
  },
}

interface Test {
  readonly topic: string
  readonly records: number
  readonly warmup: number
  readonly perSecond: number
  readonly intervalMs: number
  readonly printMetrics: boolean
  readonly producer: ProducerOptions
  readonly payload: (number: number) => Buffer
}

function testOf(options: Options, producer: ProducerOptions): Test {
  const records = wholeNumber('num-records', options['num-records'], 1)
  return {
    topic: options.topic,
    records,
    warmup: wholeNumber('warmup-records', options['warmup-records'], 0, records - 1),
    perSecond: parseThroughput(options.throughput),
    intervalMs: wholeNumber('reporting-interval', options['reporting-interval'], 1),
    printMetrics: options['print-metrics'],
    producer,
    payload: payloadOf(options),
  }
}

function payloadOf(options: Options): (number: number) => Buffer {
  const { 'record-size': given, 'payload-file': file, 'payload-monotonic': numbers } = options
  if ([given !== undefined, file !== undefined, numbers].filter((each) => each).length !== 1) {
    misuse('say one of --record-size, --payload-file, --payload-monotonic')
  }
  if (numbers) return (number) => Buffer.from(String(number))
  const random = new Prng(SEED)
  if (given !== undefined) {
    const size = wholeNumber('record-size', given, 1, LARGEST_RECORD)
    return () => {
      const letters = Buffer.allocUnsafe(size)
      for (let n = 0; n < size; n++) letters[n] = 65 + random.below(26)
      return letters
    }
  }
  const pieces = piecesOf(file!, options['payload-delimiter'])
  return () => pieces[random.below(pieces.length)]!
}

function piecesOf(path: string, given: string): Buffer[] {
  process.stdout.write(`Reading payloads from: ${resolve(path)}\n`)
  let content: string
  try {
    content = fs.readFileSync(path, 'utf8')
  } catch (error) {
    return fail(`cannot read the payloads: ${(error as Error).message}`)
  }
  if (content === '') fail(`cannot read the payloads: ${path} is empty`)
  const delimiter = given.replaceAll('\\n', '\n').replaceAll('\\t', '\t')
  const whole = content.endsWith(delimiter) ? content.slice(0, -delimiter.length) : content
  const pieces = whole.split(delimiter).map((piece) => Buffer.from(piece))
  process.stdout.write(`Number of messages read: ${pieces.length}\n`)
  return pieces
}

async function run(client: ClusterClient, test: Test): Promise<void> {
  const { clock } = client.ports
  const producer = new Producer(client, test.producer)
  if (test.warmup > 0) {
    const later = 'Steady state results will print after the complete test summary.'
    process.stdout.write(`Warmup first ${test.warmup} records. ${later}\n`)
  }
  const startMs = clock.monotonicMs()
  const all = new PerformanceFigures({ records: test.records, intervalMs: test.intervalMs, startMs })
  const figures = [all]
  const turns = new Turns(clock)
  let failed = 0
  let first: Error | undefined
  for (let number = 0; number < test.records; number++) {
    const payload = test.payload(number)
    if (test.warmup > 0 && number === test.warmup) {
      const { intervalMs } = test
      const records = test.records - number
      figures.push(new PerformanceFigures({ records, intervalMs, startMs: clock.monotonicMs(), isSteadyState: true }))
      all.printing = false
    }
    const counted = [...figures]
    const sentMs = clock.monotonicMs()
    const { delivered } = await producer.enqueue({ topic: test.topic, value: payload })
    delivered.then(
      () => {
        const nowMs = clock.monotonicMs()
        const latencyMs = Math.trunc(nowMs - sentMs)
        for (const each of counted) process.stdout.write(each.record(latencyMs, payload.length, nowMs))
      },
      (error: Error) => {
        failed++
        first ??= error
      },
    )
    const waitMs = paceMs(number + 1, clock.monotonicMs() - startMs, test.perSecond)
    if (waitMs >= 1) await client.pause(waitMs)
    else if (turns.isDue) await turns.next()
  }
  await producer.flush()
  // What came to an end in the last turn is counted, too.
  await client.pause(0)
  for (const each of figures) process.stdout.write(each.total(clock.monotonicMs()))
  if (test.printMetrics) process.stdout.write(metricsText(all.count, failed, test.records))
  if (first !== undefined) {
    process.stderr.write(`lograft: ${failed} records were not acknowledged, the first one: ${first.message}\n`)
    process.exitCode = 1
  }
}

function metricsText(acknowledged: number, failed: number, records: number): string {
  const metrics = [
    ['producer-metrics:record-send-total:{client-id=lograft-cli}', acknowledged],
    ['producer-metrics:record-error-total:{client-id=lograft-cli}', failed],
    ['producer-metrics:record-queue-total:{client-id=lograft-cli}', records - acknowledged - failed],
  ] as const
  const width = Math.max(...metrics.map(([name]) => name.length))
  const lines = metrics.map(([name, value]) => `${name.padEnd(width)} : ${value.toFixed(3)}\n`)
  return `\n${'Metric Name'.padEnd(width)}   Value\n${lines.join('')}`
}
