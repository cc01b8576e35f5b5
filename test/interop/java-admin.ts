/** What the administrative tools of Apache Kafka are told: not only that they end well, but that what they print is what is so. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Check, Context } from './client.js'
import { attempt } from './external.js'
import { consume, create, ends, java, javaCommand, produce } from './java-command.js'
import { count } from './records.js'

const BY_TIME = 200
const INDEXED_BYTES = 4_000_000
const SEGMENT_BYTES = 1_048_576
const CLOSING_LIMIT_MS = 60_000

/** `--config` when it is made, and what is described of it; several topics in one table. */
async function checkDescription({ bootstrap }: Context): Promise<string> {
  const topic = 'java.described'
  const at = ['--bootstrap-server', bootstrap]
  const settings = ['--config', 'max.message.bytes=54321', '--config', 'retention.ms=3600000']
  await java('TopicCommand', [...at, '--create', '--topic', topic, '--partitions', '3', ...settings])
  const { stdout } = await java('TopicCommand', [...at, '--describe', '--topic', topic])
  const [head, ...partitions] = stdout.toString().trim().split('\n')
  const fields = new Map(head!.split('\t').map((field) => field.trim().split(/: ?/) as [string, string]))
  assert.deepEqual(
    ['Topic', 'PartitionCount', 'ReplicationFactor'].map((name) => fields.get(name)),
    [topic, '3', '1'],
  )
  assert.match(fields.get('TopicId') ?? '', /^[\w-]{22}$/)
  assert.deepEqual((fields.get('Configs') ?? '').split(',').sort(), ['max.message.bytes=54321', 'retention.ms=3600000'])
  for (const [partition, line] of partitions.entries()) {
    assert.match(line, new RegExp(`^\\tTopic: ${topic}\\tPartition: ${partition}\\tLeader: 1\\tReplicas: 1\\tIsr: 1`))
  }
  assert.equal(partitions.length, 3)
  const all = (await java('TopicCommand', [...at, '--describe'])).stdout.toString()
  assert.equal(
    all.match(/^Topic: /gm)?.length,
    (await java('TopicCommand', [...at, '--list'])).stdout.toString().trim().split('\n').length,
  )
  for (const troubled of ['--under-replicated-partitions', '--unavailable-partitions', '--under-min-isr-partitions']) {
    assert.equal((await java('TopicCommand', [...at, '--describe', troubled])).stdout.toString().trim(), '')
  }
  for (const [args, error] of [
    [['--create', '--topic', 'java.described', '--partitions', '0'], /greater than 0|InvalidPartitionsException/],
    [['--create', '--topic', 'java_described'], /InvalidTopicException.*collides with topic java\.described/],
    [['--create', '--topic', 'java.wide', '--replication-factor', '2'], /InvalidReplicationFactorException/],
    [['--create', '--topic', 'java.far', '--replica-assignment', '7'], /InvalidReplicaAssignmentException|no broker 7/],
    [['--create', '--topic', 'java.odd', '--config', 'no.such=1'], /no\.such/],
    [['--delete', '--topic', 'java.never'], /does not exist/],
  ] as const) {
    const outcome = await attempt(javaCommand('TopicCommand', [...at, ...args], ''))
    assert.notEqual(outcome.code, 0, args.join(' '))
    assert.match(`${outcome.stdout}${outcome.stderr}`, error)
  }
  return '3 partitions and 2 settings described, nothing in trouble, 6 requests refused'
}

