import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storm } from './quorum-storm.js'

const SEEDS = 24

test('whatever befalls them, members have the same images and lose nothing that was acknowledged', () => {
  let acknowledged = 0
  let deaths = 0
  const seen = new Map<string, number>()
  for (let seed = 0; seed < SEEDS; seed++) {
    try {
      const rig = storm(seed)
      acknowledged += rig.acknowledged.size
      deaths += rig.members.reduce((sum, { starts }) => sum + starts - 1, 0)
      for (const [what, times] of rig.counts) seen.set(what, (seen.get(what) ?? 0) + times)
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).stack}`, { cause: error })
    }
  }
  assert.ok(acknowledged > SEEDS * 10, `${acknowledged} changes were acknowledged`)
  assert.ok(deaths > SEEDS, `${deaths} deaths`)
  assert.equal(seen.get('directory is offline'), undefined)
  const often = [
    'leads the quorum',
    'metadata log is cut back',
    'snapshot of the metadata taken',
    'metadata log begins anew behind a snapshot',
    'no room: appends are refused',
  ]
  for (const what of often) assert.ok((seen.get(what) ?? 0) > 3, `${what}: ${seen.get(what)} times`)
})
