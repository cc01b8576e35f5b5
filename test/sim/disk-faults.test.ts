/** What goes wrong with a simulated disk, and what a crash or a power loss in the middle of an operation leaves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Computers } from './computers.js'
import { contentOf, inManyWorlds, refuses, SEEDS, Told, text } from './disk-user.js'

test('a process crash keeps everything that was written, flushed or not', () => {
  inManyWorlds((computers, computer) => {
    const { disk } = computer.ports
    disk.makeDirectory('/d/e')
    disk.open('/d/e/f', { create: true }).append(text('written'), () => {})
    disk.open('/d/old', { create: true })
    disk.rename('/d/old', '/d/new')
    computers.settle()
    computer.machine.crash()
    const next = computers.boot(computer.machine)
    assert.deepEqual(next.ports.disk.list('/d'), ['e', 'new'])
    assert.equal(Buffer.from(next.ports.disk.readFile('/d/e/f')!).toString(), 'written')
  })
})

test('an append in which the process dies leaves a prefix of itself, any, and nothing of those behind it', () => {
  const lengths = new Set<number>()
  for (let seed = 0; seed < 400; seed++) {
    const computers = new Computers(seed)
    const computer = computers.add('a')
    const told = new Told()
    const { device } = computer.machine
    const file = computer.ports.disk.open('/f', { create: true })
    device.crashPoint = { operationsLeft: 1, strike: () => computer.machine.crash() }
    const ended = computers.turn(computer, () => {
      file.append(text('abc'), told.by('first'))
      file.append(text('xyz'), told.by('second'))
    })
    computers.settle()
    assert.equal(ended, false, 'the turn is unwound')
    assert.deepEqual(told.lines, [], 'the dead hear nothing')
    const content = contentOf(computer, '/f')!
    assert.ok('abc'.startsWith(content), content)
    lengths.add(content.length)
    assert.equal(device.counts.get('torn-write')?.total ?? 0, content.length % 3 === 0 ? 0 : 1)
  }
  assert.deepEqual([...lengths].sort(), [0, 1, 2, 3])
})

test('an append that is on its way when the process dies leaves a prefix of itself', () => {
  const lengths = new Set<number>()
  for (let seed = 0; seed < 400; seed++) {
    const computers = new Computers(seed)
    const computer = computers.add('a')
    computer.ports.disk.open('/f', { create: true }).append(text('abc'), () => {})
    computer.machine.crash()
    const content = contentOf(computer, '/f')!
    assert.ok('abc'.startsWith(content), content)
    lengths.add(content.length)
  }
  assert.deepEqual([...lengths].sort(), [0, 1, 2, 3])
})

test('a call in which the process dies was done or was not', () => {
  const seen = new Set<string>()
  inManyWorlds((computers, computer) => {
    const { disk } = computer.ports
    disk.open('/old', { create: true })
    const { machine } = computer
    machine.device.crashPoint = { operationsLeft: 1, strike: () => machine.crash() }
    assert.equal(
      computers.turn(computer, () => disk.rename('/old', '/new')),
      false,
    )
    seen.add(machine.device.root.names.join())
  })
  assert.deepEqual([...seen].sort(), ['new', 'old'])
})

test('the n-th operation is struck, and each only once', () => {
  const computers = new Computers(1)
  const computer = computers.add('a')
  const { machine, ports } = computer
  const names = ['a', 'b', 'c', 'd']
  machine.device.crashPoint = { operationsLeft: 3, strike: () => machine.crash() }
  const ended = computers.turn(computer, () => {
    for (const name of names) ports.disk.makeDirectory(`/${name}`)
  })
  assert.equal(ended, false)
  const left = machine.device.root.names
  assert.ok(left.length === 2 || left.length === 3, `${left}`)
  assert.equal(machine.device.crashPoint, undefined)
  assert.equal(machine.device.counts.get('process-crash')?.total, 1)
})

test('a power loss takes what was not flushed, and a flushed file whose name was not', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const computers = new Computers(seed)
    const computer = computers.add('a')
    const { disk } = computer.ports
    const file = disk.open('/f', { create: true })
    file.append(text('bytes'), (error) => {
      assert.equal(error, undefined)
      file.flush(() => {})
    })
    computers.settle()
    computer.machine.losePower()
    seen.add(contentOf(computer, '/f') ?? 'no name')
  }
  assert.deepEqual([...seen].sort(), ['bytes', 'no name'])
})

test('a failed flush is final: no later one brings back what it dropped', () => {
  let lost = 0
  inManyWorlds((computers, computer) => {
    const { machine, ports } = computer
    const file = ports.disk.open('/f', { create: true })
    const told = new Told()
    file.append(text('dropped'), told.by('append'))
    ports.disk.flushDirectory('/', told.by('names'))
    computers.settle()
    machine.device.faults.failedFlushChance = 1
    file.flush(told.by('failed'))
    computers.settle()
    machine.device.faults.failedFlushChance = 0
    file.flush(told.by('second'))
    computers.settle()
    assert.deepEqual(told.lines.sort(), ['append: done', 'failed: EIO', 'names: done', 'second: done'])
    assert.equal(contentOf(computer, '/f'), 'dropped', 'it is read all the same')
    assert.equal(machine.device.counts.get('failed-flush')?.total, 1)
    machine.losePower()
    const left = contentOf(computer, '/f')!
    if (left !== 'dropped') lost++
  })
  assert.ok(lost > SEEDS / 5, `lost in ${lost} worlds`)
})

test('what is rewritten after a failed flush is kept by the next one', () => {
  inManyWorlds((computers, computer) => {
    const { machine, ports } = computer
    const file = ports.disk.open('/f', { create: true })
    file.append(text('again'), () => {})
    ports.disk.flushDirectory('/', () => {})
    computers.settle()
    machine.device.faults.failedFlushChance = 1
    file.flush(() => {})
    computers.settle()
    machine.device.faults.failedFlushChance = 0
    file.rewrite(0, Buffer.from('again'), () => file.flush(() => {}))
    computers.settle()
    machine.losePower()
    assert.equal(contentOf(computer, '/f'), 'again')
  })
})

test('where there is no room a part of the append stands, nothing behind it does, and only a cut takes the file out of failure', () => {
  const parts = new Set<number>()
  inManyWorlds((computers, computer) => {
    const { machine, ports } = computer
    const told = new Told()
    const file = ports.disk.open('/f', { create: true })
    file.append(text('12345'), told.by('first'))
    computers.settle()
    machine.device.faults.capacityBytes = 8
    assert.equal(ports.host.freeBytes('/'), 3)
    file.append(text('abcdef'), told.by('too much'))
    file.append(text('x'), told.by('behind'))
    computers.settle()
    const content = contentOf(computer, '/f')!
    assert.ok('12345abc'.startsWith(content) && content.length >= 5, content)
    parts.add(content.length - 5)
    machine.device.faults.capacityBytes = Number.POSITIVE_INFINITY
    file.append(text('y'), told.by('still failed'))
    computers.settle()
    file.truncate(5)
    assert.equal(file.sizeBytes, 5)
    file.append(text('z'), told.by('after the cut'))
    computers.settle()
    assert.equal(contentOf(computer, '/f'), '12345z')
    const codes = ['first: done', 'too much: ENOSPC', 'behind: ENOSPC', 'still failed: ENOSPC', 'after the cut: done']
    assert.deepEqual([...told.lines].sort(), [...codes].sort())
    assert.equal(machine.device.counts.get('disk-full')?.total, 1)
  })
  assert.deepEqual([...parts].sort(), [0, 1, 2, 3])
})

test('what fits, fits exactly', () => {
  const computers = new Computers(1)
  const computer = computers.add('a')
  const told = new Told()
  computer.machine.device.faults.capacityBytes = 5
  const file = computer.ports.disk.open('/f', { create: true })
  file.append(text('12345'), told.by('five'))
  computers.settle()
  file.rewrite(0, Buffer.from('abcde'), told.by('rewrite'))
  computers.settle()
  assert.deepEqual(told.lines, ['five: done', 'rewrite: done'])
  assert.equal(contentOf(computer, '/f'), 'abcde')
})

test('a disk that is stuck completes nothing before it is free, and holds up who waits for it', () => {
  inManyWorlds((computers, computer) => {
    const { machine, ports } = computer
    const file = ports.disk.open('/f', { create: true })
    computers.settle()
    const beganMs = computers.simulation.nowMs
    machine.device.faults.stuckUntilMs = beganMs + 500
    const told = new Told()
    file.append(text('a'), told.by('append'))
    file.flush(told.by('flush'))
    computers.pass(499)
    assert.deepEqual(told.lines, [])
    computers.settle()
    assert.deepEqual([...told.lines].sort(), ['append: done', 'flush: done'])
    assert.ok(machine.device.counts.get('stuck-disk')!.total >= 2)
    const nowMs = computers.simulation.nowMs
    machine.device.faults.stuckUntilMs = nowMs + 300
    computers.turn(computer, () => ports.disk.makeDirectory('/d'))
    assert.ok(computer.process.nowMs >= nowMs + 300)
  })
})

test('an I/O error comes with what was asked, and is counted', () => {
  const computers = new Computers(1)
  const { machine, ports } = computers.add('a')
  const { disk } = ports
  const file = disk.open('/f', { create: true })
  file.append(text('abc'), () => {})
  computers.settle()
  machine.device.faults.ioErrorChance = 1
  refuses('EIO', () => disk.makeDirectory('/d'))
  refuses('EIO', () => disk.open('/g', { create: true }))
  refuses('EIO', () => disk.rename('/f', '/g'))
  refuses('EIO', () => disk.remove('/f'))
  refuses('EIO', () => disk.readFile('/f'))
  refuses('EIO', () => file.readSync(0, Buffer.alloc(1)))
  refuses('EIO', () => file.truncate(0))
  const told = new Told()
  file.read(0, Buffer.alloc(3), told.by('read'))
  file.append(text('def'), told.by('append'))
  computers.settle()
  assert.deepEqual([...told.lines].sort(), ['append: EIO', 'read: EIO'])
  assert.equal(machine.device.counts.get('io-error')?.total, 9)
  machine.device.faults.ioErrorChance = 0
  assert.deepEqual(disk.list('/'), ['f'])
  const content = Buffer.from(disk.readFile('/f')!).toString()
  assert.ok('abcdef'.startsWith(content) && content.length >= 3, content)
})

test('faults are counted apart where somebody waits', () => {
  const computers = new Computers(1)
  const { machine } = computers.add('a')
  machine.device.strike('io-error')
  machine.device.inFlight = () => true
  machine.device.strike('io-error')
  machine.device.strike('disk-full')
  assert.deepEqual(Object.fromEntries(machine.device.counts), {
    'io-error': { total: 2, inFlight: 1 },
    'disk-full': { total: 1, inFlight: 1 },
  })
})