async function checkDeleteRecords({ bootstrap, file }: Context): Promise<string> {
  const topic = 'java.deleted'
  await create(bootstrap, topic)
  await produce(bootstrap, topic, 100, ['--payload-monotonic'])
  const deleteBefore = async (offset: number): Promise<string> => {
    const path = file('delete-records.json')
    writeFileSync(path, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset }] }))
    const args = ['--bootstrap-server', bootstrap, '--offset-json-file', path]
    return (await java('DeleteRecordsCommand', args)).stdout.toString()
  }
  assert.match(await deleteBefore(40), /^partition: java\.deleted-0\tlow_watermark: 40$/m)
  const earliest = await java('GetOffsetShell', [
    '--bootstrap-server',
    bootstrap,
    '--topic',
    topic,
    '--time',
    'earliest',
  ])
  assert.equal(earliest.stdout.toString().trim(), `${topic}:0:40`)
  const left = (await consume(bootstrap, topic, 60)).toString().trim().split('\n').map(Number)
  assert.deepEqual(
    left,
    Array.from({ length: 60 }, (_, index) => 40 + index),
  )
  assert.match(await deleteBefore(1_000), /OffsetOutOfRange/)
  assert.match(await deleteBefore(-1), /^partition: java\.deleted-0\tlow_watermark: 100$/m)
  return '40 of 100 deleted, the others read, then all'
}

interface LogDir {
  readonly error: string | null
  readonly logDir: string
  readonly partitions: readonly {
    readonly partition: string
    readonly size: number
    readonly offsetLag: number
    readonly isFuture: boolean
  }[]
}

async function checkLogDirs({ bootstrap, dataPath }: Context): Promise<string> {
  const topic = 'java.log-dirs'
  await create(bootstrap, topic, 2)
  await produce(bootstrap, topic, 500, ['--record-size', '100'])
  const { stdout } = await java('LogDirsCommand', [
    '--bootstrap-server',
    bootstrap,
    '--describe',
    '--topic-list',
    topic,
  ])
  const json = stdout
    .toString()
    .split('\n')
    .find((line) => line.startsWith('{'))
  const { brokers } = JSON.parse(json ?? '{}') as { brokers: { broker: number; logDirs: LogDir[] }[] }
  assert.deepEqual(
    brokers.map(({ broker }) => broker),
    [1],
  )
  const [directory] = brokers[0]!.logDirs
  assert.deepEqual([directory!.error, directory!.logDir, brokers[0]!.logDirs.length], [null, dataPath, 1])
  const sizes = new Map(directory!.partitions.map(({ partition, size }) => [partition, size]))
  assert.deepEqual([...sizes.keys()].sort(), [`${topic}-0`, `${topic}-1`])
  for (const [partition, size] of sizes) {
    assert.equal(size, statSync(join(dataPath, partition, '00000000000000000000.log')).size, partition)
  }
  for (const { offsetLag, isFuture } of directory!.partitions) assert.deepEqual([offsetLag, isFuture], [0, false])
  return `2 partitions of ${[...sizes.values()].join(' and ')} bytes, as on the disk`
}

/** The first record of a time is found in the middle, the latest time where the consumer reads it, nothing behind the end. */
async function checkOffsetsByTime({ bootstrap }: Context): Promise<string> {
  const topic = 'java.times'
  await create(bootstrap, topic)
  for (const _ of [1, 2]) await produce(bootstrap, topic, BY_TIME, ['--payload-monotonic'])
  const shown = ['--formatter-property', 'print.timestamp=true']
  const read = (await consume(bootstrap, topic, 2 * BY_TIME, shown)).toString().trim().split('\n')
  const times = read.map((line) => Number(/^CreateTime:(\d+)\t/.exec(line)?.[1]))
  const ask = async (time: number | string): Promise<string> => {
    const args = ['--bootstrap-server', bootstrap, '--topic', topic, '--time', String(time)]
    return (await java('GetOffsetShell', args)).stdout.toString().trim()
  }
  const second = times[BY_TIME]!
  for (const [time, offset] of [
    [times[0]! - 1, 0],
    [second, times.findIndex((each) => each >= second)],
    ['max-timestamp', times.indexOf(Math.max(...times))],
  ] as const) {
    assert.equal(await ask(time), `${topic}:0:${offset}`, `at ${time}`)
  }
  // The tool leaves out the partitions that have none.
  assert.equal(await ask(times.at(-1)! + 1), '')
  return `of ${count(2 * BY_TIME)} records the first, one in the middle and the latest, by time`
}

