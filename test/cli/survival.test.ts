/** What a topic survives, in words: each setting changes what is said. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { survival, type TopicPromises } from '../../src/cli/survival.js'

const three: TopicPromises = {
  replicationFactor: 3,
  minInSync: 2,
  flushPolicy: 'commit',
  uncleanElection: false,
  cleanupPolicy: 'delete',
  retentionMs: 604_800_000,
  retentionBytes: -1,
}
const said = (changes: Partial<TopicPromises>): string => survival({ ...three, ...changes }).join(' ')

test('three replicas of which two must have it', () => {
  assert.match(said({}), /loss of power everywhere; any 1 of the disks it is on may be lost\./)
  assert.match(said({}), /With one broker of its 3 down it can be read, and written with acks=all\./)
  assert.match(said({}), /Records are kept for 7 days\./)
})

test('each setting changes what is said', () => {
  assert.match(said({ flushPolicy: 'os' }), /a loss of power on all replicas at once may take what was not flushed/)
  assert.match(
    said({ replicationFactor: 1, minInSync: 1 }),
    /lost with the one disk .* can neither be read nor written/,
  )
  assert.match(said({ minInSync: 3 }), /With no broker of its 3 down/)
  assert.match(said({ minInSync: 4 }), /Nothing can be written with acks=all: min.insync.replicas is 4/)
  assert.match(said({ minInSync: 1 }), /lost with the disk it is on if no other replica was in sync/)
  assert.match(said({ uncleanElection: true }), /acknowledged records may then be lost/)
  assert.match(said({ retentionMs: -1 }), /kept for ever\./)
  assert.match(
    said({ retentionMs: 90_000, retentionBytes: 1_073_741_824 }),
    /kept for 90 seconds and up to 1 GiB a partition\./,
  )
  assert.match(said({ cleanupPolicy: 'compact' }), /Of each key the last value is kept\./)
  assert.match(said({ cleanupPolicy: 'compact,delete' }), /last value is kept, and records are kept for 7 days\./)
})
