/** What strangers are kept to: connections in number, by address and in speed, idle ones, and the memory of requests that are on their way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, type FakeSocket, frame, receive } from './pipeline-bench.js'

const KB = 1024
const MAX_FRAME = 1024 * KB

/** The length of a frame of that many bytes, and nothing of it yet. */
function declared(sizeBytes: number): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(sizeBytes)
  return prefix
}

/** Sends as long as the socket is read, at most so much; returns how much that was. */
function send(bench: Bench, socket: FakeSocket, upToBytes: number, pieceBytes = 64 * KB): number {
  let sent = 0
  while (!socket.paused && !socket.destroyed && sent < upToBytes) {
    const piece = Math.min(pieceBytes, upToBytes - sent)
    receive(socket, Buffer.alloc(piece))
    sent += piece
    bench.clock.drain()
  }
  return sent
}

test('max.connections: one too many is closed at once, and there is room again when one goes', () => {
  const bench = new Bench({ limits: { max: 2 } })
  const [first, second, third] = [bench.connect(), bench.connect(), bench.connect()]
  assert.deepEqual([first.destroyed, second.destroyed, third.destroyed], [false, false, true])
  assert.deepEqual([bench.limits.count, bench.limits.refused, bench.pipeline.connections], [2, 1, 2])
  receive(first, frame(1))
  bench.reply(0, 10)
  assert.deepEqual(first.answers, [[1, 10]])
  second.handlers!.closed(undefined)
  second.handlers!.closed(undefined)
  assert.deepEqual([bench.connect().destroyed, bench.connect().destroyed], [false, true])
})

test('max.connections.per.ip counts by address, and has exceptions', () => {
  const bench = new Bench({ limits: { maxPerIp: 1, perIpOverrides: new Map([['10.0.0.2', 2]]) } })
  const opened = (host: string): boolean => !bench.connect(host).destroyed
  assert.deepEqual([opened('10.0.0.1'), opened('10.0.0.1'), opened('10.0.0.3')], [true, false, true])
  assert.deepEqual([opened('10.0.0.2'), opened('10.0.0.2'), opened('10.0.0.2')], [true, true, false])
})

test('max.connection.creation.rate: what comes faster is read later, and nobody is turned away', () => {
  const bench = new Bench({ limits: { maxPerSecond: 10 } })
  const sockets = Array.from({ length: 15 }, () => bench.connect())
  const paused = (): number => sockets.filter((socket) => socket.paused).length
  assert.equal(paused(), 5)
  bench.clock.advance(200)
  assert.equal(paused(), 3)
  bench.clock.advance(300)
  assert.equal(paused(), 0)
  assert.equal(bench.pipeline.connections, 15)
  bench.clock.advance(2000)
  assert.equal(bench.connect().paused, false)
})

test('connections.max.idle.ms: who neither sends nor reads nor waits for an answer is let go', () => {
  const bench = new Bench({ maxIdleMs: 8000 })
  const [silent, talks, waits, reads] = [bench.connect(), bench.connect(), bench.connect(), bench.connect()]
  receive(waits, frame(1))
  reads.pendingBytes = 1_000_000
  const asked = frame(2)
  for (let seconds = 0; seconds < 12; seconds++) {
    receive(talks, asked.subarray(seconds, seconds + 1))
    reads.pendingBytes -= 1000
    bench.clock.advance(1000)
    if (seconds < 7) assert.equal(silent.destroyed, false)
  }
  assert.deepEqual([silent.destroyed, talks.destroyed, waits.destroyed, reads.destroyed], [true, false, false, false])
  // Who stops to read is idle, whatever waits for it.
  bench.clock.advance(10_000)
  assert.deepEqual([waits.destroyed, reads.destroyed], [false, true])
  bench.reply(0, 10)
  bench.clock.advance(10_000)
  assert.equal(waits.destroyed, true)
  assert.equal(bench.pipeline.connections, 0)
})

test('connections.max.idle.ms=-1: nobody is', () => {
  const bench = new Bench()
  const socket = bench.connect()
  bench.clock.advance(1e9)
  assert.equal(socket.destroyed, false)
})

