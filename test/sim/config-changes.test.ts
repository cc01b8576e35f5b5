/** Changes of settings under faults: what was acknowledged is found to be there, and what is not so is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedClient } from '../../src/sim/client.js'
import { ConfigChanges, wrongSettings } from '../../src/sim/config-changes.js'
import { Machine } from '../../src/sim/machine.js'
import { BROKER_HOST, BROKER_PORT } from '../../src/sim/world.js'
import { SimulatedBroker } from '../broker/simulated-broker.js'
import { LOG_OPTIONS } from '../log-options.js'

test('what was acknowledged holds; what was not asked for, or is not gone by, is told', () => {
  const broker = new SimulatedBroker('config changes')
  broker.createTopic('changing', 1, { 'flush.policy': 'os' })
  const { simulation, world } = broker
  let client: SimulatedClient | undefined
  new Machine(simulation, world.network, 'configs').boot(
    (ports) => {
      client = new SimulatedClient(ports, { host: BROKER_HOST, port: BROKER_PORT }, 'configs')
    },
    () => {},
  )
  const changes = new ConfigChanges(simulation, client!)
  changes.add('changing', new Map([['flush.policy', 'os']]), true)
  broker.until(() => changes.acknowledged >= 30 && changes.commitSinceMs.has('changing'), 'settings are changed')
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
})
