import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuorumActions, type QuorumAppend } from '../../src/broker/quorum/actions.js'
import { QuorumImage } from '../../src/broker/quorum/committed-image.js'
import { EMPTY_IMAGE } from '../../src/metadata/image.js'
import type { MetadataRecord } from '../../src/metadata/records.js'
import type { AppendAction } from '../../src/raft/raft-log.js'
import type { LogDirectories } from '../../src/storage/log-directories.js'
import { SimulatedStore } from '../storage/simulated-store.js'

function own(baseOffset: number, count: number, epoch: number): AppendAction<QuorumAppend> {
  const records: MetadataRecord[] = Array.from({ length: count }, (_, at) => ({
    type: 'config',
    resourceType: 2,
    resourceName: `t${baseOffset + at}`,
    name: 'k',
    value: `${epoch}`,
  }))
  return { action: 'append', baseOffset, epoch, content: { is: 'proposed', batch: { is: 'own', records } } }
}

class Rig {
  readonly store = new SimulatedStore('actions').reopened()
  readonly image = new QuorumImage(EMPTY_IMAGE, 0, -1, [])
  readonly events: string[] = []
  readonly actions: QuorumActions

  constructor() {
    const { log, running } = this.store
    const { manager, directory, ports } = running!
    const directories = { metadataLogs: manager, metadata: directory } as unknown as LogDirectories
    const event = (name: string) => (): void => void this.events.push(`${name} ${log.logEndOffset}`)
    this.actions = new QuorumActions(ports, directories, log, this.image, {
      truncated: event('truncated'),
      persisted: event('persisted'),
      appendFailed: event('appendFailed'),
      lost: event('lost'),
    })
  }

  do(...actions: Parameters<QuorumActions['add']>[0][]): void {
    this.store.turn(() => {
      for (const action of actions) this.actions.add(action)
      this.actions.work()
    })
  }

  get names(): string[] {
    return [...this.image.tip().configs.keys()]
  }
}

test('what follows a cut waits for it; the image does not', () => {
  const rig = new Rig()
  rig.do(own(0, 2, 1), own(2, 3, 1))
  assert.ok(rig.store.until(() => rig.store.log.flushedEndOffset === 5))
  rig.do({ action: 'truncate', endOffset: 2 }, own(2, 1, 2), own(3, 1, 2))
  assert.deepEqual(rig.names, ['2/t0', '2/t1', '2/t2', '2/t3'])
  assert.equal(rig.actions.cutting, true)
  assert.ok(rig.store.until(() => rig.store.log.flushedEndOffset === 4))
  assert.deepEqual(rig.events, ['truncated 2', 'persisted 2'])
  const epochs = rig.store.log.state.epochs.entries()
  assert.deepEqual(
    epochs.map(({ leaderEpoch, startOffset }) => [leaderEpoch, startOffset]),
    [
      [1, 0],
      [2, 2],
    ],
  )
})

test('where no batch ends at the place of the cut, what was to follow has failed', () => {
  const rig = new Rig()
  rig.do(own(0, 2, 1), own(2, 3, 1))
  assert.ok(rig.store.until(() => rig.store.log.flushedEndOffset === 5))
  rig.do({ action: 'truncate', endOffset: 4 }, own(4, 1, 2))
  assert.ok(rig.store.until(() => rig.events.includes('persisted 2')))
  assert.deepEqual(rig.events, ['appendFailed 2', 'truncated 2', 'persisted 2'])
  rig.do(own(2, 1, 2))
  assert.ok(rig.store.until(() => rig.store.log.flushedEndOffset === 3))
})

test('a cut for which there is no room is tried again', () => {
  const rig = new Rig()
  rig.do(own(0, 2, 1), own(2, 3, 1))
  assert.ok(rig.store.until(() => rig.store.log.flushedEndOffset === 5))
  const { device } = rig.store.machine
  device.faults.capacityBytes = device.usedBytes
  rig.do({ action: 'truncate', endOffset: 2 })
  rig.store.pass(3000)
  assert.equal(rig.store.log.logEndOffset, 5)
  assert.deepEqual(rig.events, [])
  device.faults.capacityBytes = Number.POSITIVE_INFINITY
  assert.ok(rig.store.until(() => rig.events.length === 2))
  assert.deepEqual(rig.events, ['truncated 2', 'persisted 2'])
})

test('an append that a failed log refuses is told of each time', () => {
  const rig = new Rig()
  rig.do(own(0, 1, 1))
  assert.ok(rig.store.until(() => rig.store.log.flushedEndOffset === 1))
  const { device } = rig.store.machine
  device.faults.capacityBytes = device.usedBytes
  rig.do(own(1, 1, 1))
  assert.ok(rig.store.until(() => rig.store.failures === 1))
  // The log has said so itself, and whoever owns it passes it on.
  assert.deepEqual(rig.events, [])
  rig.store.turn(() => rig.actions.logFailed())
  rig.do(own(1, 1, 1), own(2, 1, 1))
  assert.deepEqual(rig.events, ['appendFailed 1'])
})
