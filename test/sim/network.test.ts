/**
 * The simulated network, in many worlds (delays and the size of pieces differ from seed to seed): a stream arrives whole and in order, a slow
 * reader holds the writer up, and the end of a connection is told to whoever is left.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prng } from '../../src/base/prng.js'
import { Computers } from './computers.js'
import { End, Pair } from './pair.js'

const SEEDS = 60
const WINDOW_BYTES = 64 * 1024

function inManyWorlds(action: (pair: Pair, seed: number) => void): void {
  for (let seed = 0; seed < SEEDS; seed++) {
    const pair = new Pair(seed)
    action(pair, seed)
    assert.equal(pair.near.afterwards + pair.far.afterwards, 0, '`closed` is the last call')
  }
}

test('bytes arrive in order, in each direction, however they are cut', () => {
  const writes = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 5000 })), { maxLength: 30 })
  let cutAnew = 0
  fc.assert(
    fc.property(writes, fc.nat(), (all, seed) => {
      const pair = new Pair(seed)
      pair.listen()
      pair.connect()
      const random = new Prng(seed)
      const sent = { near: [] as Buffer[], far: [] as Buffer[] }
      for (const [fromClient, length] of all) {
        const end = fromClient || pair.far.connection === undefined ? 'near' : 'far'
        const bytes = Buffer.from(random.bytes(length))
        sent[end].push(bytes)
        pair[end].connection!.write([bytes.subarray(0, length >> 1), bytes.subarray(length >> 1)])
        if (random.chance(0.5)) pair.computers.pass(random.float())
      }
      pair.computers.settle()
      assert.ok(pair.far.received.equals(Buffer.concat(sent.near)))
      assert.ok(pair.near.received.equals(Buffer.concat(sent.far)))
      if (pair.far.pieces.length !== sent.near.length) cutAnew++
    }),
    { numRuns: 150 },
  )
  assert.ok(cutAnew > 20, 'pieces are not what was written')
})

test('bytes are only lent: who keeps them finds rubbish', () => {
  const pair = new Pair(1).connected()
  let kept: Uint8Array | undefined
  const { handlers } = pair.far
  const { data } = handlers
  handlers.data = (bytes) => {
    kept = bytes
    data(bytes)
  }
  pair.near.connection!.write([Buffer.from('lent')])
  pair.computers.settle()
  assert.equal(pair.far.received.toString(), 'lent')
  assert.notEqual(Buffer.from(kept!).toString(), 'lent'.slice(-kept!.length))
})

test('a reader that pauses gets nothing until it resumes, and holds the writer up', () => {
  inManyWorlds((pair) => {
    pair.connected()
    const writer = pair.near.connection!
    const reader = pair.far.connection!
    reader.pause()
    let taken = 0
    const piece = Buffer.alloc(WINDOW_BYTES, 1)
    for (let n = 0; n < 3; n++) writer.write([piece], () => taken++)
    pair.computers.settle()
    assert.equal(pair.far.received.length, 0)
    assert.equal(taken, 1, 'the window has room for one')
    assert.equal(writer.pendingBytes, 2 * WINDOW_BYTES)
    assert.equal(pair.near.drained, 0)
    reader.resume()
    pair.computers.settle()
    assert.equal(pair.far.received.length, 3 * WINDOW_BYTES)
    assert.equal(taken, 3)
    assert.equal(writer.pendingBytes, 0)
    assert.equal(pair.near.drained, 1)
  })
})

test('one that pauses in the middle of the stream gets no piece that was on its way', () => {
  let pauses = 0
  inManyWorlds((pair, seed) => {
    pair.connected()
    const reader = pair.far.connection!
    const random = new Prng(seed)
    let paused = false
    pair.far.onData = () => assert.equal(paused, false, 'data while paused')
    const toggle = (): void => {
      pair.computers.turn(pair.server, () => {
        paused = !paused
        if (paused) reader.pause()
        else reader.resume()
        pauses++
      })
    }
    const bytes = Buffer.from(random.bytes(20_000))
    pair.near.connection!.write([bytes])
    for (let n = 0; n < 20; n++) {
      pair.computers.step(random.between(1, 4))
      toggle()
    }
    // What the process was held up for waits as long.
    pair.server.process.pause(1)
    if (paused) toggle()
    pair.computers.settle()
    assert.ok(pair.far.received.equals(bytes))
  })
  assert.ok(pauses > SEEDS)
})

test('a write with nothing in its way is not pending, and is never drained', () => {
  inManyWorlds((pair) => {
    pair.connected()
    let taken = 0
    pair.near.connection!.write([Buffer.alloc(1000)], () => taken++)
    assert.equal(pair.near.connection!.pendingBytes, 0)
    pair.computers.settle()
    assert.deepEqual([taken, pair.near.drained, pair.far.received.length], [1, 0, 1000])
  })
})

test('who ends a connection has everything delivered first; then both ends are closed without an error', () => {
  inManyWorlds((pair) => {
    pair.connected()
    const writer = pair.near.connection!
    const bytes = Buffer.from(new Prng(3).bytes(3 * WINDOW_BYTES))
    writer.write([bytes])
    writer.end()
    let told = false
    writer.write([Buffer.from('too late')], () => {
      told = true
    })
    assert.ok(told, 'what is written after the end is dropped, and its memory given back')
    assert.equal(pair.near.closed, undefined)
    pair.computers.settle()
    assert.ok(pair.far.received.equals(bytes))
    assert.deepEqual([pair.near.closed, pair.far.closed], [{ code: undefined }, { code: undefined }])
  })
})

test('an end waits for a reader that pauses', () => {
  inManyWorlds((pair) => {
    pair.connected()
    pair.far.connection!.pause()
    pair.near.connection!.write([Buffer.from('last words')])
    pair.near.connection!.end()
    pair.computers.settle()
    assert.deepEqual([pair.near.closed, pair.far.closed], [undefined, undefined])
    pair.far.connection!.resume()
    pair.computers.settle()
    assert.equal(pair.far.received.toString(), 'last words')
    assert.deepEqual(pair.far.closed, { code: undefined })
  })
})

test('who destroys a connection is told at once, the other side by a reset; waiting writes give their memory back', () => {
  inManyWorlds((pair) => {
    pair.connected()
    pair.far.connection!.pause()
    let taken = 0
    for (let n = 0; n < 3; n++) pair.near.connection!.write([Buffer.alloc(WINDOW_BYTES)], () => taken++)
    pair.computers.settle()
    pair.near.connection!.destroy()
    assert.deepEqual(pair.near.closed, { code: undefined })
    pair.near.connection!.destroy()
    pair.computers.settle()
    assert.equal(taken, 3)
    assert.deepEqual(pair.far.closed, { code: 'ECONNRESET' })
  })
})

test('a writer that is held up and loses its connection is not told that it may go on', () => {
  inManyWorlds((pair, seed) => {
    pair.connected()
    pair.near.connection!.write([Buffer.alloc(WINDOW_BYTES + 1)])
    const random = new Prng(seed)
    pair.computers.step(random.between(1, 6))
    pair.near.connection!.destroy()
    pair.computers.settle()
  })
})

test('a process that dies resets its connections; nothing is delivered to it', () => {
  for (const victim of ['client', 'server'] as const) {
    inManyWorlds((pair, seed) => {
      pair.connected()
      const [dead, left] = victim === 'client' ? [pair.near, pair.far] : [pair.far, pair.near]
      for (const end of [dead, left]) end.connection!.write([Buffer.alloc(100_000, 7)])
      pair.computers.step(new Prng(seed).between(0, 5))
      const before = dead.received.length
      pair[victim].machine.crash()
      pair.computers.settle()
      assert.equal(dead.received.length, before)
      assert.equal(dead.closed, undefined, 'the dead hear nothing')
      assert.deepEqual(left.closed, { code: 'ECONNRESET' })
      assert.ok(left.received.every((byte) => byte === 7))
    })
  }
})

test('a connection is refused where nobody listens, or no longer, or not any more alive', () => {
  inManyWorlds((pair) => {
    pair.connect()
    pair.computers.settle()
    assert.deepEqual(pair.near.closed, { code: 'ECONNREFUSED' })
  })
  inManyWorlds((pair) => {
    pair.listen()
    pair.server.machine.crash()
    pair.connect()
    pair.computers.settle()
    assert.deepEqual(pair.near.closed, { code: 'ECONNREFUSED' })
  })
})

test('a listener that is closed refuses, and the port can be taken again; while it listens nobody else can', () => {
  const computers = new Computers(1)
  const server = computers.add('server')
  const events: string[] = []
  let close: (() => void) | undefined
  const listen = (name: string, port: number): void =>
    server.ports.network.listen(
      { host: 'server', port },
      {
        listening: (listener) => {
          events.push(`${name} listens on ${listener.address.port === port ? 'it' : 'a free one'}`)
          close ??= () => listener.close()
        },
        failed: (error) => events.push(`${name}: ${error.code}`),
        connection: () => new End().handlers,
      },
    )
  listen('first', 9092)
  computers.settle()
  listen('second', 9092)
  computers.settle()
  listen('third', 0)
  computers.settle()
  close!()
  listen('fourth', 9092)
  computers.settle()
  assert.deepEqual(events, [
    'first listens on it',
    'second: EADDRINUSE',
    'third listens on a free one',
    'fourth listens on it',
  ])
})

test('who gives up before the connection is there leaves nobody waiting on the other side', () => {
  for (const how of ['destroys it', 'dies'] as const) {
    inManyWorlds((pair) => {
      pair.listen()
      pair.connect()
      if (how === 'dies') pair.client.machine.crash()
      else pair.near.connection!.destroy()
      pair.computers.settle()
      const { connection, closed } = pair.far
      assert.ok(connection === undefined || closed !== undefined, `a client that ${how} leaves an open connection`)
    })
  }
})

test('what is written before the connection is there arrives when it is', () => {
  inManyWorlds((pair) => {
    pair.listen()
    pair.connect().write([Buffer.from('early')])
    pair.near.connection!.end()
    pair.computers.settle()
    assert.equal(pair.far.received.toString(), 'early')
    assert.deepEqual(pair.far.closed, { code: undefined })
  })
})

test('on a link that is held bytes wait, and go when it delivers again, in order', () => {
  inManyWorlds((pair, seed) => {
    pair.connected()
    const { computers } = pair
    const { network } = computers
    const random = new Prng(seed)
    const sent: Buffer[] = []
    const write = (): void => {
      const bytes = Buffer.from(random.bytes(random.between(1, 3000)))
      sent.push(bytes)
      pair.near.connection!.write([bytes])
      computers.pass(random.float() * 5)
    }
    write()
    const before = pair.far.received.length
    network.setLinks((from) => (from === 'client' ? 'hold' : 'deliver'))
    computers.settle()
    const held = pair.far.received.length
    assert.ok(held >= before)
    for (let n = 0; n < 5; n++) write()
    pair.far.connection!.write([Buffer.from('back')])
    computers.settle()
    assert.equal(pair.far.received.length, held, 'nothing passes')
    assert.equal(pair.near.received.toString(), 'back', 'the other direction does')
    network.setLinks(() => 'deliver')
    for (let n = 0; n < 5; n++) write()
    computers.settle()
    assert.ok(pair.far.received.equals(Buffer.concat(sent)))
  })
})

test('delays differ: the network of one world is slower than that of another', () => {
  const took = (seed: number): number => {
    const pair = new Pair(seed).connected()
    const beganMs = pair.computers.simulation.nowMs
    pair.near.connection!.write([Buffer.from('x')])
    pair.computers.simulation.runUntil(() => pair.far.pieces.length > 0, beganMs + 1e6)
    return pair.computers.simulation.nowMs - beganMs
  }
  const all = Array.from({ length: SEEDS }, (_, seed) => took(seed)).sort((a, b) => a - b)
  assert.ok(all[0]! > 0 && all.at(-1)! > 20 * all[0]!, `from ${all[0]} to ${all.at(-1)} ms`)
})
