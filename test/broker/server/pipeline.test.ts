/** The way of a request through decoding and stages: in which order, with what, and what each of them can end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawFrame } from '../wire-client.js'
import { Bench, frame, receive } from './pipeline-bench.js'

const needs = '[{"operation":"WRITE","resource":{"type":"TOPIC","name":"tx"}}]'

test('stages are asked in order, with principal, client id, listener, size and what the handler says it needs', () => {
  const bench = new Bench({ listener: { name: 'INTERNAL', serves: 'broker' } })
  const socket = bench.connect()
  const bytes = frame(1)
  receive(socket, bytes)
  assert.deepEqual(bench.log, [
    'begin INTERNAL broker',
    `charge User:alice me INTERNAL ${bytes.length - 4}`,
    'authorize',
    `allows User:alice INTERNAL ${needs}`,
    'handle',
  ])
  const [call] = bench.calls
  assert.deepEqual(
    [call!.version, call!.clientId, call!.principal.name, call!.listener.name, call!.local.port],
    [1, 'me', 'alice', 'INTERNAL', 9092],
  )
})

test('every request is charged and authorized, the connection is authenticated once', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), frame(2, 'tx', null), frame(3, 'other'))
  assert.equal(bench.log.filter((line) => line.startsWith('begin')).length, 1)
  assert.equal(bench.log.filter((line) => line.startsWith('charge')).length, 3)
  assert.equal(bench.log.filter((line) => line.startsWith('charge User:alice null')).length, 1)
  assert.equal(bench.log.filter((line) => line.startsWith('allows') && line.includes('"other"')).length, 1)
  assert.equal(bench.calls.length, 3)
})

test('what does not decode, is not served or is for another listener reaches no stage and closes the connection', () => {
  const strange = [
    rawFrame(22, 1, 1, Buffer.from('ffff', 'hex')),
    rawFrame(22, 6, 1, Buffer.alloc(20)),
    rawFrame(21, 0, 1, Buffer.alloc(20)),
    Buffer.from('00000004001600010000', 'hex'),
    Buffer.from('00000000', 'hex'),
    Buffer.from('ffffffff', 'hex'),
    Buffer.from('7fffffff', 'hex'),
  ]
  for (const bytes of strange) {
    const bench = new Bench()
    const socket = bench.connect()
    receive(socket, bytes)
    assert.deepEqual([socket.destroyed, bench.pipeline.connections], [true, 0], bytes.toString('hex'))
    assert.deepEqual(bench.log, ['begin PLAINTEXT broker'])
    // What follows is not looked at.
    receive(socket, frame(1))
    assert.equal(bench.calls.length, 0)
  }
  const controller = new Bench({ listener: { name: 'CONTROLLER', serves: 'controller' } })
  const socket = controller.connect()
  receive(socket, frame(1))
  assert.deepEqual([socket.destroyed, controller.calls.length], [true, 0])
})

test('without a principal nothing is charged, and the connection is closed', () => {
  const bench = new Bench({ stages: { authenticator: { begin: () => ({ principal: undefined }) } } })
  const socket = bench.connect()
  receive(socket, frame(1))
  assert.equal(socket.destroyed, true)
  assert.deepEqual(bench.log, [])
})

test('what the authorizer refuses is answered with the error in the response of the API, in its place', () => {
  const allowed = new Set(['good'])
  const bench = new Bench({
    stages: {
      authorizer: {
        allows: (_, __, [need]) => need!.resource.type === 'TOPIC' && allowed.has(need!.resource.name),
      },
    },
  })
  const socket = bench.connect()
  receive(socket, frame(1, 'good'), frame(2, 'bad'), frame(3, 'good'))
  assert.equal(bench.calls.length, 2)
  bench.reply(1, 300)
  assert.deepEqual(socket.answers, [])
  bench.reply(0, 100)
  assert.deepEqual(socket.answers, [
    [1, 100],
    [2, -1],
    [3, 300],
  ])
})

test('a refusal that the protocol has no answer for closes the connection', () => {
  const bench = new Bench({
    stages: { authorizer: { allows: () => false } },
    handler: { refuse: () => undefined },
  })
  const socket = bench.connect()
  receive(socket, frame(1))
  bench.clock.drain()
  assert.deepEqual([socket.destroyed, socket.written.length], [true, 0])
})

test('a throttled connection is answered, and not read until its time is over', () => {
  let throttleMs = 500
  const bench = new Bench({ stages: { quotas: { charge: () => throttleMs } } })
  const socket = bench.connect()
  receive(socket, frame(1), frame(2))
  assert.equal(bench.calls.length, 1)
  bench.reply(0, 100)
  socket.handlers!.drained()
  assert.deepEqual(socket.answers, [[1, 100]])
  assert.deepEqual([socket.paused, bench.calls.length], [true, 1])
  bench.clock.advance(499)
  assert.deepEqual([socket.paused, bench.calls.length], [true, 1])
  throttleMs = 0
  bench.clock.advance(1)
  assert.deepEqual([socket.paused, bench.calls.length], [false, 2])
})

test('connections that come before the node serves are taken, and read from then on; all end with the pipeline', () => {
  const bench = new Bench({ serves: false })
  const { pipeline } = bench
  const early = bench.connect()
  assert.deepEqual([early.paused, pipeline.connections], [true, 1])
  pipeline.serve()
  const late = bench.connect()
  assert.deepEqual([early.paused, late.paused, pipeline.connections], [false, false, 2])
  receive(early, frame(1))
  pipeline.close()
  assert.deepEqual([early.destroyed, late.destroyed, pipeline.connections], [true, true, 0])
  bench.reply(0, 10)
  assert.deepEqual(early.written, [])
})

test('while only controllers are served, what is theirs is answered, and everybody else waits in order until clients are served', () => {
  const bench = new Bench({
    serves: false,
    listener: { name: 'BOTH', serves: 'broker', both: true },
    handler: { early: ({ transactionalId }) => transactionalId === 'of a controller' },
  })
  const [client, controller, gone] = [bench.connect(), bench.connect(), bench.connect()]
  bench.pipeline.serveControllers()
  assert.equal(controller.paused, false)
  receive(client, frame(1), frame(2))
  receive(gone, frame(9))
  receive(controller, frame(3, 'of a controller'))
  assert.deepEqual([bench.calls.length, client.paused], [1, true])
  bench.reply(0, 30)
  assert.deepEqual(controller.answers, [[3, 30]])
  receive(controller, frame(4))
  receive(controller, frame(5, 'of a controller'))
  assert.equal(bench.calls.length, 1, 'answers come in the order of the requests')
  gone.handlers!.closed(undefined)
  const held = bench.connect()
  receive(held, frame(6, 'x'.repeat(30_000)), frame(7, 'x'.repeat(30_000)))
  bench.pipeline.serve()
  assert.equal(bench.calls.length, 7, 'of the one that has gone nothing is done')
  for (let index = 1; index < 7; index++) bench.reply(index, index)
  assert.deepEqual(
    [client, controller, held].map(({ answers }) => answers.map(([correlationId]) => correlationId)),
    [
      [1, 2],
      [3, 4, 5],
      [6, 7],
    ],
  )
  assert.deepEqual([client.paused, held.paused, controller.paused], [false, false, false])
})

test('a frame above the limit closes the connection before its bytes come', () => {
  const bench = new Bench({ maxFrameBytes: 100 })
  const [largest, larger] = [bench.connect(), bench.connect()]
  receive(largest, Buffer.from('00000064', 'hex'), Buffer.alloc(50))
  receive(larger, Buffer.from('00000065', 'hex'))
  assert.deepEqual([largest.destroyed, larger.destroyed], [false, true])
})

test('a frame that is put together from pieces has an owner, one that came whole is only lent', () => {
  const bench = new Bench()
  const socket = bench.connect()
  const bytes = frame(1)
  receive(socket, bytes)
  receive(socket, bytes.subarray(0, 10))
  receive(socket, bytes.subarray(10))
  assert.deepEqual(
    bench.calls.map(({ owner }) => owner !== undefined),
    [false, true],
  )
})

test('whatever the cut, the same requests come out', () => {
  const whole = Buffer.concat([frame(1), frame(2, 'a longer name', null), frame(3)])
  for (let cut = 1; cut < whole.length; cut++) {
    const bench = new Bench()
    const socket = bench.connect()
    receive(socket, whole.subarray(0, cut))
    receive(socket, whole.subarray(cut))
    for (const [index] of bench.calls.entries()) bench.reply(index, index * 100)
    assert.deepEqual(
      socket.answers,
      [
        [1, 0],
        [2, 100],
        [3, 200],
      ],
      `cut at ${cut}`,
    )
    assert.equal(bench.log.filter((line) => line.includes('a longer name')).length, 1)
  }
  const bench = new Bench()
  const socket = bench.connect()
  for (const byte of whole) receive(socket, Buffer.from([byte]))
  assert.equal(bench.calls.length, 3)
})
