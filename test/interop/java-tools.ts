/** Apache Kafka's own command-line tools: the Java producer, consumer and admin client as their makers ship them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { installKafkaJars, missingJava } from '../../jepsen/beds/kafka-jars.js'
import { HANDLERS } from '../../src/broker/apis/index.js'
import type { Check, Client, Context } from './client.js'
import { attempt, commandError, run } from './external.js'
import { ADMIN_CHECKS } from './java-admin.js'
import { consume, create, ends, java, javaCommand, produce } from './java-command.js'
import { GROUP_CHECKS } from './java-groups.js'
import { checkQuorumOfThree } from './java-quorum.js'
import { checkReassignment } from './java-reassignment.js'
import { checkThreeReplicas } from './java-replication.js'
import { kcat, missingKcat, readWithKcat } from './kcat-tool.js'
import { compareBytes, compareRecords, count } from './records.js'

const PERFORMANCE_RECORDS = 100_000
const PERFORMANCE_SIZE = 100
const NUMBERS = 20_000
const VERIFIED = 5_000

async function checkTopics({ bootstrap }: Context): Promise<string> {
  const topics = ['java.topics-a', 'java.topics-b']
  for (const topic of topics) await create(bootstrap, topic, 3)
  const again = javaCommand('TopicCommand', ['--bootstrap-server', bootstrap, '--create', '--topic', topics[0]!], '')
  const outcome = await attempt(again)
  if (outcome.code !== 1 || !/errors\.TopicExistsException/.test(`${outcome.stdout}${outcome.stderr}`)) {
    throw new Error(`a topic was created twice, or refused as something else: ${commandError(again, outcome).message}`)
  }
  const listed = (await java('TopicCommand', ['--bootstrap-server', bootstrap, '--list'])).stdout.toString().split('\n')
  for (const topic of topics) assert.equal(listed.filter((line) => line === topic).length, 1, `${topic} in the list`)
  return '2 created, one of them refused the second time, both listed'
}

/** Made, grown, deleted, and made again with nothing in it. */
async function checkTopicLife({ bootstrap }: Context): Promise<string> {
  const topic = 'java.life'
  const command = (...args: readonly string[]) =>
    javaCommand('TopicCommand', ['--bootstrap-server', bootstrap, '--topic', topic, ...args], '')
  await create(bootstrap, topic, 2)
  await produce(bootstrap, topic, 100, ['--record-size', '10'])
  await run(command('--alter', '--partitions', '5'))
  const grown = await ends(bootstrap, topic)
  assert.deepEqual([grown.length, grown.reduce((sum, end) => sum + end, 0)], [5, 100])
  const fewer = await attempt(command('--alter', '--partitions', '3'))
  assert.match(`${fewer.stdout}${fewer.stderr}`, /InvalidPartitionsException/)
  await run(command('--delete'))
  const gone = await attempt(command('--describe'))
  assert.equal(gone.code, 1)
  assert.match(`${gone.stdout}${gone.stderr}`, /does not exist as expected/)
  await create(bootstrap, topic, 1)
  assert.deepEqual(await ends(bootstrap, topic), [0])
  return '2 partitions, then 5, deleted, and empty when made again'
}

async function checkFeatures({ bootstrap }: Context): Promise<string> {
  const { stdout } = await java('FeatureCommand', ['--bootstrap-server', bootstrap, 'describe'])
  const line =
    /^Feature: lograft\.version\s+SupportedMinVersion: (\d+)\s+SupportedMaxVersion: (\d+)\s+FinalizedVersionLevel: (\d+)/m
  const [, min, max, level] = line.exec(stdout.toString()) ?? []
  assert.ok(min !== undefined, stdout.toString())
  assert.equal(level, max)
  const update = (...args: readonly string[]) =>
    attempt(javaCommand('FeatureCommand', ['--bootstrap-server', bootstrap, ...args], ''))
  const down = await update('downgrade', '--feature', `lograft.version=${min}`)
  assert.equal(down.code, 1)
  assert.match(`${down.stdout}${down.stderr}`, /cannot be taken back/)
  const unknown = await update('upgrade', '--feature', `lograft.version=${Number(max) + 1}`)
  assert.equal(unknown.code, 1)
  return `lograft.version at ${level}, and no other level is taken`
}

/** One partition, and all of them: there is nothing to do on one broker. */
async function checkElection({ bootstrap }: Context): Promise<string> {
  const topic = 'java.election'
  await create(bootstrap, topic)
  const all = ['--bootstrap-server', bootstrap, '--election-type', 'preferred', '--all-topic-partitions']
  await java('LeaderElectionCommand', all)
  const one = ['--bootstrap-server', bootstrap, '--election-type', 'preferred', '--topic', topic, '--partition', '0']
  const { stdout } = await java('LeaderElectionCommand', one)
  assert.match(stdout.toString(), /Valid replica already elected/)
  return 'the leader leads already'
}

