import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dynamicOf, familyOf, withDynamic } from '../../src/config/dynamic-settings.js'
import { canonicalText, namedController } from '../../src/config/named-controllers.js'
import { lineOf, meantSetting, nodeConfig, readConfigText } from '../../src/config/node-config.js'
import { nodeSettings } from '../../src/config/node-settings.js'
import { parseProperties } from '../../src/config/properties.js'
import { ConfigError, double, integer, optional, parseSetting, password } from '../../src/config/setting.js'
import { firstSet, isTopicSetting, resolveTopicSettings, synonymsOf } from '../../src/config/topic-settings.js'
import { UNUSED_SETTINGS } from '../../src/config/unused-settings.js'

function refused(entries: Record<string, string>, pattern: RegExp): void {
  assert.throws(
    () => nodeConfig(entries),
    (error) => error instanceof ConfigError && pattern.test(error.message),
  )
}

test('the properties notation is read as Java reads it', () => {
  const text = [
    '# a comment',
    '! another',
    'a=1',
    '  b : two words ',
    'c three',
    'long = one \\',
    '    and two',
    'path=C\\:\\\\data',
    'uni\\u0041=x\\ty',
    'empty',
    '',
    'a = again',
  ].join('\n')
  assert.deepEqual(parseProperties(text), [
    { key: 'a', value: '1', line: 3 },
    { key: 'b', value: 'two words ', line: 4 },
    { key: 'c', value: 'three', line: 5 },
    { key: 'long', value: 'one and two', line: 6 },
    { key: 'path', value: 'C:\\data', line: 8 },
    { key: 'uniA', value: 'x\ty', line: 9 },
    { key: 'empty', value: '', line: 10 },
    { key: 'a', value: 'again', line: 12 },
  ])
})

test('defaults hold where nothing is set', () => {
  const { settings, listeners, unknownKeys } = nodeConfig({})
  assert.equal(settings['node.id'], 1)
  assert.equal(settings['log.segment.bytes'], 1 << 30)
  assert.equal(settings['log.flush.policy'], 'commit')
  assert.deepEqual([...settings['process.roles']], ['broker', 'controller'])
  assert.deepEqual(listeners, [
    { name: 'PLAINTEXT', host: '', port: 9092, advertised: undefined, serves: 'broker', both: true },
  ])
  assert.deepEqual(unknownKeys, [])
})

test('a wrong value names key, value and what is allowed; from a file also the line', () => {
  refused({ 'num.partitions': '0' }, /^num\.partitions=0 is not allowed: it must be a whole number from 1 to/)
  refused({ 'num.partitions': '1e3' }, /num\.partitions=1e3/)
  refused({ 'auto.create.topics.enable': 'yes' }, /true or false/)
  refused({ 'log.flush.policy': 'never' }, /commit or os/)
  refused({ 'process.roles': 'broker,zookeeper' }, /one or more of broker, controller/)
  assert.throws(
    () => readConfigText('# first\nnode.id=one\n'),
    (error) => error instanceof ConfigError && /^line 2: node\.id=one is not allowed/.test(error.message),
  )
})

test('an unknown key is listed, not refused', () => {
  assert.deepEqual(nodeConfig({ 'num.partitons': '3' }).unknownKeys, ['num.partitons'])
})

