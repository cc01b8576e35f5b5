/** The simulated process: turns and what is deferred to their end, stalls, death, and the ports that are bound to it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Job, Lane } from '../../src/io/compute.js'
import { ProcessDead } from '../../src/sim/process.js'
import { type Computer, Computers } from './computers.js'

const SEEDS = 40

/** The same in many worlds: the turns of a process end at once in some of them and later in others. */
function inManyWorlds(action: (computers: Computers, computer: Computer) => void): void {
  for (let seed = 0; seed < SEEDS; seed++) {
    const computers = new Computers(seed)
    action(computers, computers.add('a'))
  }
}

test('deferred calls come at the end of a turn, in order, also those that were deferred by them', () => {
  inManyWorlds((computers, computer) => {
    const order: string[] = []
    computers.turn(computer, () => {
      const { clock } = computer.ports
      clock.defer(() => {
        order.push('first')
        clock.defer(() => order.push('third'))
      })
      clock.defer(() => order.push('second'))
      order.push('turn')
    })
    computers.settle()
    assert.deepEqual(order, ['turn', 'first', 'second', 'third'])
  })
})

test('the end of a turn comes at once in some worlds, and in others together with what arrives meanwhile', () => {
  let together = 0
  let atOnce = 0
  inManyWorlds((computers, { process, ports }) => {
    const order: string[] = []
    process.after(1, 'arrival', 'one', () => {
      order.push('one')
      ports.clock.defer(() => order.push('deferred'))
    })
    process.after(1, 'arrival', 'two', () => order.push('two'))
    computers.settle()
    assert.deepEqual([...order].sort(), ['deferred', 'one', 'two'])
    assert.equal(order[0], 'one')
    if (order[1] === 'deferred') atOnce++
    else together++
  })
  assert.ok(together > 5 && atOnce > 5, `${together} together, ${atOnce} at once`)
})

test('what is deferred outside of a turn comes, too', () => {
  inManyWorlds((computers, computer) => {
    let called = false
    computer.ports.clock.defer(() => {
      called = true
    })
    assert.equal(called, false)
    computers.settle()
    assert.equal(called, true)
  })
})

test('timers are never early by the monotonic clock, come in order, and say how late they are', () => {
  const delays = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(delays, fc.double({ min: 0, max: 4000, noNaN: true }), fc.nat(), (all, stallMs, seed) => {
      const computers = new Computers(seed)
      const { process, ports } = computers.add('a')
      let fired = 0
      const beganMs = ports.clock.monotonicMs()
      for (const delayMs of all) {
        ports.clock.timer(delayMs, (lateMs) => {
          fired++
          const tookMs = ports.clock.monotonicMs() - beganMs
          assert.ok(tookMs >= delayMs, `${tookMs} ms instead of ${delayMs}`)
          assert.ok(Math.abs(tookMs - delayMs - lateMs) < 1e-6, `${lateMs} ms late at ${tookMs} for ${delayMs}`)
          assert.ok(tookMs <= Math.max(delayMs, stallMs) + 0.002, `${tookMs} ms for ${delayMs}, stalled ${stallMs}`)
        })
      }
      process.pause(stallMs)
      computers.settle()
      assert.equal(fired, all.length)
    }),
    { numRuns: 200 },
  )
})

test('a cancelled timer does not fire, also when it was overdue already', () => {
  inManyWorlds((computers, { process, ports }) => {
    const fired: string[] = []
    const early = ports.clock.timer(1, () => fired.push('early'))
    early.cancel()
    const overdue = ports.clock.timer(2, () => fired.push('overdue'))
    process.after(3, 'arrival', 'arrival', () => overdue.cancel())
    process.pause(10)
    computers.settle()
    assert.deepEqual(fired, [])
    early.cancel()
  })
})

test('a process that was stalled gets what has arrived before its overdue timers', () => {
  inManyWorlds((computers, { process, ports }) => {
    const order: string[] = []
    ports.clock.timer(1, () => order.push('timer 1'))
    ports.clock.timer(2, () => order.push('timer 2'))
    process.after(3, 'arrival', 'packet', () => order.push('arrival 1'))
    process.after(4, 'arrival', 'packet', () => order.push('arrival 2'))
    process.pause(100)
    computers.pass(99)
    assert.deepEqual(order, [], 'nothing runs meanwhile')
    computers.settle()
    assert.deepEqual(order, ['arrival 1', 'arrival 2', 'timer 1', 'timer 2'])
  })
})

test('one that is held up again by what it missed still misses nothing', () => {
  inManyWorlds((computers, { process, ports }) => {
    const order: string[] = []
    ports.clock.timer(1, () => order.push('timer'))
    for (let n = 0; n < 3; n++) {
      process.after(2, 'arrival', 'packet', () => {
        order.push(`arrival ${n} at ${ports.clock.monotonicMs()}`)
        process.pause(10)
      })
    }
    process.pause(20)
    computers.settle()
    assert.deepEqual(order, ['arrival 0 at 20', 'arrival 1 at 30', 'arrival 2 at 40', 'timer'])
  })
})

test('a slow call takes the time of the process, not of others', () => {
  const computers = new Computers(1)
  const slow = computers.add('slow')
  const other = computers.add('other')
  const order: string[] = []
  computers.turn(slow, () => {
    slow.process.pause(50)
    assert.equal(slow.ports.clock.monotonicMs(), 50)
    slow.ports.clock.timer(10, () => order.push(`slow at ${computers.simulation.nowMs}`))
  })
  other.ports.clock.timer(20, () => order.push(`other at ${computers.simulation.nowMs}`))
  computers.settle()
  assert.deepEqual(order, ['other at 20', 'slow at 60'])
})

