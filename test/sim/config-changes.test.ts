/** Changes of settings under faults: what was acknowledged is found to be there, and what is not so is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedClient } from '../../src/sim/client.js'
import { ConfigChanges, wrongSettings } from '../../src/sim/config-changes.js'
import { Machine } from '../../src/sim/machine.js'
import { keyOf, type LivingTopic } from '../../src/sim/topic-lives.js'
import { BROKER_HOST, BROKER_PORT } from '../../src/sim/world.js'
import { SimulatedBroker } from '../broker/simulated-broker.js'
import { LOG_OPTIONS } from '../log-options.js'

test('what was acknowledged holds; what was not asked for, or is not gone by, is told', () => {
  const broker = new SimulatedBroker('config changes')
  const topicId = broker.createTopic('changing', 1, { 'flush.policy': 'os', 'internal.segment.bytes': '8192' })
  const { simulation, world } = broker
  let client: SimulatedClient | undefined
  new Machine(simulation, world.network, 'configs').boot(
    (ports) => {
      client = new SimulatedClient(ports, { host: BROKER_HOST, port: BROKER_PORT }, 'configs')
    },
    () => {},
  )
  const changes = new ConfigChanges(simulation, client!)
  const topic: LivingTopic = {
    name: 'changing',
    topicId,
    partitions: 1,
    partitionCount: 1,
    bornMs: 0,
    state: 'there',
    flushPolicy: 'os',
    segmentBytes: 8192,
    keyBytes: 0,
    keys: 0,
    configs: {},
  }
  changes.add(topic, true)
  broker.until(() => changes.acknowledged >= 30 && changes.commitSinceMs.has(keyOf(topic)), 'settings are changed')
  changes.stop()
  broker.until(() => changes.idle, 'the last is answered')
  const node = world.node!.broker!
  const [partition] = world.partitions
  assert.equal(partition!.settings['flush.policy'], 'commit')
  assert.equal(changes.contradiction(node.image), undefined)
  assert.equal(wrongSettings(partition!, node), undefined)

  const lost = { ...node.image, configs: new Map() }
  assert.match(changes.contradiction(lost)!, /is not set, and may be /)
  partition!.configure({ ...partition!.settings, 'min.insync.replicas': 7 }, { ...LOG_OPTIONS, segmentBytes: 2048 })
  assert.match(wrongSettings(partition!, node)!, /changing-0 goes by min\.insync\.replicas=7, and 1 is set/)

  // Nothing of a topic that was deleted may be left.
  const kept = changes.contradiction(node.image)
  changes.drop(topic)
  assert.equal(kept, undefined)
  assert.match(changes.contradiction(node.image)!, / of 2\/changing is .*, and may be not set/)
})
