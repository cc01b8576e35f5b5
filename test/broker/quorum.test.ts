import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuorumRig } from './quorum-rig.js'

/** After a kill, as the others see it by the closed sessions. */
const LONGEST_TAKEOVER_MS = 1000

test('three elect one, and all get the same images', () => {
  const rig = new QuorumRig('elect').startAll()
  rig.until(() => rig.leader !== undefined, 'somebody leads')
  for (let n = 0; n < 20; n++) {
    rig.propose()
    rig.pass(5)
  }
  rig.converge()
  assert.equal(rig.acknowledged.size, 20)
})

test('an observer that knows nothing but addresses follows', () => {
  const rig = new QuorumRig('observer', { observers: 2 }).startAll()
  rig.until(() => rig.leader !== undefined, 'somebody leads')
  for (let n = 0; n < 5; n++) rig.propose()
  rig.converge()
  assert.ok(rig.leader!.id <= 3)
  const { voters, observers } = rig.leader!.quorum!.describe()
  assert.deepEqual(
    voters.map(({ id }) => id),
    [1, 2, 3],
  )
  assert.deepEqual(observers.map(({ id }) => id).sort(), [4, 5])
})

test('a leader that is killed is replaced within a second, and nothing committed is lost', () => {
  for (let seed = 0; seed < 10; seed++) {
    const rig = new QuorumRig(`takeover ${seed}`).startAll()
    rig.until(() => rig.isAtRest, 'at rest')
    for (let n = 0; n < 10; n++) {
      rig.propose()
      rig.pass(2)
    }
    rig.until(() => rig.acknowledged.size > 0, 'something is committed')
    const killed = rig.leader!
    rig.crash(killed, 'losePower')
    rig.until(() => rig.leader !== undefined, 'another leads', LONGEST_TAKEOVER_MS)
    const { size } = rig.acknowledged
    assert.ok(rig.propose())
    rig.until(() => rig.acknowledged.size > size, 'it commits', LONGEST_TAKEOVER_MS)
    rig.start(killed)
    rig.converge()
  }
})

test('all are started again, and go on where they were', () => {
  const rig = new QuorumRig('restart').startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  for (let n = 0; n < 10; n++) rig.propose()
  rig.converge()
  for (const member of rig.members) rig.crash(member, 'losePower')
  rig.startAll()
  rig.converge()
  assert.equal(rig.acknowledged.size, 10)
})