test('nothing of a dead process runs: no timer, no arrival, nothing that was deferred or missed', () => {
  inManyWorlds((computers, computer) => {
    const { process, ports } = computer
    const ran: string[] = []
    computers.turn(computer, () => {
      ports.clock.timer(1, () => ran.push('timer'))
      process.after(2, 'arrival', 'packet', () => ran.push('arrival'))
      ports.compute.run({ name: 'job', module: 'none', lane: 'request', run: () => 1 }, undefined, () =>
        ran.push('compute'),
      )
      process.pause(3)
      process.kill()
    })
    computers.settle()
    assert.deepEqual(ran, [])
    assert.equal(process.alive, false)
  })
})

test('what was deferred by a process that died in that turn does not run', () => {
  inManyWorlds((computers, computer) => {
    let ran = false
    computers.turn(computer, () => {
      computer.ports.clock.defer(() => {
        ran = true
      })
      computer.process.kill()
    })
    computers.settle()
    assert.equal(ran, false)
  })
})

test('every port unwinds a dead process that still runs', () => {
  const computers = new Computers(1)
  const { process, ports } = computers.add('a')
  const file = ports.disk.open('/file', { create: true })
  const nobody = { data: () => {}, drained: () => {}, closed: () => {} }
  const connection = ports.network.connect({ host: 'b', port: 1 }, nobody)
  process.kill()
  const { clock, disk, network, random, compute } = ports
  const calls: Record<string, () => void> = {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
    timer: () => clock.timer(1, () => {}),
    defer: () => clock.defer(() => {}),
    makeDirectory: () => disk.makeDirectory('/a'),
    list: () => disk.list('/'),
    stat: () => disk.stat('/'),
    open: () => disk.open('/file', { create: false }),
    readFile: () => disk.readFile('/file'),
    rename: () => disk.rename('/file', '/other'),
    remove: () => disk.remove('/file'),
    flushDirectory: () => disk.flushDirectory('/', () => {}),
    lock: () => disk.lock('/', () => {}),
    append: () => file.append([Buffer.from('a')], () => {}),
    rewrite: () => file.rewrite(0, Buffer.from('a'), () => {}),
    readSync: () => file.readSync(0, Buffer.alloc(1)),
    read: () => file.read(0, Buffer.alloc(1), () => {}),
    truncate: () => file.truncate(0),
    flush: () => file.flush(() => {}),
    listen: () =>
      network.listen({ host: 'a', port: 1 }, { listening: () => {}, failed: () => {}, connection: () => nobody }),
    connect: () => network.connect({ host: 'b', port: 1 }, nobody),
    write: () => connection.write([Buffer.from('a')]),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    end: () => connection.end(),
    destroy: () => connection.destroy(),
    below: () => random.below(2),
    bytes: () => random.bytes(2),
    run: () => compute.run({ name: 'job', module: 'none', lane: 'request', run: () => 1 }, undefined, () => {}),
  }
  for (const [name, call] of Object.entries(calls)) assert.throws(call, ProcessDead, name)
})

test('the wall clock of a machine may jump, its monotonic clock does not', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  const { clock } = ports
  const wallMs = clock.wallMs()
  computers.pass(1000)
  assert.equal(clock.wallMs(), wallMs + 1000)
  machine.wallOffsetMs = -5000
  assert.equal(clock.wallMs(), wallMs - 4000)
  assert.equal(clock.monotonicMs(), 1000)
})

test('a job shares no memory with its process, and its error is told', () => {
  const computers = new Computers(1)
  const { ports } = computers.add('a')
  const given = { list: [1] }
  const told: unknown[] = []
  const grow: Job<{ list: number[] }, { list: number[] }> = {
    name: 'grow',
    module: 'none',
    lane: 'request',
    run: (input) => ({ list: [...input.list, 2] }),
  }
  ports.compute.run(grow, given, (error, output) => told.push(error, output))
  given.list.push(99)
  const fail: Job<undefined, number> = {
    name: 'fail',
    module: 'none',
    lane: 'request',
    run: (): number => {
      throw new Error('no')
    },
  }
  ports.compute.run(fail, undefined, (error, output) => told.push(error?.message, output))
  computers.settle()
  assert.equal(told.length, 4)
  assert.ok(told.some((each) => JSON.stringify(each) === '{"list":[1,2]}'))
  assert.ok(told.includes('no'))
})

test('a lane of the compute port does one job after the other, and neither waits for the other lane', () => {
  const firstDone = new Set<Lane>()
  inManyWorlds((computers, computer) => {
    const done: Record<Lane, number[]> = { request: [], background: [] }
    const order: Lane[] = []
    computers.turn(computer, () => {
      for (let n = 0; n < 10; n++) {
        for (const lane of ['background', 'request'] as const) {
          computer.ports.compute.run({ name: 'job', module: 'none', lane, run: () => n }, undefined, (_, output) => {
            done[lane].push(output!)
            order.push(lane)
          })
        }
      }
    })
    computers.settle()
    const inOrder = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert.deepEqual(done, { request: inOrder, background: inOrder })
    firstDone.add(order.at(-1) === 'background' ? 'request' : 'background')
  })
  assert.equal(firstDone.size, 2, 'either may be the later one')
})

test('the boot id lives as long as the page cache', () => {
  const computers = new Computers(1)
  const { machine } = computers.add('a')
  const first = machine.bootId
  machine.crash()
  assert.equal(computers.boot(machine).ports.host.bootId, first)
  machine.losePower()
  const { ports } = computers.boot(machine)
  assert.notEqual(ports.host.bootId, first)
  assert.equal(ports.host.bootId, machine.bootId)
})