test("Kafka's keys that are not acted on are told from typing errors, and those of its security from the others", () => {
  const config = nodeConfig({
    'num.io.threads': '8',
    'num.io.thread': '8',
    'zookeeper.connect': 'localhost:2181',
    'ssl.keystore.location': '/k',
    'ssl.keystore.locaton': '/k',
    'listener.name.outside.scram-sha-256.sasl.jaas.config': 'x',
    'listener.name.outside.max.connections': '5',
    'listener.name.outside.num.io.threads': '5',
    'listener.name.outside.no.such': '5',
    'security.inter.broker.protocol': 'PLAINTEXT',
    'authorizer.class.name': '',
  })
  assert.deepEqual(config.unknownKeys, ['num.io.thread', 'ssl.keystore.locaton', 'listener.name.outside.no.such'])
  assert.deepEqual(config.withoutEffect, [
    'num.io.threads',
    'zookeeper.connect',
    'listener.name.outside.max.connections',
    'listener.name.outside.num.io.threads',
  ])
  assert.deepEqual(config.withoutProtection, [
    'ssl.keystore.location',
    'listener.name.outside.scram-sha-256.sasl.jaas.config',
  ])
  assert.equal(meantSetting('num.io.thread'), 'num.io.threads')
  const both = UNUSED_SETTINGS.filter((key) => Object.hasOwn(nodeSettings, key))
  assert.deepEqual(both, [], 'what can be set has an effect')
  assert.equal(new Set(UNUSED_SETTINGS).size, UNUSED_SETTINGS.length)
})

test('who asks for protection that is not there is refused, not served without it', () => {
  refused({ 'authorizer.class.name': 'org.apache.kafka.Authorizer' }, /^authorizer\.class\.name=org.* wants clients to/)
  refused({ 'security.inter.broker.protocol': 'SASL_SSL' }, /=SASL_SSL wants what .* neither TLS nor SASL/)
  refused({ 'create.topic.policy.class.name': 'a.B' }, /^create\.topic\.policy\.class\.name=a\.B wants a policy/)
  refused({ 'alter.config.policy.class.name': 'a.B' }, /^alter\.config\.policy\.class\.name=a\.B wants a policy/)
  refused({ 'config.providers': 'file' }, /^config\.providers=file wants values to be looked up/)
})

test('broker.id is another name of node.id', () => {
  const config = nodeConfig({ 'broker.id': '7' })
  assert.equal(config.settings['node.id'], 7)
  assert.deepEqual([...config.given], [['node.id', '7']])
  assert.equal(nodeConfig({ 'broker.id': '7', 'node.id': ' 7' }).settings['node.id'], 7)
  refused(
    { 'broker.id': '7', 'node.id': '8' },
    /^broker\.id=7 is not allowed: it is another name of node\.id, which is 8$/,
  )
  refused({ 'broker.id': '-1' }, /^broker\.id=-1 is not allowed: it must be a whole number from 0/)
})

test('listeners are parsed, advertised and told apart', () => {
  const { listeners } = nodeConfig({
    listeners: 'PLAINTEXT://[::1]:9092,internal://127.0.0.1:0,CONTROLLER://:9093',
    'advertised.listeners': 'PLAINTEXT://kafka.example:19092',
    'controller.listener.names': 'CONTROLLER',
  })
  assert.deepEqual(listeners, [
    {
      name: 'PLAINTEXT',
      host: '::1',
      port: 9092,
      advertised: { host: 'kafka.example', port: 19092 },
      serves: 'broker',
      both: false,
    },
    { name: 'INTERNAL', host: '127.0.0.1', port: 0, advertised: undefined, serves: 'broker', both: false },
    { name: 'CONTROLLER', host: '', port: 9093, advertised: undefined, serves: 'controller', both: false },
  ])
  refused({ listeners: 'localhost:9092' }, /NAME:\/\/host:port/)
  refused({ listeners: 'PLAINTEXT://:99999' }, /NAME:\/\/host:port/)
  refused({ listeners: 'A://:1,a://:2' }, /twice/)
  refused({ 'advertised.listeners': 'OTHER://x:1' }, /names OTHER/)
  refused({ 'advertised.listeners': 'PLAINTEXT://:9092' }, /gives no host/)
  refused({ 'controller.listener.names': 'CONTROLLER' }, /listeners does not/)
  refused({ listeners: 'C://:1', 'controller.listener.names': 'C' }, /none for clients/)
})

test('a node of controllers only serves controllers on every listener', () => {
  const { listeners } = nodeConfig({ 'process.roles': 'controller' })
  assert.equal(listeners[0]!.serves, 'controller')
})

