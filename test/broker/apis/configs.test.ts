/** DescribeConfigs, AlterConfigs, IncrementalAlterConfigs and ListConfigResources over the wire: what is said, taken, refused, and what it changes. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { nodeSettings } from '../../../src/config/node-settings.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.js'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.js'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.js'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.js'
import { ListConfigResources } from '../../../src/protocol/messages/list-config-resources.js'
import type { OutOfMessage } from '../../../src/protocol/schema.js'
import { batchOf, Produce, produceRequest } from '../requests.js'
import { startNode } from '../test-node.js'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const GROUP = 32
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3]

const broker = await startNode({
  'message.max.bytes': '5000',
  'log.segment.bytes': '2097152',
  'max.connections.per.ip.overrides': '10.0.0.1:100, ::1:20',
  'metrics.listener': '127.0.0.1:0',
})
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

type Entry = OutOfMessage<typeof DescribeConfigs.response.fields>['results'][number]['configs'][number]

async function describe(
  resourceType: number,
  resourceName: string,
  keys: readonly string[] | null = null,
  version = 4,
) {
  const resources = [{ resourceType, resourceName, configurationKeys: keys }]
  const request = { resources, includeSynonyms: version >= 1, includeDocumentation: version >= 3 }
  const [result] = (await client.request(DescribeConfigs, version, request)).results
  return result!
}

async function entry(resourceType: number, resourceName: string, key: string, version = 4): Promise<Entry> {
  const { configs, errorMessage } = await describe(resourceType, resourceName, [key], version)
  assert.equal(configs.length, 1, `${key}: ${errorMessage}`)
  return configs[0]!
}

type Change = readonly [name: string, operation: number, value: string | null]

async function change(resourceType: number, resourceName: string, changes: readonly Change[], validateOnly = false) {
  const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
  const request = { resources: [{ resourceType, resourceName, configs }], validateOnly }
  const [result] = (await client.request(IncrementalAlterConfigs, 1, request)).responses
  return result!
}

async function taken(resourceType: number, resourceName: string, ...changes: Change[]): Promise<void> {
  const { errorCode, errorMessage } = await change(resourceType, resourceName, changes)
  assert.equal(errorCode, 0, errorMessage ?? '')
}

async function refused(
  resourceType: number,
  resourceName: string,
  changes: readonly Change[],
  error: string,
  message: RegExp,
): Promise<void> {
  for (const validateOnly of [true, false]) {
    const result = await change(resourceType, resourceName, changes, validateOnly)
    assert.equal(errorByCode(result.errorCode).name, error, `${JSON.stringify(changes)}: ${result.errorMessage}`)
    assert.match(result.errorMessage!, message)
    assert.deepEqual([result.resourceType, result.resourceName], [resourceType, resourceName])
  }
}

async function produce(topic: string, size: number): Promise<string> {
  const bytes = batchOf(['x'.repeat(size)])
  const { responses } = await client.request(Produce, 9, produceRequest({ name: topic }, bytes))
  return errorByCode(responses[0]!.partitionResponses[0]!.errorCode).name
}

test('a topic says of each setting what it is, where it comes from, and what else would count', async () => {
  await broker.createTopic('described', 1, { 'max.message.bytes': '4000' })
  const own = await entry(TOPIC, 'described', 'max.message.bytes')
  assert.deepEqual(
    [own.value, own.configSource, own.readOnly, own.isSensitive, own.configType, own.documentation],
    ['4000', 1, false, false, 3, nodeSettings['message.max.bytes'].doc],
  )
  assert.deepEqual(own.synonyms, [
    { name: 'max.message.bytes', value: '4000', source: 1 },
    { name: 'message.max.bytes', value: '5000', source: 4 },
    { name: 'message.max.bytes', value: '1048588', source: 5 },
  ])
  const ofNode = await entry(TOPIC, 'described', 'segment.bytes')
  assert.deepEqual([ofNode.value, ofNode.configSource], ['2097152', 4])
  const byDefault = await entry(TOPIC, 'described', 'min.insync.replicas')
  assert.deepEqual([byDefault.value, byDefault.configSource, byDefault.configType], ['1', 5, 3])
  const { configs } = await describe(TOPIC, 'described')
  const names = configs.map(({ name }) => name)
  assert.ok(names.includes('flush.policy') && !names.includes('internal.segment.bytes'), names.join())
  assert.deepEqual((await describe(TOPIC, 'described', ['no.such.key'])).configs, [])
})

test('what tools set although it is so anyway is taken, and what would change it is refused with the reason', async () => {
  const reasons = {
    'remote.storage.enable':
      /^remote\.storage\.enable=TRUE is not allowed: it must be false, because there is no tiered/,
    preallocate: /^preallocate=true is not allowed: it must be false, because segments grow as they are written here$/,
  }
  await broker.createTopic('as-it-is', 1, { preallocate: 'false' })
  for (const [key, reason] of Object.entries(reasons)) {
    const byDefault = await entry(TOPIC, 'described', key)
    assert.deepEqual([byDefault.value, byDefault.configSource, byDefault.configType], ['false', 5, 1])
    const value = key === 'remote.storage.enable' ? 'TRUE' : 'true'
    await refused(TOPIC, 'as-it-is', [[key, SET, value]], 'INVALID_CONFIG', reason)
    await assert.rejects(broker.createTopic('otherwise', 1, { [key]: value }), /is not allowed: it must be false/)
    await taken(TOPIC, 'as-it-is', [key, SET, 'false'])
    assert.deepEqual((await entry(TOPIC, 'as-it-is', key)).synonyms, [{ name: key, value: 'false', source: 1 }])
    await taken(TOPIC, 'as-it-is', [key, DELETE, null])
    assert.equal((await entry(TOPIC, 'as-it-is', key)).configSource, 5)
  }
})

test('what old versions say', async () => {
  assert.equal((await entry(TOPIC, 'described', 'max.message.bytes', 0)).isDefault, false)
  assert.equal((await entry(TOPIC, 'described', 'min.insync.replicas', 0)).isDefault, true)
  const v1 = await entry(TOPIC, 'described', 'max.message.bytes', 1)
  assert.deepEqual([v1.configSource, v1.synonyms.length, v1.documentation], [1, 3, ''])
  const plain = await client.request(DescribeConfigs, 4, {
    resources: [{ resourceType: TOPIC, resourceName: 'described', configurationKeys: ['max.message.bytes'] }],
    includeSynonyms: false,
    includeDocumentation: false,
  })
  assert.deepEqual(plain.results[0]!.configs[0]!.synonyms, [])
  assert.equal(plain.results[0]!.configs[0]!.documentation, null)
})

test('a broker says all of its settings, and which cannot be changed', async () => {
  const { configs } = await describe(BROKER, '1')
  assert.deepEqual(
    configs.map(({ name }) => name),
    Object.keys(nodeSettings),
  )
  const id = await entry(BROKER, '1', 'node.id')
  assert.deepEqual([id.value, id.configSource, id.readOnly], ['1', 5, true])
  const size = await entry(BROKER, '1', 'message.max.bytes')
  assert.deepEqual([size.value, size.configSource, size.readOnly], ['5000', 4, false])
  const roles = await entry(BROKER, '1', 'process.roles')
  assert.deepEqual([roles.value, roles.configType], ['broker,controller', 7])
  assert.deepEqual((await describe(BROKER, '')).configs, [], 'nothing was set for all brokers')
})

test('a value is shown as large, as exact and with all the parts that it was written with', async () => {
  const forEver = '9223372036854775807'
  await broker.createTopic('exact', 1, { 'retention.ms': forEver, 'segment.ms': '+86400000' })
  const shownOf = async (type: number, key: string) => (await entry(type, type === TOPIC ? 'exact' : '1', key)).value
  assert.equal(await shownOf(TOPIC, 'retention.ms'), forEver)
  assert.equal(await shownOf(TOPIC, 'segment.ms'), '86400000')
  assert.equal(await shownOf(TOPIC, 'flush.messages'), forEver, 'the default of another key')
  assert.equal(await shownOf(TOPIC, 'flush.ms'), forEver)
  assert.equal(await shownOf(TOPIC, 'segment.jitter.ms'), '0')
  assert.equal(await shownOf(BROKER, 'log.flush.interval.messages'), forEver)
  assert.equal(await shownOf(BROKER, 'log.cleaner.io.max.bytes.per.second'), '1.7976931348623157E308')
  assert.equal(await shownOf(BROKER, 'max.connections.per.ip.overrides'), '10.0.0.1:100, ::1:20')
  assert.equal(await shownOf(BROKER, 'metrics.listener'), '127.0.0.1:0')
  await refused(
    TOPIC,
    'exact',
    [['retention.ms', SET, '9223372036854775808']],
    'INVALID_CONFIG',
    /to 9223372036854775807/,
  )
})

test('what cannot be described is refused', async () => {
  for (const [type, name, error, message] of [
    [TOPIC, 'nowhere', 'UNKNOWN_TOPIC_OR_PARTITION', /no topic nowhere/],
    [TOPIC, 'a/b', 'INVALID_TOPIC_EXCEPTION', /ASCII/],
    [BROKER, '2', 'INVALID_REQUEST', /this is broker 1/],
    [BROKER, 'one', 'INVALID_REQUEST', /by its id/],
    [LOGGER, '', 'INVALID_REQUEST', /by its id/],
    [LOGGER, '7', 'INVALID_REQUEST', /this is broker 1/],
    [16, 'metrics', 'INVALID_REQUEST', /type 16/],
  ] as const) {
    const result = await describe(type, name)
    assert.equal(errorByCode(result.errorCode).name, error, name)
    assert.match(result.errorMessage!, message)
    assert.deepEqual(result.configs, [])
  }
})

test("a topic's setting is set and deleted, and counts at once for partitions that run", async () => {
  await broker.createTopic('changed')
  assert.equal(await produce('changed', 1000), 'NONE')
  await taken(TOPIC, 'changed', ['max.message.bytes', SET, '500'], ['cleanup.policy', SET, 'compact'])
  assert.equal(await produce('changed', 1000), 'MESSAGE_TOO_LARGE')
  assert.equal(await produce('changed', 10), 'INVALID_RECORD')
  await taken(TOPIC, 'changed', ['cleanup.policy', DELETE, null])
  assert.equal(await produce('changed', 10), 'NONE')
  assert.equal((await entry(TOPIC, 'changed', 'max.message.bytes')).value, '500', 'the other one stays')
  await taken(TOPIC, 'changed', ['max.message.bytes', DELETE, 'a value that is not looked at'])
  assert.equal(await produce('changed', 1000), 'NONE')
  assert.equal((await entry(TOPIC, 'changed', 'max.message.bytes')).configSource, 4)
})

test('validating only changes nothing', async () => {
  await broker.createTopic('validated')
  const result = await change(TOPIC, 'validated', [['max.message.bytes', SET, '500']], true)
  assert.equal(result.errorCode, 0)
  assert.equal((await entry(TOPIC, 'validated', 'max.message.bytes')).value, '5000')
})

test('settings of all brokers and of one go before what the node was started with', async () => {
  await broker.createTopic('follows')
  await taken(BROKER, '', ['message.max.bytes', SET, '600'])
  assert.equal(await produce('follows', 1000), 'MESSAGE_TOO_LARGE')
  const [ofAll] = (await describe(BROKER, '')).configs
  assert.deepEqual([ofAll!.name, ofAll!.value, ofAll!.configSource], ['message.max.bytes', '600', 3])
  await taken(BROKER, '1', ['message.max.bytes', SET, '3000'])
  assert.equal(await produce('follows', 1000), 'NONE')
  const described = await entry(TOPIC, 'follows', 'max.message.bytes')
  assert.deepEqual([described.value, described.configSource], ['3000', 2])
  assert.deepEqual(
    described.synonyms.map(({ value, source }) => [value, source]),
    [
      ['3000', 2],
      ['600', 3],
      ['5000', 4],
      ['1048588', 5],
    ],
  )
  assert.equal((await entry(BROKER, '1', 'message.max.bytes')).configSource, 2)
  const [made] = (
    await client.request(CreateTopics, 7, {
      topics: [{ name: 'made-now', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 5000,
    })
  ).topics
  assert.equal(made!.configs!.find(({ name }) => name === 'max.message.bytes')!.value, '3000')
  await taken(BROKER, '1', ['message.max.bytes', DELETE, null])
  await taken(BROKER, '', ['message.max.bytes', DELETE, null])
  assert.equal((await entry(TOPIC, 'follows', 'max.message.bytes')).value, '5000')
})

test('what is set is there after a restart', async () => {
  const node = await startNode()
  let open = node
  try {
    await node.createTopic('kept')
    await node.use((other) =>
      other.request(IncrementalAlterConfigs, 1, {
        resources: [
          {
            resourceType: TOPIC,
            resourceName: 'kept',
            configs: [{ name: 'flush.policy', configOperation: SET, value: 'os' }],
          },
          {
            resourceType: BROKER,
            resourceName: '',
            configs: [{ name: 'min.insync.replicas', configOperation: SET, value: '3' }],
          },
        ],
        validateOnly: false,
      }),
    )
    await node.stop()
    open = await startNode({}, node.directory)
    const { results } = await open.use((other) =>
      other.request(DescribeConfigs, 4, {
        resources: [
          { resourceType: TOPIC, resourceName: 'kept', configurationKeys: ['flush.policy', 'min.insync.replicas'] },
        ],
      }),
    )
    assert.deepEqual(
      results[0]!.configs.map(({ name, value, configSource }) => [name, value, configSource]),
      [
        ['flush.policy', 'os', 1],
        ['min.insync.replicas', '3', 3],
      ],
    )
  } finally {
    await open.remove()
  }
})

test('what is not allowed is refused as a whole, with a sentence', async () => {
  await broker.createTopic('refusing')
  const good: Change = ['max.message.bytes', SET, '700']
  const cases: readonly [readonly Change[], string, RegExp][] = [
    [
      [good, ['max.mesage.bytes', SET, '1']],
      'INVALID_CONFIG',
      /max\.mesage\.bytes .* did you mean max\.message\.bytes\?/,
    ],
    [[good, ['zookeeper.connect', SET, 'x']], 'INVALID_CONFIG', /not a setting of topics that is known here$/],
    [
      [good, ['segment.bytes', SET, 'many']],
      'INVALID_CONFIG',
      /segment\.bytes=many is not allowed: it must be a whole number/,
    ],
    [[good, ['flush.policy', SET, 'never']], 'INVALID_CONFIG', /commit or os/],
    [
      [good, ['min.insync.replicas', APPEND, '1']],
      'INVALID_CONFIG',
      /appended to min\.insync\.replicas: it is not a list/,
    ],
    [[good, ['min.insync.replicas', SUBTRACT, '1']], 'INVALID_CONFIG', /subtracted from min\.insync\.replicas/],
    [[good, ['min.insync.replicas', SET, null]], 'INVALID_REQUEST', /a value for min\.insync\.replicas/],
    [[good, ['min.insync.replicas', 9, '1']], 'INVALID_REQUEST', /no operation 9/],
    [[good, good], 'INVALID_REQUEST', /each key may be named once/],
  ]
  for (const [changes, error, message] of cases) await refused(TOPIC, 'refusing', changes, error, message)
  assert.equal((await entry(TOPIC, 'refusing', 'max.message.bytes')).value, '5000')
  await refused(TOPIC, 'nowhere', [good], 'UNKNOWN_TOPIC_OR_PARTITION', /no topic nowhere/)
  await refused(BROKER, '1', [['node.id', SET, '5']], 'INVALID_REQUEST', /cannot be changed while the broker runs/)
  await refused(BROKER, '', [['log.dirs', APPEND, 'x']], 'INVALID_REQUEST', /cannot be changed/)
  await refused(BROKER, '', [['message.max.byte', SET, '5']], 'INVALID_CONFIG', /did you mean message\.max\.bytes/)
  await refused(BROKER, '', [['message.max.bytes', SET, '-5']], 'INVALID_CONFIG', /message\.max\.bytes=-5/)
  await refused(BROKER, '2', [['message.max.bytes', SET, '5']], 'INVALID_REQUEST', /this is broker 1/)
  await refused(BROKER, 'x', [['message.max.bytes', SET, '5']], 'INVALID_REQUEST', /by its id/)
  await refused(16, 'metrics', [['x', SET, '5']], 'INVALID_REQUEST', /type 16/)
})

test('each resource is answered by itself, in order; one that is named twice is refused both times', async () => {
  await broker.createTopic('mixed')
  const configs = (value: string) => [{ name: 'max.message.bytes', configOperation: SET, value }]
  const { responses } = await client.request(IncrementalAlterConfigs, 0, {
    resources: [
      { resourceType: TOPIC, resourceName: 'twice', configs: configs('1') },
      {
        resourceType: LOGGER,
        resourceName: '1',
        configs: [{ name: 'lograft.network', configOperation: SET, value: 'WARN' }],
      },
      { resourceType: TOPIC, resourceName: 'mixed', configs: configs('650') },
      { resourceType: BROKER, resourceName: '9', configs: configs('1') },
      { resourceType: TOPIC, resourceName: 'twice', configs: configs('2') },
      { resourceType: TOPIC, resourceName: 'missing', configs: configs('2') },
    ],
    validateOnly: false,
  })
  assert.deepEqual(
    responses.map(({ resourceName, errorCode }) => `${resourceName} ${errorByCode(errorCode).name}`),
    [
      'twice INVALID_REQUEST',
      '1 NONE',
      'mixed NONE',
      '9 INVALID_REQUEST',
      'twice INVALID_REQUEST',
      'missing UNKNOWN_TOPIC_OR_PARTITION',
    ],
  )
  assert.equal((await entry(TOPIC, 'mixed', 'max.message.bytes')).value, '650')
})

test('AlterConfigs sets everything: what it does not name goes back to the default', async () => {
  await broker.createTopic('replaced', 1, { 'max.message.bytes': '900', 'flush.policy': 'os' })
  const alter = async (
    resourceType: number,
    resourceName: string,
    configs: Record<string, string | null>,
    validateOnly = false,
  ) => {
    const resources = [
      { resourceType, resourceName, configs: Object.entries(configs).map(([name, value]) => ({ name, value })) },
    ]
    const [result] = (await client.request(AlterConfigs, 2, { resources, validateOnly })).responses
    return `${errorByCode(result!.errorCode).name} ${result!.errorMessage ?? ''}`.trim()
  }
  assert.equal(await alter(TOPIC, 'replaced', { 'max.message.bytes': '800' }, true), 'NONE')
  assert.equal((await entry(TOPIC, 'replaced', 'flush.policy')).value, 'os')
  assert.equal(await alter(TOPIC, 'replaced', { 'max.message.bytes': '800' }), 'NONE')
  assert.equal((await entry(TOPIC, 'replaced', 'max.message.bytes')).value, '800')
  assert.equal((await entry(TOPIC, 'replaced', 'flush.policy')).value, 'commit')
  assert.match(await alter(TOPIC, 'replaced', { 'no.such.key': '1' }), /^INVALID_CONFIG no\.such\.key/)
  assert.match(await alter(TOPIC, 'replaced', { 'max.message.bytes': null }), /^INVALID_REQUEST .*value/)
  assert.match(await alter(LOGGER, '1', { root: 'INFO' }), /^INVALID_REQUEST .*IncrementalAlterConfigs/)
  assert.equal((await entry(TOPIC, 'replaced', 'max.message.bytes')).value, '800')
})

test('settings of a group are set, told and listed, within the bounds of the broker, and stay when nobody is in it', async () => {
  const SESSION = 'consumer.session.timeout.ms'
  const HEARTBEAT = 'consumer.heartbeat.interval.ms'
  const { configs } = await describe(GROUP, 'readers')
  assert.deepEqual(
    configs.map(({ name, value, configSource, configType }) => [name, value, configSource, configType]),
    [
      [HEARTBEAT, '5000', 5, 3],
      [SESSION, '45000', 5, 3],
    ],
  )
  assert.match(configs[1]!.documentation!, /silent/)
  await taken(GROUP, 'readers', [SESSION, SET, '50000'], [HEARTBEAT, SET, '6000'])
  const own = await entry(GROUP, 'readers', SESSION)
  assert.deepEqual([own.value, own.configSource, own.readOnly, own.isSensitive], ['50000', 8, false, false])
  assert.deepEqual(own.synonyms, [
    { name: SESSION, value: '50000', source: 8 },
    { name: 'group.consumer.session.timeout.ms', value: '45000', source: 5 },
  ])
  assert.equal((await entry(GROUP, 'others', SESSION)).value, '45000')
  const listed = async () =>
    (await client.request(ListConfigResources, 1, { resourceTypes: [GROUP] })).configResources.map(
      ({ resourceName, resourceType }) => [resourceName, resourceType],
    )
  assert.deepEqual(await listed(), [['readers', GROUP]])

  await refused(GROUP, '', [[SESSION, SET, '50000']], 'INVALID_REQUEST', /a group has a name/)
  assert.match((await describe(GROUP, '')).errorMessage!, /a group has a name/)
  await refused(
    GROUP,
    'readers',
    [['consumer.session.timeout', SET, '1']],
    'INVALID_CONFIG',
    /not a setting of groups.*did you mean/,
  )
  await refused(GROUP, 'readers', [['flush.ms', APPEND, '1']], 'INVALID_CONFIG', /not a setting of groups/)
  await refused(GROUP, 'readers', [[SESSION, SET, 'long']], 'INVALID_CONFIG', /must be a whole number/)
  await refused(GROUP, 'readers', [[SESSION, APPEND, '1']], 'INVALID_CONFIG', /not a list/)
  await refused(
    GROUP,
    'readers',
    [[SESSION, SET, '44999']],
    'INVALID_CONFIG',
    /at least group.consumer.min.session.timeout.ms, which is 45000/,
  )
  await refused(
    GROUP,
    'readers',
    [[SESSION, SET, '60001']],
    'INVALID_CONFIG',
    /at most group.consumer.max.session.timeout.ms, which is 60000/,
  )
  await refused(GROUP, 'readers', [[HEARTBEAT, SET, '15001']], 'INVALID_CONFIG', /at most group.consumer.max.heartbeat/)
  assert.equal((await entry(GROUP, 'readers', SESSION)).value, '50000')

  await taken(GROUP, 'readers', [SESSION, DELETE, null], [HEARTBEAT, DELETE, null])
  assert.equal((await entry(GROUP, 'readers', SESSION)).configSource, 5)
  assert.deepEqual(await listed(), [])
})

test('log levels are set, inherited and taken back, and decide what is written', async () => {
  const levels = async () =>
    Object.fromEntries((await describe(LOGGER, '1')).configs.map(({ name, value }) => [name, value]))
  assert.equal((await levels())['lograft.broker'], 'DEBUG')
  const lines = () => broker.logger.lines.length
  await taken(LOGGER, '1', ['root', SET, 'ERROR'], ['lograft.quorum', SET, 'INFO'])
  assert.deepEqual(
    [(await levels())['root'], (await levels())['lograft.broker'], (await levels())['lograft.quorum']],
    ['ERROR', 'ERROR', 'INFO'],
  )
  const before = lines()
  broker.logger.named('lograft.broker').warn({}, 'not written')
  broker.logger.named('lograft.quorum').debug({}, 'not written')
  assert.equal(lines(), before)
  broker.logger.named('lograft.quorum').info({}, 'written')
  broker.logger.named('lograft.broker').error({}, 'written')
  assert.equal(lines(), before + 2)
  await taken(LOGGER, '1', ['lograft.quorum', DELETE, null])
  assert.equal((await levels())['lograft.quorum'], 'ERROR')
  await refused(LOGGER, '1', [['root', DELETE, null]], 'INVALID_REQUEST', /always has a level/)
  await refused(LOGGER, '1', [['kafka.server', SET, 'INFO']], 'INVALID_CONFIG', /no logger kafka\.server/)
  await refused(LOGGER, '1', [['root', SET, 'LOUD']], 'INVALID_CONFIG', /one of TRACE/)
  await refused(LOGGER, '1', [['root', APPEND, 'INFO']], 'INVALID_REQUEST', /no lists/)
  await refused(LOGGER, '2', [['root', SET, 'INFO']], 'INVALID_REQUEST', /this is broker 1/)
  assert.equal((await change(LOGGER, '1', [['root', SET, 'TRACE']], true)).errorCode, 0)
  assert.equal((await levels())['root'], 'ERROR', 'validated only')
})

test('what has settings is listed, by type', async () => {
  const list = async (version: number, resourceTypes: readonly number[]) => {
    const { errorCode, configResources } = await client.request(
      ListConfigResources,
      version,
      version === 0 ? {} : { resourceTypes },
    )
    return [errorByCode(errorCode).name, ...configResources.map((each) => `${each.resourceType} ${each.resourceName}`)]
  }
  assert.deepEqual(await list(0, []), ['NONE'])
  const all = await list(1, [])
  for (const resource of ['2 described', '4 1', '8 1']) assert.ok(all.includes(resource), all.join())
  assert.deepEqual(await list(1, [BROKER, 16, 32]), ['NONE', '4 1'])
  assert.deepEqual(await list(1, [BROKER, 3]), ['UNSUPPORTED_VERSION'])
})
