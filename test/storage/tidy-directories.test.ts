/** Directories of partitions that are put aside when the node knows which partitions it has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { DATA, SimulatedStore, TOPIC_ID } from './simulated-store.js'

/** What stands in the data directory when it was said of the partition's topic that it has this id. */
function tidied(topicId: string | undefined): readonly string[] {
  const store = new SimulatedStore('tidied').reopened()
  store.turn(() => store.append(['a value']))
  assert.ok(store.until(() => store.log.flushedEndOffset === 1))
  assert.equal(store.stop(), 'clean')
  assert.ok(store.start())
  store.turn(() => store.running!.manager.tidy(() => topicId))
  const directory = store.machine.device.find(DATA)
  assert.ok(directory instanceof SimulatedDirectory)
  return directory.names.filter((name) => name.startsWith('t-0'))
}

test('the directory of a partition that is known stays', () => {
  assert.deepEqual(tidied(TOPIC_ID), ['t-0'])
})

test('that of one that nobody knows is put aside, and so is that of another topic of the same name', () => {
  for (const topicId of [undefined, 'AAAAAAAAAAAAAAAAAAAAAQ']) {
    const names = tidied(topicId)
    assert.equal(names.length, 1)
    assert.match(names[0]!, /^t-0\..+-stray$/, String(topicId))
  }
})