test('the controllers of a quorum are named, by id or by address only', () => {
  const voters = 'controller.quorum.voters'
  const servers = 'controller.quorum.bootstrap.servers'
  const named = (settings: Record<string, string>): string[] =>
    nodeConfig({ 'node.id': '1', ...settings }).named.map(namedController)
  assert.deepEqual(named({}), [])
  assert.deepEqual(named({ [voters]: '1@a:9093,2@[::1]:9093, 3@c:9093' }), ['1@a:9093', '2@[::1]:9093', '3@c:9093'])
  assert.deepEqual(named({ [servers]: 'a:9093,b:9093' }), ['a:9093', 'b:9093'])
  const both = { [voters]: '1@a:9093,2@b:9093', [servers]: 'b:9093,d:9093' }
  assert.deepEqual(named(both), ['1@a:9093', '2@b:9093', 'd:9093'], 'all of them are asked, each once')
  const broker = { 'process.roles': 'broker', 'node.id': '4', [voters]: '1@a:9093' }
  assert.deepEqual(named({ ...broker, 'controller.listener.names': 'CONTROLLER' }), ['1@a:9093'])
  assert.equal(
    canonicalText(nodeConfig({ 'node.id': '1', [voters]: '1@a:9093,2@b:9093' }).named),
    canonicalText(nodeConfig({ 'node.id': '1', [voters]: '2@b:9093,1@a:9093' }).named),
  )

  refused(
    { [voters]: '1@a:9093,b:9093' },
    /^controller\.quorum\.voters=b:9093 is not allowed: it must be id@host:port$/,
  )
  refused({ [servers]: '1@a:9093' }, /^controller\.quorum\.bootstrap\.servers=1@a:9093 .* it must be host:port$/)
  for (const wrong of ['a', 'a:0', 'a:65536', ':9093', 'a:x', 'a b:1'])
    refused({ [servers]: wrong }, /must be host:port/)
  refused({ [voters]: '1@a:9093,2@b:9093,1@c:9093' }, /names the id 1 twice/)
  refused({ [voters]: '1@a:9093,2@a:9093' }, /has one address for the voters 1 and 2/)
  refused(
    { 'node.id': '1', [voters]: '2@a:9093,3@b:9093' },
    /=2@a:9093,3@b:9093 does not name node 1, which is this controller/,
  )
  refused({ ...broker, 'node.id': '1' }, /names node 1, which is this node, and process\.roles=broker/)
  const eight = Array.from({ length: 8 }, (_, index) => `${index + 1}@a:${index + 1}`).join(',')
  refused({ [voters]: eight }, /names 8 voters, and a quorum has at most 7/)
  refused({ 'process.roles': 'broker' }, /needs controllers elsewhere: name them in controller\.quorum\.voters/)
  refused(
    { ...broker, 'controller.listener.names': 'PLAINTEXT' },
    /names PLAINTEXT of listeners, and process\.roles=broker/,
  )
  refused({ 'log.dirs': 'a,b,a' }, /log.dirs names a twice/)
})

test('without a listener for controllers the first one serves them, too', () => {
  const both = (settings: Record<string, string>): boolean[] => nodeConfig(settings).listeners.map((each) => each.both)
  const two = { listeners: 'A://:1,B://:2' }
  assert.deepEqual(both(two), [true, false])
  assert.deepEqual(both({ ...two, 'controller.listener.names': 'B' }), [false, false])
  assert.deepEqual(both({ ...two, 'process.roles': 'controller' }), [false, false])
  const broker = { 'process.roles': 'broker', 'node.id': '4', 'controller.quorum.bootstrap.servers': 'x:1' }
  assert.deepEqual(both({ ...two, ...broker }), [false, false])
})