async function checkPerformance({ bootstrap }: Context): Promise<string> {
  const topic = 'java.performance'
  await create(bootstrap, topic)
  const args = ['--record-size', String(PERFORMANCE_SIZE), '--command-property', 'acks=all']
  const { stdout } = await produce(bootstrap, topic, PERFORMANCE_RECORDS, args)
  assert.match(stdout.toString(), new RegExp(`^${PERFORMANCE_RECORDS} records sent`, 'm'))
  const read = await consume(bootstrap, topic, PERFORMANCE_RECORDS)
  assert.equal(read.length, PERFORMANCE_RECORDS * (PERFORMANCE_SIZE + 1))
  const values = read.toString('latin1').split('\n')
  assert.equal(values.pop(), '')
  for (const value of values) assert.match(value, /^[A-Z]{100}$/)
  // The letters are random: a record that came twice, or in another's place, is seen by comparing.
  assert.equal(new Set(values).size, PERFORMANCE_RECORDS)
  if ((await missingKcat()) === undefined) {
    const seen = await kcat(bootstrap, ['-C', '-q', '-e', '-t', topic, '-o', 'beginning'])
    compareBytes('what the Java consumer read', read, seen.stdout)
  }
  return `${count(PERFORMANCE_RECORDS)} different records, ${count(PERFORMANCE_RECORDS * PERFORMANCE_SIZE)} bytes`
}

/** The producer numbers its records: what comes back must be 0, 1, 2 ... */
function numbersCheck(codec: string): Check {
  return {
    name: codec,
    run: async ({ bootstrap }) => {
      const topic = `java.${codec}`
      const properties = ['acks=all', `compression.type=${codec}`, 'enable.idempotence=true']
      const args = properties.flatMap((property) => ['--command-property', property])
      await produce(bootstrap, topic, NUMBERS, ['--payload-monotonic', ...args])
      const read = await consume(bootstrap, topic, NUMBERS)
      const wanted = Array.from({ length: NUMBERS }, (_, index) => `${index}\n`).join('')
      compareBytes('the numbers', Buffer.from(wanted), read)
      return `${count(NUMBERS)} numbers in order, ${count(wanted.length)} bytes`
    },
  }
}

async function checkKeysAndHeaders({ bootstrap }: Context): Promise<string> {
  const topic = 'java.keys-and-headers'
  await create(bootstrap, topic)
  const lines = Array.from({ length: 500 }, (_, index) => ({
    headers: `n:${index},größe:日志 ${index % 7}`,
    key: index % 5 === 0 ? 'NULL' : `key ${index % 11}`,
    value: index % 13 === 0 ? 'NULL' : `Wert ${index}`,
  }))
  const text = lines.map(({ headers, key, value }) => `${headers}\t${key}\t${value}\n`).join('')
  const how = ['parse.key=true', 'parse.headers=true', 'null.marker=NULL'].flatMap((item) => [
    '--reader-property',
    item,
  ])
  await java('ConsoleProducer', ['--bootstrap-server', bootstrap, '--topic', topic, ...how], text)
  const shown = [
    'print.headers=true',
    'print.offset=true',
    'print.partition=true',
    'print.key=true',
    'null.literal=NULL',
  ]
  const show = shown.flatMap((item) => ['--formatter-property', item])
  const read = await consume(bootstrap, topic, lines.length, show)
  const wanted = lines.map(
    ({ headers, key, value }, index) => `Partition:0\tOffset:${index}\t${headers}\t${key}\t${value}\n`,
  )
  compareBytes('the lines', Buffer.from(wanted.join('')), read)
  return `${lines.length} records, ${count(read.length)} bytes`
}

interface Sent {
  readonly name: string
  readonly partition: number
  readonly offset: number
  readonly value: string
}

/** The partition and the offset of every acknowledgement are those where the record is found. */
async function checkAcknowledgements({ bootstrap }: Context): Promise<string> {
  const topic = 'java.acknowledgements'
  await create(bootstrap, topic, 3)
  const args = ['--bootstrap-server', bootstrap, '--topic', topic, '--max-messages', String(VERIFIED)]
  const { stdout } = await java('VerifiableProducer', args)
  const events = stdout.toString().split('\n').filter(Boolean)
  const sent = events.map((line) => JSON.parse(line) as Sent).filter(({ name }) => name === 'producer_send_success')
  assert.equal(sent.length, VERIFIED)
  const records = sent.map(({ partition, offset, value }) => ({
    partition,
    offset,
    key: null,
    value: Buffer.from(value),
    headers: [],
    timestamp: 0,
  }))
  records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  return compareRecords(records, await readWithKcat(bootstrap, topic), { timestamps: true })
}

