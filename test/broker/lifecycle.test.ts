import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomUuid } from '../../src/base/uuid.js'
import type { ControllerChannel } from '../../src/broker/controller/controller-channel.js'
import { BrokerLifecycle } from '../../src/broker/lifecycle.js'
import { nodeConfig } from '../../src/config/node-config.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { ErrorCode, type ErrorName } from '../../src/protocol/errors.js'
import { FakeClock } from '../fake-clock.js'
import { MemoryLogger, nodePorts } from '../node-ports.js'

test('a registration that is refused is asked for again, and what refuses it is said when it changes, or every five seconds', () => {
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const ports = { ...nodePorts(), clock, logger }
  let refusal: ErrorName = 'DUPLICATE_BROKER_REGISTRATION'
  let asked = 0
  const channel = {
    send: (_api: string, _request: object, _asker: object, _timeoutMs: number, done: (answer: object) => void) => {
      asked++
      done({ reply: { errorCode: ErrorCode[refusal] } })
    },
  }
  const lifecycle = new BrokerLifecycle(ports, channel as unknown as ControllerChannel, {
    identity: { clusterId: 'c', nodeId: 1, directoryId: randomUuid(ports.random) },
    logDirs: () => [],
    settings: nodeConfig({}).settings,
    release: THIS_RELEASE,
    endpoints: [],
    appliedOffset: () => -1,
    previousBrokerEpoch: -1,
    onRegistered() {},
    onUsable: () => assert.fail('it is not registered'),
  })
  const said = (): unknown[] => logger.lines.map(({ fields }) => (fields as { readonly error: string }).error)
  lifecycle.start()
  clock.advance(4900)
  assert.equal(asked, 25)
  assert.deepEqual(said(), ['DUPLICATE_BROKER_REGISTRATION'])
  clock.advance(200)
  assert.deepEqual(said(), ['DUPLICATE_BROKER_REGISTRATION', 'DUPLICATE_BROKER_REGISTRATION'])
  refusal = 'INCONSISTENT_CLUSTER_ID'
  clock.advance(1000)
  assert.deepEqual(said().slice(2), ['INCONSISTENT_CLUSTER_ID'])
  lifecycle.stop()
})
