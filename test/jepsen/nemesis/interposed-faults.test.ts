/** Errors of disks, on nodes of which only the page of memory is there that they share with the suite. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DiskControl } from '../../../jepsen/nemesis/disk/control.js'
import { interposedFaults } from '../../../jepsen/nemesis/disk/interposed-faults.js'
import type { FaultContext } from '../../../jepsen/nemesis/fault.js'
import { Prng } from '../../../src/base/prng.js'
import { temporaryDirectory } from '../../node-ports.js'

const directory = temporaryDirectory('interposed-faults')
after(() => rmSync(directory, { recursive: true, force: true }))

const WORDS = { flushesToFail: 1, failedFlushes: 4, failedWrites: 5, troubles: 7, flushes: 8, attached: 10 } as const

class Scene {
  nowMs = 0
  /** What the node does whenever time goes on. */
  meanwhile = () => {}
  starts = 0
  /** Of the next starts. */
  failures = 0
  readonly control: DiskControl
  readonly node = {
    id: 1,
    pid: 99_999_999,
    address: '127.0.0.1:1',
    isRunning: true,
    mayEnd: false,
    start: async () => {
      this.starts++
      if (this.failures-- > 0) throw new Error('it cannot be started')
      this.node.isRunning = true
    },
    end: async () => {
      this.node.isRunning = false
    },
  }
  readonly context: FaultContext

  constructor(name: string) {
    this.control = new DiskControl(join(directory, name))
    this.add('attached')
    const wait = async (ms: number) => {
      this.nowMs += ms
      this.meanwhile()
    }
    const bed = { time: { nowMs: () => this.nowMs, wait } }
    this.context = { bed, random: new Prng('test'), find: async () => [this.node] } as unknown as FaultContext
  }

  fault(name: string) {
    const places = { data: directory, journal: join(directory, 'none'), kept: directory }
    const faults = interposedFaults(new Map([[1, { places, control: this.control }]]))
    return faults.find((each) => each.name === name)!
  }

  word(name: keyof typeof WORDS): number {
    return readFileSync(this.control.path).readUInt32LE(4 * WORDS[name])
  }

  add(name: keyof typeof WORDS): void {
    const page = readFileSync(this.control.path)
    page.writeUInt32LE(this.word(name) + 1, 4 * WORDS[name])
    writeFileSync(this.control.path, page)
  }
}

test('a fault is there when it has shown in the node, which may end by it, and is started when it is over', async () => {
  const scene = new Scene('shows')
  const fault = scene.fault('failed flushes')
  scene.meanwhile = () => scene.word('flushesToFail') > 0 && scene.add('failedFlushes')
  const told = await fault.begin(scene.context)
  assert.deepEqual([told?.seen, scene.node.mayEnd], ['node 1: failedFlushes 1', true])
  scene.node.isRunning = false
  const ended = await fault.end(scene.context)
  assert.equal(ended?.seen, 'node 1: failedFlushes 1; it had ended; node 1: process 99999999 is there')
  assert.deepEqual([scene.word('flushesToFail'), scene.node.mayEnd, scene.starts], [0, false, 1])
  assert.equal(await fault.end(scene.context), undefined)
})

test('where nothing is flushed nothing has failed, and it is taken back at once', async () => {
  const scene = new Scene('idle')
  const fault = scene.fault('failed flushes')
  assert.equal(await fault.begin(scene.context), undefined)
  assert.deepEqual([scene.word('flushesToFail'), scene.node.mayEnd], [0, false])
})

test('a flush that succeeds where it was to fail is an error of the suite, and is taken back in the end', async () => {
  const scene = new Scene('in-vain')
  const fault = scene.fault('failed flushes')
  scene.meanwhile = () => scene.add('flushes')
  await assert.rejects(fault.begin(scene.context), /failed flushes at 1: not within/)
  await fault.end(scene.context)
  assert.deepEqual([scene.word('flushesToFail'), scene.node.mayEnd], [0, false])
})

test('a node whose end two faults may cause is not asked for it before both are over', async () => {
  const scene = new Scene('two')
  const [errors, flushes] = [scene.fault('disk errors'), scene.fault('one failed flush')]
  scene.meanwhile = () => {
    scene.add('failedFlushes')
    scene.add('failedWrites')
  }
  await errors.begin(scene.context)
  await flushes.begin(scene.context)
  await errors.end(scene.context)
  assert.equal(scene.node.mayEnd, true)
  await flushes.end(scene.context)
  assert.equal(scene.node.mayEnd, false)
})

test('a fault whose node could not be started when it ended is ended again, and has then one reason less to let it end', async () => {
  const scene = new Scene('again')
  const [errors, flushes] = [scene.fault('disk errors'), scene.fault('one failed flush')]
  scene.meanwhile = () => {
    scene.add('failedFlushes')
    scene.add('failedWrites')
  }
  await errors.begin(scene.context)
  await flushes.begin(scene.context)
  scene.node.isRunning = false
  scene.failures = 1
  await assert.rejects(errors.end(scene.context), /it cannot be started/)
  await errors.end(scene.context)
  assert.deepEqual([scene.node.isRunning, scene.node.mayEnd], [true, true])
  await flushes.end(scene.context)
  assert.equal(scene.node.mayEnd, false)
})

test('a node that lost its power and could not be started is started when the fault is ended again', async () => {
  const scene = new Scene('power')
  const fault = scene.fault('lose power of one')
  await fault.begin(scene.context)
  scene.failures = 1
  await assert.rejects(fault.end(scene.context), /it cannot be started/)
  assert.deepEqual((await fault.end(scene.context))?.nodes, [1])
  assert.deepEqual([scene.node.isRunning, scene.starts], [true, 2])
  assert.equal(await fault.end(scene.context), undefined)
})

test('without the whole journal, or without the library, there is no loss of power', async () => {
  const scene = new Scene('troubled')
  scene.add('troubles')
  await assert.rejects(
    scene.fault('lose power of one').begin(scene.context),
    /1 writes or names are not in its journal/,
  )
  const bare = new DiskControl(join(directory, 'bare'))
  const places = { data: directory, journal: join(directory, 'none'), kept: directory }
  const faults = interposedFaults(new Map([[1, { places, control: bare }]]))
  await assert.rejects(faults[0]!.begin(scene.context), /node 1 has not loaded the library/)
})