async function checkOffsets({ bootstrap }: Context): Promise<string> {
  const topic = 'java.offsets'
  await create(bootstrap, topic, 2)
  // The producer goes on to the next partition with every batch.
  await produce(bootstrap, topic, 1_000, ['--payload-monotonic', '--command-property', 'batch.size=500'])
  const ask = async (time: string): Promise<number[]> => {
    const { stdout } = await java('GetOffsetShell', ['--bootstrap-server', bootstrap, '--topic', topic, '--time', time])
    const rows = stdout.toString().trim().split('\n').sort()
    return rows.map((row, partition) => {
      assert.ok(row.startsWith(`${topic}:${partition}:`), row)
      return Number(row.split(':')[2])
    })
  }
  assert.deepEqual(await ask('earliest'), [0, 0])
  const ends = await ask('latest')
  assert.equal(ends.length, 2)
  assert.equal(ends[0]! + ends[1]!, 1_000)
  for (const end of ends) assert.ok(end > 0, `ends ${ends}`)
  return `ends ${ends.join(' and ')} of 1,000 records`
}

async function checkQuorum({ bootstrap }: Context): Promise<string> {
  const { stdout } = await java('MetadataQuorumCommand', ['--bootstrap-server', bootstrap, 'describe', '--status'])
  const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(stdout.toString())?.[1] ?? ''
  const cluster = await java('ClusterTool', ['cluster-id', '--bootstrap-server', bootstrap])
  const id = /Cluster ID: (\S+)/.exec(cluster.stdout.toString())?.[1]
  assert.ok(id !== undefined && /^[\w-]{22}$/.test(id), `the cluster id ${id}`)
  assert.equal(field('ClusterId'), id)
  assert.equal(field('LeaderId'), '1')
  assert.ok(Number(field('HighWatermark')) > 0)
  const voters = JSON.parse(field('CurrentVoters')) as readonly { readonly id: number }[]
  assert.deepEqual(
    voters.map((voter) => voter.id),
    [1],
  )
  return `cluster ${id}, leader 1, high watermark ${field('HighWatermark')}`
}

async function checkApiVersions({ bootstrap }: Context): Promise<string> {
  const { stdout } = await java('BrokerApiVersionsCommand', ['--bootstrap-server', bootstrap])
  const usable = [...stdout.toString().matchAll(/^\t(\w+)\((\d+)\): (\d+)(?: to (\d+))? \[usable: (\d+)\]/gm)]
  const told = new Map(usable.map(([, name, key, min, max = min]) => [name, [key, min, max].map(Number)]))
  for (const { message, versions, listeners, untold } of HANDLERS) {
    if (!listeners.includes('broker')) continue
    if (untold === true) assert.ok(!stdout.toString().includes(`(${message.key})`), `${message.name} is for brokers`)
    else assert.deepEqual(told.get(message.name), [message.key, ...versions], `${message.name}:\n${stdout}`)
  }
  return `${usable.length} APIs that the Java client can use`
}

/** What ConfigCommand prints of the settings of a resource, a line each. */
async function configs(bootstrap: string, args: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await java('ConfigCommand', ['--bootstrap-server', bootstrap, '--describe', ...args])
  const lines = stdout.toString().matchAll(/^ {2}([\w.]+)=(.*)$/gm)
  return new Map([...lines].map(([, key, rest]) => [key!, rest!]))
}

