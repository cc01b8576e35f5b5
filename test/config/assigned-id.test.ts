/** The id of a node that is given none: from the lists of controllers, or a sentence that says to set it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeConfig } from '../../src/config/node-config.js'
import { ConfigError } from '../../src/config/setting.js'

type Settings = Readonly<Record<string, string>>

const VOTERS = 'controller.quorum.voters'
const SERVERS = 'controller.quorum.bootstrap.servers'
const TWO_PORTS: Settings = { 'controller.listener.names': 'CONTROLLER' }

/** With a listener of its own for controllers. */
function controllerAt(address: string, more: Settings = {}): Settings {
  return { ...TWO_PORTS, listeners: `PLAINTEXT://:9092,CONTROLLER://${address}`, ...more }
}

function idOf(settings: Settings): number {
  return nodeConfig(settings).settings['node.id']
}

function refused(settings: Settings, key: string, message: string): void {
  assert.throws(() => nodeConfig(settings), new ConfigError(key, message))
  nodeConfig({ ...settings, 'node.id': '1' })
}

test('a controller takes the id of the voter whose address is its own', () => {
  const list = { [VOTERS]: '4@a:9093,0@b:9093,7@b:9193' }
  assert.equal(idOf(controllerAt('a:9093', list)), 4)
  assert.equal(idOf(controllerAt('b:9093', list)), 0)
  assert.equal(idOf(controllerAt('b:9193', list)), 7)
  assert.equal(nodeConfig(controllerAt('a:9093', list)).named.length, 3)
})

test('a voter is also recognised by its advertised address, and by one of this machine', () => {
  const list = { [VOTERS]: '4@a:9093,5@localhost:9193' }
  assert.equal(idOf(controllerAt(':1', { ...list, 'advertised.listeners': 'CONTROLLER://a:9093' })), 4)
  assert.equal(idOf(controllerAt(':9193', list)), 5)
})

test('by bootstrap servers it is the place of its address, whatever the order in which they are written', () => {
  for (const servers of ['a:9093,b:9093,c:9093', 'c:9093,a:9093,b:9093', 'b:9093, c:9093, a:9093']) {
    const ids = ['a:9093', 'b:9093', 'c:9093'].map((address) => idOf(controllerAt(address, { [SERVERS]: servers })))
    assert.deepEqual(ids, [1, 2, 3], servers)
  }
})

test('bootstrap servers are sorted by host as text, then by port as a number; one that is written twice has one place', () => {
  const sorted = ['10.0.0.10:9093', '10.0.0.9:9093', 'B:9093', 'a:80', 'a:9093', 'a:10000']
  const list = { [SERVERS]: [...sorted].reverse().concat('10.0.0.10:9093', 'a:80').join(',') }
  assert.deepEqual(
    sorted.map((address) => idOf(controllerAt(address, list))),
    [1, 2, 3, 4, 5, 6],
  )
})

test('addresses of IPv6 have an id as any other', () => {
  assert.equal(idOf(controllerAt('[fd00::2]:9093', { [VOTERS]: '8@[fd00::1]:9093,9@[fd00::2]:9093' })), 9)
  assert.equal(idOf(controllerAt('[fd00::2]:9093', { [SERVERS]: '[fd00::2]:9093,[fd00::1]:9093' })), 2)
})

test('with one port for clients and controllers it is the address of that, and with two never that of the clients', () => {
  const list = { [SERVERS]: 'a:9092,b:9092' }
  assert.equal(idOf({ listeners: 'PLAINTEXT://b:9092', ...list }), 2)
  assert.equal(idOf({ listeners: 'PLAINTEXT://b:9092', 'process.roles': 'controller', ...list }), 2)
  refused(
    { ...TWO_PORTS, listeners: 'PLAINTEXT://b:9092,CONTROLLER://b:9093', ...list },
    SERVERS,
    'controller.quorum.bootstrap.servers=a:9092,b:9092 has no address of this controller (b:9093) to take an id from: set node.id',
  )
})

test('with both lists the voters count', () => {
  const both = { [VOTERS]: '5@a:9093,6@b:9093', [SERVERS]: 'b:9093,c:9093' }
  assert.equal(idOf(controllerAt('b:9093', both)), 6)
  assert.throws(
    () => idOf(controllerAt('c:9093', both)),
    /^ConfigError: controller\.quorum\.voters=5@a:9093,6@b:9093 has/,
  )
})

