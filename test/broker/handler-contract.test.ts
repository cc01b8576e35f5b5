/** What a handler must say of itself, the compiler asks for: these lines are compiled with the rest, and an error that does not come is one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HANDLERS } from '../../src/broker/apis/index.js'
import { handler } from '../../src/broker/server/handler.js'
import { eachForItself } from '../../src/broker/server/stages.js'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.js'

type Request = typeof InitProducerId.request.fields
type Response = typeof InitProducerId.response.fields

const whole = {
  versions: [0, 5],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: () => [],
  refuse: (_: unknown, errorCode: number) => ({ throttleTimeMs: 0, errorCode, producerEpoch: -1 }),
  handle: () => {},
} as const

test('a handler that does not say what it needs to be allowed does not compile', () => {
  const { authorize, ...withoutAuthorize } = whole
  const { refuse, ...withoutRefuse } = whole
  const { listeners, ...withoutListeners } = whole
  const { versions, ...withoutVersions } = whole
  assert.equal(handler<object, Request, Response>(InitProducerId, whole).authorize, authorize)
  // @ts-expect-error no `authorize`
  handler<object, Request, Response>(InitProducerId, withoutAuthorize)
  // @ts-expect-error no `refuse`
  handler<object, Request, Response>(InitProducerId, withoutRefuse)
  // @ts-expect-error no `listeners`
  handler<object, Request, Response>(InitProducerId, withoutListeners)
  // @ts-expect-error no `versions`
  handler<object, Request, Response>(InitProducerId, withoutVersions)
  // @ts-expect-error an operation that Kafka does not have
  handler<object, Request, Response>(InitProducerId, { ...whole, authorize: () => [{ operation: 'LOOK' }] })
  // @ts-expect-error a response of another API
  handler<object, Request, Response>(InitProducerId, { ...whole, refuse: () => ({ topics: [] }) })
  assert.equal(typeof refuse, 'function')
  assert.deepEqual([listeners, versions], [['broker'], [0, 5]])
})

test('each handler that is served needs something, at once or for each thing that is asked for, but for ApiVersions, which everybody must be able to ask', () => {
  const topics = [{ name: 'a', topic: 'a' }]
  for (const { message, authorize } of HANDLERS) {
    const needs = authorize({
      topics,
      topicData: topics,
      resources: [{ resourceType: 2, resourceName: 'a' }],
      topicNames: ['a'],
      groupId: 'g',
      groups: [{ groupId: 'g', topics }],
      groupIds: ['g'],
      groupsNames: ['g'],
      coordinatorKeys: ['g'],
    })
    if (message.name === 'ApiVersions') assert.deepEqual(needs, [])
    else assert.ok(authorize === eachForItself || needs.length > 0, message.name)
  }
})
