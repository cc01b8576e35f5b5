/** One connection: answers in the order of the requests, the gate that is shut for a client that asks too much or reads nothing, and its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_IN_FLIGHT, MAX_OUTPUT_BYTES } from '../../../src/broker/server/connection.js'
import { rawFrame } from '../wire-client.js'
import { Bench, frame, type Response, receive } from './pipeline-bench.js'

test('answers go out in the order of the requests, whoever is ready first, in one write per turn', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), frame(2), frame(3), frame(4))
  bench.reply(3, 40)
  bench.reply(1, 20)
  bench.clock.drain()
  assert.deepEqual(socket.written, [])
  bench.reply(0, 10)
  assert.deepEqual(socket.answers, [
    [1, 10],
    [2, 20],
  ])
  assert.equal(socket.written.length, 1)
  bench.reply(2, 30)
  assert.deepEqual(socket.answers.slice(2), [
    [3, 30],
    [4, 40],
  ])
  assert.equal(socket.written.length, 2)
})

test('a request without an answer gives up its place', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), frame(2), frame(3))
  bench.reply(2, 30)
  bench.calls[1]!.noReply()
  bench.reply(0, 10)
  assert.deepEqual(socket.answers, [
    [1, 10],
    [3, 30],
  ])
})

test('a request that must be alone holds up what comes behind it, not what came before', () => {
  const bench = new Bench({ handler: { alone: true } })
  const socket = bench.connect()
  receive(socket, frame(1), frame(2), frame(3))
  assert.deepEqual([bench.calls.length, socket.paused], [1, true])
  bench.reply(0, 10)
  assert.equal(bench.calls.length, 2)
  bench.reply(1, 20)
  // Nothing is held any more: what comes next is read, or that nothing will.
  assert.deepEqual([bench.calls.length, socket.paused], [3, false])
  bench.reply(2, 30)
  assert.equal(socket.paused, false)
  assert.deepEqual(
    socket.answers.map(([id]) => id),
    [1, 2, 3],
  )
  // What was held were copies: what the socket had lent was rubbish by then.
  assert.equal(bench.log.filter((line) => line.includes('"tx"')).length, 3)
})

test(`no more than ${MAX_IN_FLIGHT} requests are in flight: the rest waits, and nothing more is read`, () => {
  const bench = new Bench()
  const socket = bench.connect()
  const frames = Array.from({ length: MAX_IN_FLIGHT + 10 }, (_, n) => frame(n))
  receive(socket, ...frames)
  assert.deepEqual([bench.calls.length, socket.paused], [MAX_IN_FLIGHT, true])
  bench.reply(0, 0)
  assert.deepEqual([bench.calls.length, socket.paused], [MAX_IN_FLIGHT + 1, true])
  for (let n = 1; n < frames.length; n++) bench.reply(n, n)
  assert.equal(socket.paused, false)
  assert.deepEqual(
    socket.answers,
    frames.map((_, n) => [n, n]),
  )
})

test('for a client that does not read nothing new is started, and nothing is read from it, until it reads', () => {
  const bench = new Bench()
  const socket = bench.connect()
  socket.reads = false
  let asked = 0
  let sent = 0
  while (!socket.paused) {
    assert.ok(socket.pendingBytes < MAX_OUTPUT_BYTES)
    receive(socket, ...Array.from({ length: MAX_IN_FLIGHT }, () => frame(asked++)))
    for (let n = bench.calls.length - MAX_IN_FLIGHT; n < bench.calls.length; n++) {
      bench.calls[n]!.reply({ throttleTimeMs: 0, errorCode: 0, producerId: n, producerEpoch: 0 }, () => sent++)
    }
    bench.clock.drain()
    assert.ok(asked < 200_000, 'the gate is never shut')
  }
  assert.ok(socket.pendingBytes >= MAX_OUTPUT_BYTES)
  assert.ok(socket.pendingBytes < MAX_OUTPUT_BYTES + MAX_IN_FLIGHT * 100, `${socket.pendingBytes} bytes`)
  assert.equal(sent, 0)
  const { length } = bench.calls
  receive(socket, frame(asked++))
  assert.equal(bench.calls.length, length)
  socket.reads = true
  socket.read()
  assert.deepEqual([socket.paused, sent, bench.calls.length], [false, length, length + 1])
})

test('who disconnects with requests in flight leaves nothing behind, and late answers go nowhere', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), frame(2))
  let sent = 0
  bench.reply(1, 20, () => sent++)
  socket.handlers!.closed(undefined)
  assert.deepEqual([sent, bench.pipeline.connections], [1, 0])
  bench.reply(0, 10, () => sent++)
  bench.calls[0]!.close('too late')
  assert.deepEqual([sent, socket.written.length], [2, 0])
})

test('what is held when the connection ends gives its memory back', () => {
  const bench = new Bench({ handler: { alone: true } })
  const socket = bench.connect()
  const half = frame(9).subarray(0, 20)
  receive(socket, frame(1), frame(2), frame(3), half)
  assert.equal(bench.buffers.keptBytes, 0)
  assert.ok(bench.memory.bytes > 0)
  socket.handlers!.closed(undefined)
  assert.ok(bench.buffers.keptBytes > 0)
  assert.equal(bench.memory.bytes, 0)
  receive(socket, frame(4))
  assert.equal(bench.calls.length, 1)
})

test('answers to what was asked before a frame that ends the connection still go out, then it ends', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), frame(2), rawFrame(99, 0, 3, Buffer.alloc(0)), frame(4))
  assert.deepEqual([bench.calls.length, socket.destroyed, socket.ended], [2, false, false])
  receive(socket, frame(5))
  assert.equal(bench.calls.length, 2)
  bench.reply(1, 20)
  assert.deepEqual([socket.ended, socket.answers], [false, []])
  bench.reply(0, 10)
  assert.deepEqual(socket.answers, [
    [1, 10],
    [2, 20],
  ])
  assert.equal(socket.ended, true)
  // Who does not go is not waited for.
  assert.equal(socket.destroyed, false)
  bench.clock.advance(10_000)
  assert.deepEqual([socket.destroyed, bench.pipeline.connections], [true, 0])
})

test('a handler that ends the connection does so behind the answers before it, and answers nothing behind it', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), frame(2), frame(3))
  bench.reply(2, 30)
  bench.calls[1]!.close('it cannot be answered')
  bench.clock.drain()
  assert.deepEqual([socket.destroyed, socket.ended], [false, false])
  bench.reply(0, 10)
  assert.deepEqual(socket.answers, [[1, 10]])
  assert.equal(socket.ended, true)
})

test('an answer that cannot be encoded ends this connection only', () => {
  const bench = new Bench()
  const [socket, other] = [bench.connect(), bench.connect()]
  receive(socket, frame(1))
  receive(other, frame(2))
  bench.calls[0]!.reply({ throttleTimeMs: 0 } as Response)
  bench.reply(1, 20)
  assert.equal(socket.destroyed, true)
  assert.deepEqual(other.answers, [[2, 20]])
  assert.deepEqual(bench.logger.complaints, ['response cannot be encoded'])
})