test('the quorum of this node alone may be spelled out, as in the file that Kafka comes with', () => {
  const shipped = {
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'advertised.listeners': 'PLAINTEXT://localhost:9092,CONTROLLER://kafka.example:9093',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': 'localhost:9093',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL',
    'offsets.topic.replication.factor': '1',
  }
  const withoutEffect = {
    'inter.broker.listener.name': 'PLAINTEXT',
    'num.network.threads': '3',
    'num.io.threads': '8',
    'socket.send.buffer.bytes': '102400',
    'socket.receive.buffer.bytes': '102400',
    'num.recovery.threads.per.data.dir': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
  }
  const { listeners, ...config } = nodeConfig({ ...shipped, ...withoutEffect })
  assert.deepEqual([config.unknownKeys, config.withoutProtection], [[], []])
  assert.deepEqual(config.withoutEffect, Object.keys(withoutEffect))
  assert.deepEqual(listeners.map(({ name, serves }) => `${name} ${serves}`).sort(), [
    'CONTROLLER controller',
    'PLAINTEXT broker',
  ])
  assert.deepEqual(config.named, [])
  const named = (servers: string): number =>
    nodeConfig({ ...shipped, 'node.id': '1', 'controller.quorum.bootstrap.servers': servers }).named.length
  assert.equal(named('kafka.example:9093,[::1]:9093'), 0)
  assert.equal(nodeConfig({ 'node.id': '7', 'controller.quorum.voters': '7@elsewhere:9093' }).named.length, 0)
  for (const other of ['localhost:9092', 'localhost:9094', 'other.example:9093']) assert.equal(named(other), 1, other)
  assert.equal(named('localhost:9093,b:9093'), 2)
})

test('a listener that is to speak TLS or SASL is refused, and not served in the clear', () => {
  refused({ listeners: 'SSL://:9093' }, /^listeners=SSL:\/\/:9093 wants SSL, and this version has neither TLS nor SASL/)
  refused({ listeners: 'PLAINTEXT://:1,SASL_PLAINTEXT://:2' }, /wants SASL_PLAINTEXT/)
  const map = 'listener.security.protocol.map'
  refused({ listeners: 'SSL://:9093', [map]: 'A:PLAINTEXT' }, /wants SSL/)
  refused({ listeners: 'OUTSIDE://:1', [map]: 'outside:ssl' }, /wants SSL/)
  nodeConfig({ listeners: 'SSL://:1,OUTSIDE://:2', [map]: 'SSL:PLAINTEXT' })
  for (const wrong of ['A', 'A:TLS', ':SSL', 'A:SSL:B']) {
    refused({ [map]: wrong }, /protocol\.map=.* is not allowed: it must be NAME:PROTOCOL, of PLAINTEXT, SSL,/)
  }
})

test("log.dir stands in for log.dirs, and Kafka's largest long for no limit", () => {
  assert.deepEqual(nodeConfig({ 'log.dir': '/x' }).settings['log.dirs'], ['/x'])
  assert.deepEqual(nodeConfig({ 'log.dir': '/x', 'log.dirs': '/y' }).settings['log.dirs'], ['/y'])
  const { settings } = nodeConfig({ 'log.dir.reserved.bytes': '9223372036854775807' })
  assert.equal(settings['log.dir.reserved.bytes'], Number.MAX_SAFE_INTEGER)
})

test("a topic's settings fall back to the node's", () => {
  const { settings } = nodeConfig({ 'message.max.bytes': '5000', 'log.flush.policy': 'os' })
  const plain = resolveTopicSettings(settings, new Map())
  assert.equal(plain['max.message.bytes'], 5000)
  assert.equal(plain['flush.policy'], 'os')
  assert.equal(plain['internal.segment.bytes'], 1 << 30)
  const own = resolveTopicSettings(
    settings,
    new Map([
      ['flush.policy', 'commit'],
      ['segment.bytes', '2097152'],
    ]),
  )
  assert.equal(own['flush.policy'], 'commit')
  assert.equal(own['internal.segment.bytes'], 2097152)
  assert.ok(isTopicSetting('flush.policy') && !isTopicSetting('toString') && !isTopicSetting('flush.polcy'))
})

