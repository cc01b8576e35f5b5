/** The disk port of a simulated process: what its operations do, and when they are done. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { type Computer, Computers } from './computers.js'
import { contentOf, inManyWorlds, refuses, SEEDS, Told, text } from './disk-user.js'

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
