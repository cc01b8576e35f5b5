/** Fifty logs of several segments with eight descriptors and next to no memory for indexes: all of them are what they were, after any stop. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { LogDirectory } from '../../src/storage/log-directory.js'
import { LogManager } from '../../src/storage/log-manager.js'
import { type LogResources, logResources } from '../../src/storage/log-resources.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { LOG_OPTIONS } from '../log-options.js'
import { batchOf } from './simulated-store.js'

const LOGS = 50
const LIMITS = { openFiles: 8, closedIndexBytes: 400 }
/** What reads and writes the directory itself, and a call that does not wait. */
const BESIDES = 3
const TOPIC_ID = 'dDSbtSATTPSwRiEHkm4hSw'
const LONGEST_MS = 600_000

class Store {
  readonly simulation: Simulation
  readonly machine: Machine
  readonly logs: PartitionLog[] = []
  readonly #flushPolicy: 'commit' | 'os'
  directory!: LogDirectory
  manager!: LogManager
  resources!: LogResources
  error: Error | undefined

  constructor(seed: number, flushPolicy: 'commit' | 'os') {
    this.simulation = new Simulation(seed)
    this.machine = new Machine(this.simulation, new SimulatedNetwork(this.simulation), 'store')
    this.#flushPolicy = flushPolicy
  }

  start(): this {
    this.logs.length = 0
    const open = { path: '/data', nodeId: 1, reservedBytes: 0, onOffline: () => {}, onRoom: () => {} }
    let opened = 0
    this.machine.boot(
      (ports) =>
        LogDirectory.open(ports, open, (error, directory) => {
          if (directory === undefined) throw error
          this.directory = directory
          this.resources = logResources(ports, LIMITS)
          this.manager = new LogManager(
            ports,
            directory,
            { checkpointIntervalMs: 500, deleteDelayMs: 60_000 },
            this.resources,
          )
          for (let partition = 0; partition < LOGS; partition++) {
            const id = { topic: 't', partition, topicId: TOPIC_ID }
            const options = { ...LOG_OPTIONS, indexIntervalBytes: 1, flushPolicy: this.#flushPolicy }
            this.manager.open(id, options, (failure, log) => {
              this.error ??= failure
              if (log !== undefined) this.logs[partition] = log
              opened++
            })
          }
        }),
      () => {},
    )
    this.until(() => opened === LOGS)
    assert.equal(this.error, undefined)
    return this
  }

  turn(action: () => void): void {
    this.machine.process!.begin(action)
  }

  until(condition: () => boolean): void {
    this.simulation.runUntil(condition, this.simulation.nowMs + LONGEST_MS)
    assert.ok(condition(), 'it comes to hold')
  }

  /** Some rounds of appends to all logs at once. */
  write(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      this.turn(() => {
        for (const [partition, log] of this.logs.entries()) log.append(batchOf([textOf(partition, log.nextOffset)]), 3)
      })
      this.until(() => this.logs.every((log) => log.logEndOffset === log.nextOffset))
    }
  }

  /** Everything, from front to end, all logs at once. */
  check(least: number): void {
    let left = 0
    const read = (partition: number, from: number): void => {
      const log = this.logs[partition]!
      if (from === log.logEndOffset) return
      left++
      const request = { offset: from, upToOffset: log.logEndOffset, maxBytes: 200, wholeFirstBatch: true }
      log.read(request, (error, read_) => {
        left--
        if (read_ === undefined) throw error
        let next = from
        const batches = new BatchIterator(read_.bytes)
        while (batches.next() === 'batch') {
          for (const { value, offset } of readRecords(batches.batch, 1e6)) {
            assert.equal(Buffer.from(value!).toString(), textOf(partition, offset))
            assert.equal(offset, next++)
          }
        }
        read_.release()
        read(partition, next)
      })
    }
    this.turn(() => {
      for (const [partition, log] of this.logs.entries()) {
        assert.ok(log.logEndOffset >= least, `${partition} ends at ${log.logEndOffset}, not at ${least}`)
        assert.ok(log.segments.map(({ baseOffset }) => baseOffset).length > 2)
        assert.equal(log.maxTimestamp, 1000)
        read(partition, 0)
        // By an index that was dropped, perhaps.
        assert.equal(log.bytesBetween(0, 3, 10_000), log.bytesBetween(1, 4, 10_000))
      }
    })
    this.until(() => left === 0)
    const { mostDescriptors, descriptors } = this.machine.process!
    assert.ok(mostDescriptors <= LIMITS.openFiles + BESIDES, `${mostDescriptors} descriptors`)
    assert.equal(descriptors, this.resources.files.descriptors)
    assert.ok(
      this.resources.indexes.bytes <= LIMITS.closedIndexBytes,
      `${this.resources.indexes.bytes} bytes of indexes`,
    )
  }

  stop(): void {
    let stopped = false
    this.turn(() =>
      this.manager.closeClean((error) => {
        if (error !== undefined) throw error
        this.directory.closeClean(1, () => (stopped = true))
      }),
    )
    this.until(() => stopped)
    assert.equal(this.resources.files.descriptors, 0)
    this.machine.process!.kill()
  }
}

const textOf = (partition: number, offset: number): string => `${partition}:${String(offset).padStart(3, '0')}`

for (const flushPolicy of ['commit', 'os'] as const) {
  test(`fifty logs with eight descriptors: written, read, stopped, crashed and without power (${flushPolicy})`, () => {
    const store = new Store(1, flushPolicy).start()
    store.write(18)
    store.check(18)
    store.stop()

    store.start().check(18)
    assert.equal(store.directory.lastStop, 'clean')
    store.write(9)
    store.check(27)
    store.machine.crash()

    store.start().check(27)
    store.write(9)
    store.turn(() => {
      for (const log of store.logs) log.flush()
    })
    store.until(() => store.logs.every((log) => log.flushedEndOffset === 36))
    store.machine.losePower()

    store.start().check(36)
    store.stop()
  })
}

test('the same with a failed flush now and then: what was flushed is there after the power was lost', () => {
  for (let seed = 0; seed < 4; seed++) {
    const store = new Store(seed, 'os').start()
    store.write(18)
    store.turn(() => {
      for (const log of store.logs) log.flush()
    })
    store.until(() => store.logs.every((log) => log.flushedEndOffset === 18))
    store.machine.device.faults.failedFlushChance = 0.02
    store.turn(() => {
      for (const [partition, log] of store.logs.entries()) {
        for (let n = 0; n < 10; n++) {
          try {
            log.append(batchOf([textOf(partition, log.nextOffset)]), 3)
          } catch {
            return
          }
        }
        log.flush()
      }
    })
    store.until(() => store.directory.offline)
    const flushed = store.logs.map((log) => log.flushedEndOffset)
    store.machine.device.faults.failedFlushChance = 0
    store.machine.losePower()
    store.start()
    for (const [partition, log] of store.logs.entries()) {
      assert.ok(log.logEndOffset >= flushed[partition]!, `${partition}: ${log.logEndOffset} of ${flushed[partition]}`)
    }
    store.check(18)
  }
})