test('a key that is not set is undefined where it may be, and the first that is set counts', () => {
  const hours = { ms: undefined, minutes: undefined, hours: 2 }
  const keys = ['ms', ['minutes', 60_000], ['hours', 3_600_000]] as const
  assert.equal(firstSet<Record<'ms' | 'minutes' | 'hours', number | undefined>>(hours, keys), 7_200_000)
  assert.equal(firstSet({ ...hours, minutes: 3 }, keys), 180_000)
  assert.equal(firstSet({ ...hours, minutes: 3, ms: 7 }, keys), 7)
  assert.equal(firstSet({ ...hours, minutes: -1 }, keys), -1, 'no limit is none in every unit')
  assert.equal(firstSet({ ...hours, hours: undefined }, keys), undefined)
  assert.deepEqual(optional(integer({ doc: 'x', min: 1 })).parse('0'), undefined)
  assert.equal(optional(integer({ doc: 'x', default: '3' })).default, undefined)
})

test('what is not allowed is told without the value where it is a secret', () => {
  const secret = { ...password({ doc: 'x' }), parse: () => undefined }
  assert.throws(
    () => parseSetting(secret, 'the.key', 'hunter2'),
    (error) => error instanceof ConfigError && !error.message.includes('hunter2') && error.message.includes('the.key'),
  )
})

test('fractions are read within their bounds', () => {
  const ratio = double({ doc: 'x', min: 0, max: 1 })
  assert.deepEqual(
    ['0', '0.5', '.5', '1.', '5e-1', '1.01', '-0.1', 'half', '', 'NaN', '0x1'].map((text) => ratio.parse(text)),
    [0, 0.5, 0.5, 1, 0.5, undefined, undefined, undefined, undefined, undefined, undefined],
  )
})

test("what was set while the node runs goes before what it was started with; a broker's own before all brokers'", () => {
  const { settings, given } = nodeConfig({ 'message.max.bytes': '5000' })
  assert.deepEqual([...given], [['message.max.bytes', '5000']])
  const none = new Map<string, string>()
  assert.equal(withDynamic(settings, none, none), settings)
  const cluster = new Map([
    ['message.max.bytes', '6000'],
    ['min.insync.replicas', '2'],
    ['node.id', '9'],
    ['of.another.release', 'x'],
  ])
  const changed = withDynamic(settings, cluster, new Map([['message.max.bytes', '7000']]))
  assert.equal(changed['message.max.bytes'], 7000)
  assert.equal(changed['min.insync.replicas'], 2)
  assert.equal(changed['node.id'], 1, 'read-only')
  assert.equal(Object.hasOwn(changed, 'of.another.release'), false)
  assert.equal(withDynamic(settings, new Map([['message.max.bytes', 'x']]), none)['message.max.bytes'], 5000)
})

test('which settings can be changed while the node runs', () => {
  assert.equal(dynamicOf('max.connections.per.ip.overrides'), 'cluster-wide')
  assert.equal(dynamicOf('message.max.bytes'), 'cluster-wide', 'a default of topics')
  assert.equal(dynamicOf('producer.id.expiration.ms'), 'cluster-wide')
  assert.equal(dynamicOf('log.dirs'), 'read-only')
  assert.deepEqual(familyOf('log.dirs'), ['log.dirs'])
  assert.deepEqual(synonymsOf('max.message.bytes'), ['message.max.bytes'])
  assert.deepEqual(synonymsOf('internal.segment.bytes'), ['log.segment.bytes'])
})

test('where a file sets a key, and which key was meant', () => {
  assert.equal(lineOf('a=1\n\nlisteners=x\n# c\nlisteners=y', 'listeners'), 5)
  assert.equal(lineOf('a=1', 'listeners'), undefined)
  assert.equal(meantSetting('num.partitons'), 'num.partitions')
  assert.equal(meantSetting('something.else.entirely'), undefined)
})
