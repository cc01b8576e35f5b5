/**
 * The disk port of a simulated process: what its operations do and when they are done, what goes wrong with them, and what a crash in the
 * middle of one leaves.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DiskDone, DiskError } from '../../src/io/disk.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { type Computer, Computers } from './computers.js'

const SEEDS = 60

function inManyWorlds(action: (computers: Computers, computer: Computer, seed: number) => void): void {
  for (let seed = 0; seed < SEEDS; seed++) {
    const computers = new Computers(seed)
    action(computers, computers.add('a'), seed)
  }
}

/** Remembers what each operation was told. */
class Told {
  readonly lines: string[] = []

  by(name: string): DiskDone {
    return (error) => this.lines.push(`${name}: ${error === undefined ? 'done' : error.code}`)
  }
}

const text = (content: string): Buffer[] => [Buffer.from(content)]

function contentOf({ machine }: Computer, path: string): string | undefined {
  const found = machine.device.find(path)
  return found instanceof SimulatedFile ? found.content.toString('latin1') : undefined
}

function refuses(code: string, action: () => unknown): void {
  assert.throws(action, (error) => error instanceof DiskError && error.code === code, code)
}

test('appends take effect in order, each at the end of the one before, and are counted when they are asked for', () => {
  inManyWorlds((computers, computer) => {
    const file = computer.ports.disk.open('/f', { create: true })
    const told = new Told()
    const chunks = [[...text('a'), ...text('bc')], text('def'), text('g')]
    for (const [n, each] of chunks.entries()) {
      file.append(each, (error) => {
        told.by(String(n))(error)
        const through = Buffer.concat(chunks.slice(0, n + 1).flat()).toString()
        assert.ok(contentOf(computer, '/f')!.startsWith(through), 'what is done is there, and all before it')
      })
    }
    assert.equal(file.sizeBytes, 7)
    computers.settle()
    // One that needs no time may be told of before the one that it waited for.
    assert.deepEqual(told.lines.sort(), ['0: done', '1: done', '2: done'])
    assert.equal(contentOf(computer, '/f'), 'abcdefg')
  })
})

test('in some worlds operations are done within the call, in others later', () => {
  let atOnce = 0
  inManyWorlds((_, { ports }) => {
    let done = false
    ports.disk.open('/f', { create: true }).append(text('a'), () => {
      done = true
    })
    if (done) atOnce++
  })
  assert.ok(atOnce > 5 && atOnce < SEEDS - 5, `${atOnce} of ${SEEDS}`)
})

test('bytes that change before their write is done are found out', () => {
  let foundOut = 0
  inManyWorlds((computers, { ports }) => {
    const bytes = Buffer.from('mine')
    let done = false
    ports.disk.open('/f', { create: true }).append([bytes], () => {
      done = true
    })
    if (done) return
    bytes[0]! ^= 1
    assert.throws(() => computers.settle(), /bytes changed while they were written to \/f/)
    foundOut++
  })
  assert.ok(foundOut > 5)
})

test('a flush covers the appends that were done when it was called, and no other', () => {
  let without = 0
  inManyWorlds((computers, computer) => {
    const { machine, ports } = computer
    const file = ports.disk.open('/f', { create: true })
    file.append(text('early '), () => {})
    computers.settle()
    let lateIsDone = false
    file.append(text('late'), () => {
      lateIsDone = true
    })
    const expected = lateIsDone ? 'early late' : 'early '
    if (!lateIsDone) without++
    let flushed: string | undefined
    file.flush(() => {
      const found = machine.device.find('/f')
      flushed = found instanceof SimulatedFile ? found.durableContent.toString() : undefined
    })
    computers.settle()
    assert.equal(flushed, expected)
    assert.equal(contentOf(computer, '/f'), 'early late')
  })
  assert.ok(without > 5)
})

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