test('queued.max.request.bytes: large requests wait for memory, small ones get on, and one after the other gets whole', () => {
  const limit = 2 * MAX_FRAME
  const bench = new Bench({ queuedBytes: limit, maxFrameBytes: MAX_FRAME })
  const large = Array.from({ length: 20 }, () => bench.connect())
  const left = large.map(() => MAX_FRAME)
  for (const socket of large) receive(socket, declared(MAX_FRAME))
  const round = (): void => {
    for (const [index, socket] of large.entries()) left[index]! -= send(bench, socket, Math.min(64 * KB, left[index]!))
  }
  for (let rounds = 0; rounds < 10; rounds++) round()
  assert.ok(large.filter((socket) => socket.paused).length >= 15, 'most of them wait')
  assert.ok(bench.memory.waiting >= 15)
  // All 20 and their neighbours would need ten times as much.
  let most = bench.memory.bytes
  const neighbour = bench.connect()
  const small = frame(7)
  for (let cut = 1; cut < 10; cut++) {
    receive(neighbour, small.subarray(0, cut))
    receive(neighbour, small.subarray(cut))
    bench.reply(cut - 1, cut)
  }
  assert.deepEqual([neighbour.answers.length, neighbour.paused], [9, false])
  // Zeros are API 0, which is not served here: a connection whose request has become whole ends.
  for (let rounds = 0; rounds < 200 && left.some((bytes) => bytes > 0); rounds++) {
    round()
    most = Math.max(most, bench.memory.bytes)
    bench.clock.drain()
  }
  assert.deepEqual(
    left.filter((bytes) => bytes > 0),
    [],
  )
  assert.ok(most <= limit + 20 * 256 * KB, `${most} bytes`)
  bench.clock.advance(10_000)
  assert.equal(bench.memory.bytes, 0)
  assert.equal(large.filter(({ destroyed }) => destroyed).length, 20)
})

test('without a limit all are read', () => {
  const bench = new Bench({ maxFrameBytes: MAX_FRAME })
  const large = Array.from({ length: 20 }, () => bench.connect())
  for (const socket of large) {
    receive(socket, declared(MAX_FRAME))
    assert.equal(send(bench, socket, MAX_FRAME - 1), MAX_FRAME - 1)
  }
  assert.ok(bench.memory.bytes > 19 * MAX_FRAME)
})

test('a large request whose sender has fallen asleep loses its claim after a while, if others wait; else nobody minds', () => {
  const bench = new Bench({ queuedBytes: MAX_FRAME, maxFrameBytes: MAX_FRAME })
  const asleep = bench.connect()
  receive(asleep, declared(MAX_FRAME))
  send(bench, asleep, 700 * KB)
  bench.clock.advance(100_000)
  assert.equal(asleep.destroyed, false)
  const other = bench.connect()
  receive(other, declared(MAX_FRAME))
  const sent = send(bench, other, MAX_FRAME)
  assert.ok(sent < MAX_FRAME && other.paused)
  bench.clock.advance(60_000)
  assert.deepEqual([asleep.destroyed, other.destroyed, other.paused], [true, false, false])
  assert.deepEqual(bench.logger.complaints, ['connection is given up'])
  assert.equal(send(bench, other, MAX_FRAME - sent), MAX_FRAME - sent)
  assert.equal(bench.memory.waiting, 0)
})

test('a slow sender that goes on keeps its claim', () => {
  const bench = new Bench({ queuedBytes: MAX_FRAME, maxFrameBytes: MAX_FRAME })
  const [slow, other] = [bench.connect(), bench.connect()]
  receive(slow, declared(MAX_FRAME))
  send(bench, slow, 300 * KB)
  receive(other, declared(MAX_FRAME))
  send(bench, other, MAX_FRAME)
  assert.equal(other.paused, true)
  for (let sent = 300 * KB; sent < MAX_FRAME - 10 * KB; sent += 10 * KB) {
    assert.equal(send(bench, slow, 10 * KB), 10 * KB)
    bench.clock.advance(1000)
  }
  assert.deepEqual([slow.destroyed, other.destroyed, other.paused], [false, false, true])
})

test('what came behind a request that must be alone is kept once, however many frames it is', () => {
  const bench = new Bench({ handler: { alone: true } })
  const socket = bench.connect()
  const frames = Array.from({ length: 2000 }, (_, n) => frame(n))
  const bytes = Buffer.concat(frames).length
  receive(socket, ...frames)
  assert.ok(bench.memory.bytes <= 2 * bytes, `${bench.memory.bytes} bytes for ${bytes}`)
  for (let n = 0; n < frames.length; n++) bench.reply(n, n)
  assert.deepEqual(
    socket.answers,
    frames.map((_, n) => [n, n]),
  )
  assert.deepEqual([socket.paused, bench.memory.bytes], [false, 0])
})
