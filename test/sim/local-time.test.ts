/** Clocks of machines that drift, stand still and jump; processes that are suspended; disks that are replaced. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Computers } from './computers.js'

test('timers keep to the clock of their machine, whatever it does meanwhile', () => {
  const changes = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 500 }),
      rate: fc.constantFrom(0.5, 0.9, 1, 1.1, 2),
      sleepsMs: fc.constantFrom(0, 0, 100, 3000),
    }),
    { maxLength: 6 },
  )
  const delays = fc.array(fc.double({ min: 0, max: 3000, noNaN: true }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(changes, delays, fc.nat(), (all, timers, seed) => {
      const computers = new Computers(seed)
      const { machine, ports } = computers.add('a')
      let fired = 0
      let latestMs = 0
      const beganMs = ports.clock.monotonicMs()
      for (const delayMs of timers) {
        ports.clock.timer(delayMs, (lateMs) => {
          fired++
          const tookMs = ports.clock.monotonicMs() - beganMs
          assert.ok(tookMs >= delayMs, `${tookMs} ms instead of ${delayMs}`)
          assert.ok(lateMs >= 0 && Math.abs(tookMs - delayMs - lateMs) < 1e-6)
        })
      }
      for (const { afterMs, rate, sleepsMs } of all) {
        computers.pass(afterMs)
        const nowMs = ports.clock.monotonicMs()
        assert.ok(nowMs >= latestMs, 'a monotonic clock never goes back')
        machine.time.rate = rate
        if (sleepsMs > 0) machine.time.skip(sleepsMs)
        assert.ok(Math.abs(ports.clock.monotonicMs() - nowMs) < 1e-6, 'nor does it jump')
        latestMs = ports.clock.monotonicMs()
      }
      computers.settle()
      assert.equal(fired, timers.length)
    }),
    { numRuns: 200 },
  )
})

test('a clock that goes fast counts more, and its timers come sooner', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  machine.time.rate = 2
  let firedMs = 0
  ports.clock.timer(1000, () => {
    firedMs = computers.simulation.nowMs
  })
  computers.pass(700)
  assert.equal(firedMs, 500)
  assert.equal(ports.clock.monotonicMs(), 1400)
})

test('however short a delay is, the clock has moved when it is over', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  computers.pass(12_345)
  machine.time.rate = 1.0946891189087182
  computers.pass(678.9)
  const beganMs = ports.clock.monotonicMs()
  let firedMs = 0
  ports.clock.timer(1e-13, () => {
    firedMs = ports.clock.monotonicMs()
  })
  computers.settle()
  assert.ok(firedMs > beganMs)
})

test('a process that was suspended runs timers that are a little late before it reads its sockets, and the others after that', () => {
  for (let seed = 0; seed < 40; seed++) {
    const computers = new Computers(seed)
    const { machine, process, ports } = computers.add('a')
    const order: string[] = []
    ports.clock.timer(10, () => order.push('very late'))
    ports.clock.timer(95, () => order.push('a little late'))
    process.after(50, 'arrival', 'packet', () => order.push('arrival'))
    machine.suspend(100, false)
    computers.pass(99)
    assert.deepEqual(order, [])
    computers.settle()
    assert.deepEqual(order, ['a little late', 'arrival', 'very late'])
  }
})

test('to one whose clock has slept as well nothing is late', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  let late: number | undefined
  ports.clock.timer(500, (lateMs) => {
    late = lateMs
  })
  computers.pass(100)
  machine.suspend(3000, true)
  computers.pass(3399)
  assert.equal(late, undefined)
  computers.settle()
  assert.ok(late !== undefined && late < 1)
})

test('one that is resumed goes on at once, with its clock', () => {
  for (const asleep of [false, true]) {
    const computers = new Computers(1)
    const { machine, process, ports } = computers.add('a')
    const order: string[] = []
    ports.clock.timer(100, () => order.push('timer'))
    process.after(50, 'arrival', 'packet', () => order.push('arrival'))
    machine.suspend(60_000, asleep)
    machine.suspend(60_000, asleep)
    assert.ok(process.suspended)
    computers.pass(1000)
    assert.equal(order.length, 0)
    machine.resume()
    computers.pass(101)
    assert.deepEqual(order, ['arrival', 'timer'])
    process.after(1, 'arrival', 'packet', () => order.push('later'))
    computers.pass(2)
    assert.deepEqual(order, ['arrival', 'timer', 'later'])
  }
})

test('the wall clock jumps, and the monotonic one does not', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  const [wallMs, monotonicMs] = [ports.clock.wallMs(), ports.clock.monotonicMs()]
  machine.wallOffsetMs = -3_600_000
  assert.equal(ports.clock.wallMs() - wallMs, -3_600_000)
  assert.equal(ports.clock.monotonicMs(), monotonicMs)
})

test('a disk that is replaced is empty, also of what was durable, and takes files again', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  const mounted = machine.mount('/mnt')
  ports.disk.makeDirectory('/data')
  ports.disk.flushDirectory('/', () => {})
  computers.settle()
  const { bootId } = machine
  machine.replaceDisk()
  assert.deepEqual(machine.device.root.names, [])
  assert.deepEqual(mounted.root.names, ['mnt'])
  assert.notEqual(machine.bootId, bootId)
  const again = computers.boot(machine)
  assert.deepEqual(again.ports.disk.list('/mnt'), [])
  again.ports.disk.makeDirectory('/data')
  assert.deepEqual(machine.device.root.names, ['data'])
})

test('machines that lose power together lose it at once', () => {
  const computers = new Computers(1)
  const all = ['a', 'b', 'c'].map((host) => computers.add(host))
  for (const { machine } of all) machine.losePower()
  assert.ok(all.every(({ process }) => !process.alive))
})