test('names that a directory flush was asked about are durable when it is done', () => {
  inManyWorlds((computers, computer) => {
    const { disk } = computer.ports
    disk.makeDirectory('/d')
    disk.open('/d/a', { create: true })
    const told = new Told()
    disk.flushDirectory('/d', told.by('d'))
    disk.flushDirectory('/', told.by('root'))
    disk.open('/d/later', { create: true })
    computers.settle()
    assert.deepEqual(told.lines.sort(), ['d: done', 'root: done'])
    computer.machine.losePower()
    assert.ok(computers.boot(computer.machine).ports.disk.list('/d').includes('a'))
  })
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

test('a file that is closed sees through what has begun, and refuses what comes later', () => {
  inManyWorlds((computers, computer) => {
    const file = computer.ports.disk.open('/f', { create: true })
    file.append(text('abc'), () => {})
    computers.settle()
    const told = new Told()
    const target = Buffer.alloc(3)
    file.read(0, target, (error, bytesRead) => told.lines.push(`read: ${error?.code ?? bytesRead}`))
    file.append(text('def'), told.by('append'))
    file.flush(told.by('flush'))
    file.close()
    refuses('EBADF', () => file.append(text('x'), () => {}))
    refuses('EBADF', () => file.rewrite(0, Buffer.from('x'), () => {}))
    refuses('EBADF', () => file.readSync(0, target))
    refuses('EBADF', () => file.read(0, target, () => {}))
    refuses('EBADF', () => file.truncate(0))
    refuses('EBADF', () => file.flush(() => {}))
    computers.settle()
    assert.deepEqual([...told.lines].sort(), ['append: done', 'flush: done', 'read: 3'])
    assert.equal(target.toString(), 'abc')
    assert.equal(contentOf(computer, '/f'), 'abcdef')
  })
})

test('reads return what is there, fewer bytes at the end and none behind it', () => {
  inManyWorlds((computers, { ports }) => {
    const file = ports.disk.open('/f', { create: true })
    file.append(text('abcdef'), () => {})
    computers.settle()
    const target = Buffer.alloc(4)
    assert.equal(file.readSync(1, target), 4)
    assert.equal(target.toString(), 'bcde')
    assert.equal(file.readSync(4, target), 2)
    assert.equal(file.readSync(6, target), 0)
    assert.equal(file.readSync(99, target), 0)
  })
})

test('a cut is refused while an append is on its way', () => {
  let refused = 0
  inManyWorlds((computers, { ports }) => {
    const file = ports.disk.open('/f', { create: true })
    let done = false
    file.append(text('abc'), () => {
      done = true
    })
    if (done) return
    assert.throws(() => file.truncate(0), /while an append is on its way/)
    refused++
    computers.settle()
    file.truncate(1)
    assert.equal(file.sizeBytes, 1)
  })
  assert.ok(refused > 5)
})

test('paths: what is not there, is no file or no directory, or would leave its directory', () => {
  const { disk } = new Computers(1).add('a').ports
  disk.makeDirectory('/d')
  disk.open('/f', { create: true })
  refuses('ENOENT', () => disk.open('/none', { create: false }))
  refuses('ENOENT', () => disk.open('/none/f', { create: true }))
  refuses('EISDIR', () => disk.open('/d', { create: false }))
  refuses('EISDIR', () => disk.readFile('/d'))
  refuses('ENOENT', () => disk.list('/none'))
  refuses('ENOENT', () => disk.list('/f'))
  refuses('ENOTDIR', () => disk.makeDirectory('/f/d'))
  refuses('ENOENT', () => disk.rename('/none', '/g'))
  refuses('EXDEV', () => disk.rename('/f', '/d/f'))
  refuses('EINVAL', () => disk.remove('/'))
  const told = new Told()
  disk.flushDirectory('/none', told.by('flush'))
  assert.deepEqual(told.lines, ['flush: ENOENT'])
  assert.equal(disk.stat('/none'), undefined)
  assert.equal(disk.readFile('/none'), undefined)
  assert.deepEqual(disk.stat('/d'), { kind: 'directory', sizeBytes: 0 })
  disk.remove('/none')
  disk.makeDirectory('/d')
  assert.deepEqual(disk.list('/'), ['d', 'f'])
})

test('a lock is held by one, until it is let go or its process dies; who lets go twice takes it from nobody', () => {
  const computers = new Computers(1)
  const first = computers.add('a')
  const second = computers.boot(first.machine)
  const told: string[] = []
  const releases: (() => void)[] = []
  const lock = (name: string, { ports }: Computer, path = '/data'): void => {
    ports.disk.lock(path, (error, held) => {
      told.push(`${name}: ${error?.code ?? 'held'}`)
      if (held !== undefined) releases.push(() => held.release())
    })
    computers.settle()
  }
  lock('first', first)
  lock('second', second, '/data/')
  lock('other path', second, '/other')
  releases[0]!()
  lock('second again', second)
  releases[0]!()
  lock('first again', first)
  second.process.kill()
  lock('after its death', first)
  assert.deepEqual(told, [
    'first: held',
    'second: EBUSY',
    'other path: held',
    'second again: held',
    'first again: EBUSY',
    'after its death: held',
  ])
})

test('a disk that is replaced is empty, also after a power loss', () => {
  const computers = new Computers(1)
  const computer = computers.add('a')
  computer.ports.disk.makeDirectory('/d')
  computer.ports.disk.flushDirectory('/', () => {})
  computers.settle()
  computer.machine.device.replace()
  computer.machine.losePower()
  assert.deepEqual(computers.boot(computer.machine).ports.disk.list('/'), [])
})
