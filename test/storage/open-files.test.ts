/** More files than descriptors: what is done with them is right, whoever waits; and a flush that failed is not forgiven by another descriptor. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskError, DiskFile } from '../../src/io/disk.js'
import type { Ports } from '../../src/io/ports.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import type { SimulatedProcess } from '../../src/sim/process.js'
import { Simulation } from '../../src/sim/simulation.js'
import { OpenFiles } from '../../src/storage/open-files.js'
import { type FileSlots, PooledFile } from '../../src/storage/pooled-file.js'

const SEEDS = 20

interface Bench {
  readonly simulation: Simulation
  readonly machine: Machine
  readonly process: SimulatedProcess
  readonly files: OpenFiles
  readonly failed: DiskError[]
  turn(action: () => void): void
  until(condition: () => boolean): void
}

function bench(seed: number, limit: number): Bench {
  const simulation = new Simulation(seed)
  const machine = new Machine(simulation, new SimulatedNetwork(simulation), 'm')
  let ports: Ports | undefined
  const process = machine.boot(
    (given) => {
      ports = given
    },
    () => {},
  )
  const files = new OpenFiles(ports!.disk, limit)
  const failed: DiskError[] = []
  files.whenFlushFails((error) => void failed.push(error))
  process.begin(() => files.makeDirectory('/d'))
  return {
    simulation,
    machine,
    process,
    files,
    failed,
    turn: (action) => process.begin(action),
    until: (condition) => {
      simulation.runUntil(condition, simulation.nowMs + 60_000)
      assert.ok(condition(), 'it comes to hold')
    },
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

test('with fewer descriptors than files each file takes its appends in order, and flushes keep them', () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const limit = 1 + (seed % 4)
    const { machine, process, files, turn, until, failed } = bench(seed, limit)
    const open: DiskFile[] = []
    let left = 0
    turn(() => {
      for (let n = 0; n < 12; n++) open.push(files.open(`/d/${n}`, { create: true }))
      for (let round = 0; round < 5; round++) {
        for (const [n, file] of open.entries()) {
          left++
          file.append([Buffer.from(`${n}:${round};`)], (error) => {
            assert.equal(error, undefined)
            left--
          })
          assert.equal(file.sizeBytes, `${n}:0;`.length * (round + 1), 'counts what is on its way')
        }
      }
    })
    until(() => left === 0)
    turn(() => {
      for (const [n, file] of open.entries()) {
        const target = Buffer.alloc(100)
        const length = file.readSync(0, target)
        assert.equal(text(target.subarray(0, length)), [0, 1, 2, 3, 4].map((round) => `${n}:${round};`).join(''))
        left += 2
        file.read(0, target.subarray(50, 54), (error, bytesRead) => {
          assert.equal(error, undefined)
          assert.equal(text(target.subarray(50, 50 + bytesRead)), `${n}:0;${n}`.slice(0, 4))
          left--
        })
        file.flush((error) => {
          assert.equal(error, undefined)
          left--
        })
      }
      left += 2
      for (const directory of ['/d', '/']) files.flushDirectory(directory, () => void left--)
    })
    until(() => left === 0)
    assert.ok(process.mostDescriptors <= limit + 1, `${process.mostDescriptors} of ${limit}`)
    assert.equal(files.descriptors, process.descriptors, 'none is held that nobody counts')
    assert.deepEqual(failed, [])
    machine.losePower()
    const found = machine.device.find('/d/7')
    assert.ok(found !== undefined && 'content' in found && text(found.content) === '7:0;7:1;7:2;7:3;7:4;')
  }
})

test('a file is flushed before its descriptor is given back, and a flush that failed is told and never forgiven', () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { machine, files, turn, until, failed } = bench(seed, 1)
    let first!: DiskFile
    let second!: DiskFile
    let left = 2
    turn(() => {
      first = files.open('/d/first', { create: true })
      second = files.open('/d/second', { create: true })
      first.append([Buffer.from('lost')], () => void left--)
    })
    until(() => left === 1)
    machine.device.faults.failedFlushChance = 1
    turn(() => second.append([Buffer.from('x')], () => void left--))
    until(() => left === 0)
    assert.deepEqual(
      failed.map(({ path, operation }) => [path, operation]),
      [['/d/first', 'flush']],
    )
    machine.device.faults.failedFlushChance = 0
    let answer: DiskError | undefined
    turn(() => first.flush((error) => (answer = error)))
    until(() => answer !== undefined)
    assert.equal(answer!.code, 'EIO')
    let fine = false
    turn(() => second.flush((error) => (fine = error === undefined)))
    until(() => fine)
  }
})

test('what is read goes by the file, not by the name: renamed, replaced, removed', () => {
  const { files, turn, until } = bench(1, 1)
  const reads: string[] = []
  const read = (file: DiskFile): void => {
    const target = Buffer.alloc(10)
    file.read(0, target, (error, length) => void reads.push(error?.code ?? text(target.subarray(0, length))))
  }
  const open: DiskFile[] = []
  let left = 3
  turn(() => {
    for (const name of ['a', 'b', 'c']) {
      const file = files.open(`/d/${name}`, { create: true })
      file.append([Buffer.from(name)], () => void left--)
      open.push(file)
    }
  })
  until(() => left === 0)
  turn(() => {
    files.rename('/d/a', '/d/a.deleted')
    files.rename('/d/b', '/d/c')
    for (const file of open) read(file)
  })
  // The one that was replaced may still have its descriptor.
  until(() => reads.length === 3)
  assert.deepEqual(reads.slice(0, 2).sort(), ['a', 'b'])
  assert.ok(['c', 'EBADF'].includes(reads[2]!), reads[2])
  turn(() => {
    files.rename('/d', '/e')
    read(open[0]!)
    read(open[1]!)
  })
  until(() => reads.length === 5)
  assert.deepEqual(reads.slice(3).sort(), ['a', 'b'])
  turn(() => {
    files.remove('/e')
    assert.throws(() => open[0]!.readSync(0, Buffer.alloc(1)) && open[1]!.readSync(0, Buffer.alloc(1)), {
      code: 'EBADF',
    })
  })
})

test('a file that is closed while others wait for it is told so, and takes no descriptor with it', () => {
  const { files, process, turn, until } = bench(2, 1)
  const ends: (string | undefined)[] = []
  let file!: DiskFile
  turn(() => {
    const busy = files.open('/d/busy', { create: true })
    file = files.open('/d/file', { create: true })
    busy.append([Buffer.alloc(100)], () => {})
    file.append([Buffer.alloc(10)], (error) => ends.push(error?.code))
    file.read(0, Buffer.alloc(1), (error) => ends.push(error?.code))
    if (ends.length === 0) file.close()
  })
  until(() => ends.length === 2)
  turn(() => file.close())
  until(() => files.descriptors <= 1)
  assert.equal(process.descriptors, files.descriptors)
  assert.throws(() => file.readSync(0, Buffer.alloc(1)), { code: 'EBADF' })
})

test('a call that does not wait takes nothing from what waits for the same file', () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { files, turn, until } = bench(seed, 1)
    let left = 0
    const looked: number[] = []
    turn(() => {
      const [busy, first, second] = ['busy', 'first', 'second'].map((name) =>
        files.open(`/d/${name}`, { create: true }),
      )
      const done = (): void => void left--
      for (let n = 0; n < 3; n++) {
        left += 3
        busy!.append([Buffer.alloc(10)], done)
        first!.read(0, Buffer.alloc(1), () => {
          looked.push(second!.readSync(0, Buffer.alloc(1)))
          left--
        })
        second!.flush(done)
      }
    })
    until(() => left === 0)
    assert.deepEqual(looked, [0, 0, 0])
  }
})

test('where the system has fewer descriptors than the limit, one is given back for the next', () => {
  const { machine, files, process, turn, until } = bench(3, 100)
  machine.device.faults.descriptorLimit = 4
  let left = 20
  turn(() => {
    const open = Array.from({ length: 10 }, (_, n) => {
      const file = files.open(`/d/${n}`, { create: true })
      file.truncate(0)
      return file
    })
    for (const file of [...open, ...open]) {
      const target = Buffer.alloc(1)
      assert.equal(file.readSync(0, target), 0)
      left--
    }
  })
  until(() => left === 0)
  assert.equal(process.mostDescriptors, 4)
  // Others have them all: an error, and none lost.
  machine.device.faults.descriptorLimit = 0
  turn(() => assert.throws(() => files.open('/d/new', { create: true }), { code: 'EMFILE' }))
  machine.device.faults.descriptorLimit = 4
  let flushed = false
  turn(() => files.open('/d/new', { create: true }).flush((error) => (flushed = error === undefined)))
  until(() => flushed)
})

test('a call that cannot wait takes no slot for a file that waits for one', () => {
  const done: string[] = []
  const descriptor = (name: string): DiskFile => ({
    path: '/d/f',
    sizeBytes: 0,
    append: (_, finish) => {
      done.push(`${name}: append`)
      finish(undefined)
    },
    rewrite: () => assert.fail(),
    readSync: () => {
      done.push(`${name}: read`)
      return 0
    },
    read: () => assert.fail(),
    truncate: () => assert.fail(),
    flush: () => assert.fail(),
    close: () => void done.push(`${name}: closed`),
  })
  let granted: (() => void) | undefined
  const slots: FileSlots = {
    openNow: (_, __, wantsSlot) => ({ descriptor: descriptor('passing'), passing: !wantsSlot }),
    acquire: (grant) => {
      granted = grant
    },
    release: () => assert.fail(),
    openInSlot: () => descriptor('slot'),
    used: () => {},
    idle: () => {},
    gaveBack: () => {},
    closed: () => {},
  }
  const file = new PooledFile(slots, '/d/f', 0)
  file.append([Buffer.from('x')], (error) => assert.equal(error, undefined))
  file.readSync(0, Buffer.alloc(1))
  assert.deepEqual(done, ['passing: read', 'passing: closed'])
  granted!()
  assert.deepEqual(done.slice(2), ['slot: append'])
})