async function checkConfigs({ bootstrap }: Context): Promise<string> {
  const topic = 'java.configs'
  await create(bootstrap, topic)
  const ofTopic = ['--entity-type', 'topics', '--entity-name', topic]
  const ofAll = ['--entity-type', 'brokers', '--entity-default']
  const ofBroker = ['--entity-type', 'brokers', '--entity-name', '1']
  const ofLoggers = ['--entity-type', 'broker-loggers', '--entity-name', '1']
  const alter = async (where: readonly string[], ...change: string[]): Promise<string> => {
    const { stdout } = await java('ConfigCommand', ['--bootstrap-server', bootstrap, '--alter', ...where, ...change])
    return stdout.toString()
  }
  const done = /^Completed updating /m
  assert.match(await alter(ofTopic, '--add-config', 'max.message.bytes=54321,min.insync.replicas=1'), done)
  const set = await configs(bootstrap, ofTopic)
  assert.deepEqual([...set.keys()].sort(), ['max.message.bytes', 'min.insync.replicas'])
  assert.equal(
    set.get('max.message.bytes'),
    '54321 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=54321, DEFAULT_CONFIG:message.max.bytes=1048588}',
  )
  const all = await configs(bootstrap, [...ofTopic, '--all'])
  assert.match(
    all.get('segment.bytes') ?? '',
    /^1073741824 sensitive=false synonyms=\{DEFAULT_CONFIG:log\.segment\.bytes=/,
  )
  assert.match(await alter(ofTopic, '--delete-config', 'max.message.bytes,min.insync.replicas'), done)
  assert.equal((await configs(bootstrap, ofTopic)).size, 0)

  assert.match(await alter(ofAll, '--add-config', 'message.max.bytes=2000000'), done)
  assert.match(
    (await configs(bootstrap, ofAll)).get('message.max.bytes') ?? '',
    /^2000000 .*DYNAMIC_DEFAULT_BROKER_CONFIG/,
  )
  assert.match((await configs(bootstrap, [...ofTopic, '--all'])).get('max.message.bytes') ?? '', /^2000000 /)
  assert.match(await alter(ofAll, '--delete-config', 'message.max.bytes'), done)
  assert.match((await configs(bootstrap, [...ofBroker, '--all'])).get('node.id') ?? '', /^1 /)

  assert.match(await alter(ofLoggers, '--add-config', 'lograft.network=DEBUG'), done)
  assert.match((await configs(bootstrap, ofLoggers)).get('lograft.network') ?? '', /^DEBUG /)
  assert.match(await alter(ofLoggers, '--delete-config', 'lograft.network'), done)

  for (const [where, change, error] of [
    [ofTopic, 'no.such.setting=1', /InvalidConfigurationException.*no\.such\.setting/],
    [ofTopic, 'segment.bytes=many', /InvalidConfigurationException.*segment\.bytes=many is not allowed/],
    [ofBroker, 'node.id=5', /InvalidRequestException.*cannot be changed while the broker runs/],
  ] as const) {
    const args = ['--bootstrap-server', bootstrap, '--alter', ...where, '--add-config', change]
    const outcome = await attempt(javaCommand('ConfigCommand', args, ''))
    assert.notEqual(outcome.code, 0, change)
    assert.match(`${outcome.stdout}${outcome.stderr}`, error)
  }
  return `${all.size} settings of a topic described, of topic, brokers and loggers set and taken back, 3 refused`
}

/** Kafka's reader of segment files on the files that we wrote: every batch's checksum, count, offsets, values. */
async function checkSegmentFile({ bootstrap, dataPath }: Context): Promise<string> {
  const topic = 'java.segment-file'
  await create(bootstrap, topic)
  const properties = ['--command-property', 'compression.type=zstd']
  await produce(bootstrap, topic, NUMBERS, ['--payload-monotonic', ...properties])
  const file = join(dataPath, `${topic}-0`, '00000000000000000000.log')
  const { stdout } = await java('DumpLogSegments', ['--files', file, '--print-data-log'])
  const text = stdout.toString()
  assert.doesNotMatch(text, /isvalid: false|not sequential|mismatch|could not/i)
  const batches = text.match(/^baseOffset: .* magic: 2 compresscodec: zstd /gm)?.length ?? 0
  assert.ok(batches > 0, text.slice(0, 500))
  const found = [...text.matchAll(/^\| offset: (\d+) .* payload: (\d+)$/gm)].map(([, offset, value]) => [offset, value])
  assert.equal(found.length, NUMBERS)
  for (const [index, pair] of found.entries()) assert.deepEqual(pair, [String(index), String(index)])
  return `${batches} batches, ${count(NUMBERS)} records`
}

export const javaTools: Client = {
  name: 'java-tools',
  about: 'the tools of Apache Kafka 4.3.1',
  brokers: 'one',
  missing: missingJava,
  install: installKafkaJars,
  fetchesInSessions: true,
  checks: [
    { name: 'topics', run: checkTopics },
    { name: 'life of a topic', run: checkTopicLife },
    { name: 'features', run: checkFeatures },
    { name: 'election', run: checkElection },
    { name: 'ProducerPerformance', run: checkPerformance },
    ...['none', 'gzip', 'snappy', 'lz4', 'zstd'].map(numbersCheck),
    { name: 'keys and headers', run: checkKeysAndHeaders },
    { name: 'acknowledgements', missing: missingKcat, run: checkAcknowledgements },
    { name: 'offsets', run: checkOffsets },
    { name: 'quorum', run: checkQuorum },
    { name: 'quorum of three', ownBrokers: true, run: checkQuorumOfThree },
    { name: 'reassignment', ownBrokers: true, run: checkReassignment },
    { name: 'three replicas', ownBrokers: true, run: checkThreeReplicas },
    { name: 'ApiVersions', run: checkApiVersions },
    { name: 'configs', run: checkConfigs },
    { name: 'segment file', run: checkSegmentFile },
    ...ADMIN_CHECKS,
    ...GROUP_CHECKS,
  ],
}
