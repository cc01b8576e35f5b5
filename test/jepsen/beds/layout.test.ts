/** Settings of clusters: what a node of lograft would be started with, for any shape. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Surroundings } from '../../../jepsen/beds/bed.js'
import { founders, nodePlans, propertiesText, settingsOf } from '../../../jepsen/beds/layout.js'
import { nodeConfig, readConfigText } from '../../../src/config/node-config.js'

function surroundings(id: number): Surroundings {
  return {
    prefix: [],
    environment: {},
    host: '127.0.0.1',
    ports: { clients: 1000 + id, nodes: 2000 + id, controllers: 3000 + id },
    advertised: {},
    dataPath: `/data/${id}`,
  }
}

const shapes = [
  { nodes: 1, directory: '' },
  { nodes: 3, directory: '' },
  { nodes: 5, spares: 1, directory: '' },
  { nodes: 3, controllers: 3, spares: 2, directory: '' },
]

for (const shape of shapes) {
  test(`${JSON.stringify(shape)}: all name the same voters, nobody shares a port, and spares are in none of it`, () => {
    const plans = nodePlans(shape)
    const around = new Map(plans.map(({ id }) => [id, surroundings(id)]))
    const configs = plans.map((plan) => nodeConfig(readConfigText(propertiesText(settingsOf(plan, plans, around)))))
    const addresses = configs.flatMap(({ listeners }) => listeners.map(({ host, port }) => `${host}:${port}`))
    assert.equal(new Set(addresses).size, addresses.length)
    const named = founders(plans).map(({ id }) => `127.0.0.1:${around.get(id)!.ports.controllers}`)
    for (const [index, { settings, given }] of configs.entries()) {
      assert.equal(given.get('controller.quorum.bootstrap.servers'), named.join(','))
      assert.equal(settings['node.id'], plans[index]!.id)
      assert.deepEqual([...settings['process.roles']], plans[index]!.roles)
      assert.equal(settings['default.replication.factor'], Math.min(3, shape.nodes))
    }
    assert.equal(named.length, shape.controllers ?? shape.nodes)
    assert.equal(plans.filter(({ isSpare }) => isSpare).length, shape.spares ?? 0)
  })
}

test('what stands between is told to others, and settings of the run go before those of the layout', () => {
  const plans = nodePlans({ nodes: 3, directory: '' })
  const around = new Map(plans.map(({ id }) => [id, surroundings(id)]))
  around.set(2, { ...surroundings(2), advertised: { clients: 'proxy:1', nodes: 'proxy:2', controllers: 'proxy:3' } })
  const settings = settingsOf(plans[1]!, plans, around, { 'min.insync.replicas': '1' })
  assert.equal(settings['listeners'], 'NODES://127.0.0.1:2002,CLIENTS://127.0.0.1:1002,CONTROLLER://127.0.0.1:3002')
  assert.equal(settings['advertised.listeners'], 'NODES://proxy:2,CLIENTS://proxy:1,CONTROLLER://proxy:3')
  assert.equal(settings['controller.quorum.bootstrap.servers'], '127.0.0.1:3001,proxy:3,127.0.0.1:3003')
  assert.equal(settings['min.insync.replicas'], '1')
})
