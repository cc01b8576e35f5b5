/**
 * What can befall connections besides the death of a process: links that are cut in one direction or both, refused and slow ones; both ends reset,
 * one end gone without the other being told, bytes that arrive after their sender has given up, hosts without power.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LinkRule } from '../../src/sim/link-rules.js'
import { End, Pair } from './pair.js'

const SEEDS = 40

function inManyWorlds(action: (pair: Pair) => void): void {
  for (let seed = 0; seed < SEEDS; seed++) {
    const pair = new Pair(seed)
    action(pair)
    assert.equal(pair.near.afterwards + pair.far.afterwards, 0, '`closed` is the last call')
  }
}

function write(end: End, text: string): void {
  end.connection!.write([Buffer.from(text)])
}

/** In one direction, or in both. */
function cut(from: string, to: string | undefined): LinkRule {
  return { applies: (a, b) => (a === from && b === to) || to === undefined, cuts: true }
}

test('a link that is cut in one direction delivers in the other; what waited goes when it is healed', () => {
  inManyWorlds((pair) => {
    const { computers, near, far } = pair.connected()
    const heal = computers.network.rules.add(cut('client', 'server'))
    write(near, 'there')
    write(far, 'back')
    computers.settle()
    assert.equal(far.received.toString(), '')
    assert.equal(near.received.toString(), 'back')
    heal()
    computers.settle()
    assert.equal(far.received.toString(), 'there')
  })
})

test('no connection comes about where one direction is cut, nor is it refused; it does when both are well again', () => {
  for (const [from, to] of [
    ['client', 'server'],
    ['server', 'client'],
  ] as const) {
    inManyWorlds((pair) => {
      pair.listen()
      const heal = pair.computers.network.rules.add(cut(from, to))
      pair.connect()
      pair.computers.settle()
      assert.equal(pair.far.connection, undefined)
      assert.equal(pair.near.closed, undefined)
      heal()
      pair.computers.settle()
      assert.notEqual(pair.far.connection, undefined)
    })
  }
})

test('faults that overlap do not heal one another, and none is for links between hosts that are spared', () => {
  inManyWorlds((pair) => {
    const { computers, near, far } = pair.connected()
    const { rules } = computers.network
    const healOne = rules.add(cut('client', 'server'))
    rules.add(cut('client', undefined))
    healOne()
    write(near, 'x')
    computers.settle()
    assert.equal(far.received.length, 0)
    rules.spare(new Set(['client', 'other']))
    computers.settle()
    assert.equal(far.received.length, 0, 'the server is not among them')
    rules.spare(new Set(['client', 'server']))
    computers.settle()
    assert.equal(far.received.toString(), 'x')
  })
})

test('a link that refuses takes no new connection, and the old ones go on', () => {
  inManyWorlds((pair) => {
    const { computers, near, far } = pair.connected()
    const heal = computers.network.rules.add({ applies: (from) => from === 'client', refuses: true })
    const second = new End()
    const { network } = pair.client.ports
    second.connection = network.connect({ host: 'server', port: 9092 }, second.handlers)
    write(near, 'x')
    computers.settle()
    assert.deepEqual(second.closed, { code: 'ECONNREFUSED' })
    assert.equal(far.received.toString(), 'x')
    heal()
    const third = new End()
    third.connection = network.connect({ host: 'server', port: 9092 }, third.handlers)
    computers.settle()
    assert.equal(third.closed, undefined)
  })
})

test('on a slow link everything takes so much longer, in the direction that is slow', () => {
  inManyWorlds((pair) => {
    const { computers, near, far } = pair.connected()
    const { simulation, network } = computers
    network.rules.add({ applies: (from) => from === 'client', extraDelayMs: 500 })
    const began = simulation.nowMs
    write(near, 'x')
    computers.pass(499)
    assert.equal(far.received.length, 0)
    far.onData = () => write(far, 'y')
    let took = 0
    near.onData = () => {
      took = simulation.nowMs - began
    }
    computers.settle()
    assert.ok(took >= 500 && took < 1000, `${took} ms`)
  })
})