test('a node.id or broker.id that is set is what counts, wherever the address stands', () => {
  const list = { [SERVERS]: 'a:9093,b:9093' }
  assert.equal(idOf(controllerAt('b:9093', { ...list, 'node.id': '9' })), 9)
  assert.equal(idOf(controllerAt('b:9093', { ...list, 'broker.id': '9' })), 9)
  assert.equal(idOf(controllerAt('c:9093', { ...list, 'broker.id': '9' })), 9)
})

test('a broker that is no controller is refused: no list has an id for it', () => {
  const sentence = 'process.roles=broker needs an id of its own, which no list of controllers gives: set node.id'
  const broker = { 'process.roles': 'broker', listeners: 'PLAINTEXT://b:9092' }
  refused({ ...broker, [SERVERS]: 'a:9093' }, 'process.roles', sentence)
  refused({ ...broker, [SERVERS]: 'b:9092' }, 'process.roles', sentence)
  assert.throws(() => nodeConfig({ ...broker, [VOTERS]: '1@a:9093' }), new ConfigError('process.roles', sentence))
})

test('a controller whose address is not on the list is refused, and the sentence has both', () => {
  refused(
    controllerAt(':9093', { [VOTERS]: '2@b:9093,1@a:9093', 'advertised.listeners': 'CONTROLLER://c:1' }),
    VOTERS,
    'controller.quorum.voters=2@b:9093,1@a:9093 has no address of this controller (:9093, c:1) to take an id from: set node.id',
  )
  refused(
    controllerAt('[fd00::1]:9093', { [SERVERS]: '[fd00::2]:9093' }),
    SERVERS,
    'controller.quorum.bootstrap.servers=[fd00::2]:9093 has no address of this controller ([fd00::1]:9093) to take an id from: set node.id',
  )
})

test('a controller without a listener has no address', () => {
  refused(
    { 'process.roles': 'controller', listeners: '', [SERVERS]: 'a:9093' },
    SERVERS,
    'controller.quorum.bootstrap.servers=a:9093 has no address of this controller (no listener) to take an id from: set node.id',
  )
})

test('a controller that is on the list twice is refused: it could have either id', () => {
  refused(
    controllerAt(':9093', { [VOTERS]: '1@localhost:9093,2@127.0.0.1:9093' }),
    VOTERS,
    'controller.quorum.voters=1@localhost:9093,2@127.0.0.1:9093 has several addresses of this controller (1@localhost:9093, 2@127.0.0.1:9093) to take an id from: set node.id',
  )
  refused(
    controllerAt(':9093', { [SERVERS]: 'localhost:9093,b:9093,127.0.0.1:9093' }),
    SERVERS,
    'controller.quorum.bootstrap.servers=localhost:9093,b:9093,127.0.0.1:9093 has several addresses of this controller (127.0.0.1:9093, localhost:9093) to take an id from: set node.id',
  )
})

test('a node that is alone keeps 1, also where its own address is spelled out, once or twice', () => {
  for (const settings of [
    {},
    { [VOTERS]: '', [SERVERS]: ' , ' },
    controllerAt(':9093'),
    controllerAt(':9093', { [SERVERS]: 'localhost:9093' }),
    controllerAt(':9093', { [SERVERS]: 'localhost:9093,[::1]:9093' }),
  ]) {
    const config = nodeConfig(settings)
    assert.equal(config.settings['node.id'], 1)
    assert.deepEqual(config.named, [])
  }
  const alone = nodeConfig(controllerAt(':9093', { [VOTERS]: '7@localhost:9093' }))
  assert.deepEqual([alone.settings['node.id'], alone.named], [7, []])
})

test('an id that was taken from a list counts as given: it is not the default', () => {
  const list = { [SERVERS]: 'a:9093,b:9093' }
  assert.equal(nodeConfig(controllerAt('b:9093', list)).given.get('node.id'), '2')
  assert.equal(nodeConfig(controllerAt('a:9093', list)).given.get('node.id'), '1')
  assert.equal(nodeConfig(controllerAt(':9093')).given.has('node.id'), false)
})

test('what is wrong with a list is said before that it gives no id', () => {
  for (const [list, pattern] of [
    [{ [VOTERS]: '1@a:9093,b:9093' }, /=b:9093 is not allowed: it must be id@host:port$/],
    [{ [VOTERS]: '1@a:9093,1@b:9093' }, /names the id 1 twice$/],
    [{ [SERVERS]: '1@a:9093' }, /=1@a:9093 is not allowed: it must be host:port$/],
  ] as const) {
    assert.throws(
      () => nodeConfig(list),
      (error) => error instanceof ConfigError && pattern.test(error.message),
    )
  }
})