async function checkReplication({ bootstrap }: Context): Promise<string> {
  const { stdout } = await java('MetadataQuorumCommand', ['--bootstrap-server', bootstrap, 'describe', '--replication'])
  const [head, ...rows] = stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s{2,}|\t/))
  assert.deepEqual(head!.slice(0, 4), ['NodeId', 'DirectoryId', 'LogEndOffset', 'Lag'])
  assert.equal(rows.length, 1)
  const [node, directory, end, lag] = rows[0]!
  assert.deepEqual([node, lag, rows[0]!.at(-1)], ['1', '0', 'Leader'])
  assert.match(directory!, /^[\w-]{22}$/)
  assert.ok(Number(end) > 0)
  return `node 1 leads, at ${end}`
}

interface DumpedBatch {
  readonly lastOffset: number
  readonly position: number
}

async function dump(...args: readonly string[]): Promise<string> {
  const text = (await java('DumpLogSegments', args)).stdout.toString()
  assert.doesNotMatch(text, /mismatch|out of order|not sequential|could not|isvalid: false/i)
  return text
}

/** Each index of closed segments passes Kafka's checks against the log, and points to batches that stand there. */
async function checkIndexes({ bootstrap, dataPath }: Context): Promise<string> {
  const topic = 'java.indexes'
  const at = ['--bootstrap-server', bootstrap]
  await java('TopicCommand', [...at, '--create', '--topic', topic, '--config', `segment.bytes=${SEGMENT_BYTES}`])
  await produce(bootstrap, topic, INDEXED_BYTES / 1_000, ['--record-size', '1000'])
  const directory = join(dataPath, `${topic}-0`)
  const path = (base: string, kind: string): string => join(directory, `${base}.${kind}`)
  const logs = readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
  const closed = logs.slice(0, -1).map((name) => name.slice(0, -'.log'.length))
  assert.ok(closed.length >= 2, `${logs}`)
  const isWritten = (base: string): boolean =>
    ['index', 'timeindex'].every((kind) => existsSync(path(base, kind)) && statSync(path(base, kind)).size > 0)
  const deadlineMs = performance.now() + CLOSING_LIMIT_MS
  while (!closed.every(isWritten)) {
    assert.ok(performance.now() < deadlineMs, 'the indexes of closed segments are written')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const files = closed.flatMap((base) => [path(base, 'index'), path(base, 'timeindex')])
  const sane = await dump('--index-sanity-check', '--files', files.join(','))
  assert.equal(sane.match(/passed sanity check\.$/gm)?.length, files.length)
  await dump('--verify-index-only', '--files', files.join(','))
  let entries = 0
  for (const base of closed) {
    const batches = [
      ...(await dump('--files', path(base, 'log'))).matchAll(
        /^baseOffset: \d+ lastOffset: (\d+) .* position: (\d+) /gm,
      ),
    ].map(([, lastOffset, position]): DumpedBatch => ({ lastOffset: Number(lastOffset), position: Number(position) }))
    const lastOffsets = new Map(batches.map(({ position, lastOffset }) => [position, lastOffset]))
    const found = [...(await dump('--files', path(base, 'index'))).matchAll(/^offset: (\d+) position: (\d+)$/gm)]
    assert.ok(found.length > 0, base)
    for (const [, offset, position] of found) assert.equal(lastOffsets.get(Number(position)), Number(offset))
    const times = [...(await dump('--files', path(base, 'timeindex'))).matchAll(/^timestamp: (\d+) offset: (\d+)$/gm)]
    assert.ok(times.length > 0, base)
    entries += found.length + times.length
  }
  assert.deepEqual(await ends(bootstrap, topic), [INDEXED_BYTES / 1_000])
  return `${files.length} indexes of ${closed.length} closed segments with ${count(entries)} entries`
}

export const ADMIN_CHECKS: readonly Check[] = [
  { name: 'description', run: checkDescription },
  { name: 'deleted records', run: checkDeleteRecords },
  { name: 'log directories', run: checkLogDirs },
  { name: 'offsets by time', run: checkOffsetsByTime },
  { name: 'replication of the quorum', run: checkReplication },
  { name: 'indexes', run: checkIndexes },
]