test('a reset ends both sides, and what was on its way is lost', () => {
  inManyWorlds((pair) => {
    const { computers, near, far } = pair.connected()
    const heal = computers.network.rules.add(cut('client', 'server'))
    write(near, 'lost')
    computers.pass(100)
    assert.equal(computers.network.reset('client', 'server'), 1)
    heal()
    computers.settle()
    for (const end of [near, far]) assert.deepEqual(end.closed, { code: 'ECONNRESET' })
    assert.equal(far.received.length, 0)
    assert.equal(computers.network.reset('client', 'server'), 0, 'there is none any more')
  })
})

test('where one side is gone without the other being told, that one waits until it writes', () => {
  for (const gone of ['client', 'server'] as const) {
    inManyWorlds((pair) => {
      const { computers, near, far } = pair.connected()
      const [dead, left] = gone === 'client' ? [near, far] : [far, near]
      const other = gone === 'client' ? 'server' : 'client'
      assert.equal(computers.network.halfOpen(gone, other), 1)
      computers.settle()
      assert.deepEqual(dead.closed, { code: 'ECONNRESET' })
      assert.equal(left.closed, undefined)
      write(left, 'x')
      computers.settle()
      assert.deepEqual(left.closed, { code: 'ECONNRESET' })
      assert.equal(dead.received.length, 0)
    })
  }
})

test('a request that is held back arrives when its client has long connected again', () => {
  inManyWorlds((pair) => {
    const { computers, near } = pair.connected()
    const { network, simulation } = computers
    const old: { readonly atMs: number; readonly bytes: string }[] = []
    pair.far.onData = () => old.push({ atMs: simulation.nowMs, bytes: pair.far.received.toString() })
    write(near, 'request')
    const beganMs = simulation.nowMs
    assert.equal(network.strand('client', 'server', 3000), 1)
    computers.pass(1000)
    assert.deepEqual(near.closed, { code: 'ECONNRESET' })
    const again = new End()
    again.connection = pair.client.ports.network.connect({ host: 'server', port: 9092 }, again.handlers)
    const oldEnd = pair.far.connection
    computers.pass(1000)
    assert.notEqual(pair.far.connection, oldEnd, 'the new connection is there')
    computers.settle()
    assert.equal(old.at(-1)?.bytes, 'request')
    assert.ok(old[0]!.atMs >= beganMs + 3000)
    assert.equal(again.closed, undefined)
  })
})

test('what a side had written before it closed may arrive all the same, as often as the world has it', () => {
  for (const chance of [0, 1]) {
    inManyWorlds((pair) => {
      const { computers, near, far } = pair.connected()
      computers.network.lingerChance = chance
      const heal = computers.network.rules.add(cut('client', 'server'))
      write(near, 'late')
      computers.pass(50)
      near.connection!.destroy()
      computers.settle()
      assert.deepEqual(near.closed, { code: undefined })
      assert.equal(far.closed, undefined)
      heal()
      computers.settle()
      assert.equal(far.received.toString(), chance === 1 ? 'late' : '')
      assert.deepEqual(far.closed, { code: chance === 1 ? undefined : 'ECONNRESET' })
    })
  }
})

test('a machine that loses power tells nobody; who writes to it learns of it when it is back', () => {
  inManyWorlds((pair) => {
    const { computers, near, far } = pair.connected()
    pair.server.machine.goesSilently = true
    pair.server.machine.losePower()
    write(near, 'x')
    computers.settle()
    assert.equal(near.closed, undefined)
    const second = new End()
    second.connection = pair.client.ports.network.connect({ host: 'server', port: 9092 }, second.handlers)
    computers.settle()
    assert.equal(second.closed, undefined, 'nobody is there to refuse')
    computers.boot(pair.server.machine)
    computers.settle()
    assert.deepEqual(near.closed, { code: 'ECONNRESET' })
    assert.deepEqual(second.closed, { code: 'ECONNREFUSED' })
    assert.equal(far.closed, undefined, 'the dead hear nothing')
  })
})
