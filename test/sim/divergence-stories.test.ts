/**
 * Replicas that differ in what is committed although every checksum is right: nobody notices by looking at one of them. They are compared; it is an alarm, and what
 * differs from the majority is fetched again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchView } from '../../src/records/batch.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { LAG_MS, ReplicationStory, type StoryShape } from './replication-rig.js'

const INTERVAL_MS = 2000
const VALUES = ['right 0', 'right 1', 'right 2', 'right 3', 'right 4']
const WORLDS = 3

/** Some records, one in a batch, that all have and that were compared once. */
function stored(seed: number, shape: StoryShape = {}): ReplicationStory {
  const settings = { 'replica.digest.interval.ms': String(INTERVAL_MS), ...shape.settings }
  const story = new ReplicationStory(seed, { ...shape, settings })
  for (const value of VALUES) story.write(value)
  story.untilInSync(...story.replicas)
  const bytesOfAll = story.replica(story.replicas[0]!).log.sizeBytes
  story.soon('all was compared', () => comparisons(story, story.replicas[0]!).comparedBytes >= bytesOfAll)
  assert.equal(alarms(story), 0)
  return story
}

const comparisons = (story: ReplicationStory, id: number) => story.node(id).node!.broker!.comparisons

function alarms(story: ReplicationStory): number {
  return story.brokers.reduce((sum, { node }) => sum + (node?.broker?.comparisons.alarms ?? 0), 0)
}

/** On this broker, and nowhere else, another record stands at this offset, with a checksum that is right. */
function tamper(story: ReplicationStory, id: number, offset: number): void {
  story.invariants.replicas.tamper(story.topicId, 0, true)
  const path = `${story.replica(id).log.directory}/00000000000000000000.log`
  const file = story.node(id).machine.find(path)
  assert.ok(file instanceof SimulatedFile)
  const { content } = file
  let batch = new BatchView().reset(content, 0)
  while (batch.baseOffset < offset) batch = new BatchView().reset(content, batch.end)
  const at = content.indexOf('right', batch.recordsStart)
  assert.ok(at < batch.end)
  content.write('wrong', at)
  const crc = batch.computeCrc()
  content.writeUInt32BE(crc, batch.start + 17)
  assert.equal(new BatchView().reset(content, batch.start).crc, crc)
  assert.equal(story.recordsOn(id).get(offset), `wrong ${offset}`)
}

/** Every replica has just what was written, and consumers see it; no more than this was noticed. */
function allIsRight(story: ReplicationStory, expected: readonly string[]): void {
  story.untilInSync(...story.replicas)
  story.soon('all have it', () => story.replicas.every((id) => story.valuesOn(id).length >= expected.length))
  story.invariants.replicas.tamper(story.topicId, 0, false)
  for (const id of story.replicas) assert.deepEqual(story.valuesOn(id), expected, `on ${id}`)
  assert.deepEqual(story.consume(story.state.leader).values, expected)
  const before = alarms(story)
  story.pass(3 * INTERVAL_MS)
  assert.equal(alarms(story), before, 'and it stays quiet')
  story.heal()
}

test('a follower that has something else is found, taken out of sync, and gets what the others have; meanwhile all goes on', () => {
  for (let seed = 1; seed <= WORLDS; seed++) {
    const story = stored(seed, { topic: { 'min.insync.replicas': '2' } })
    tamper(story, 2, 1)
    const { leaderEpoch } = story.state
    story.soon('an alarm', () => alarms(story) === 1)
    assert.equal(comparisons(story, 1).differing, 1)
    story.soon('it is out of sync', () => story.inSync(1, 3))
    story.write('right 5')
    story.soon('it is fetched again', () => story.node(2).node!.broker!.rebuilds.rebuilt === 1)
    allIsRight(story, [...VALUES, 'right 5'])
    assert.deepEqual([story.state.leader, story.state.leaderEpoch], [1, leaderEpoch], 'nobody else had to lead')
    assert.equal(comparisons(story, 1).differing, 0)
  }
})

test('a leader that has something else gives the lead to one of those that agree, and fetches again what they have', () => {
  for (let seed = 1; seed <= WORLDS; seed++) {
    const story = stored(seed, { elr: seed === 2, topic: { 'min.insync.replicas': '2' } })
    tamper(story, 1, 2)
    assert.ok(story.consume(1).values.includes('wrong 2'), 'nobody sees it by looking at one replica')
    story.soon('another leads', () => story.state.leader === 2)
    assert.equal(story.controller.node!.broker, undefined)
    story.write('right 5')
    story.soon('it is fetched again', () => story.valuesOn(1)[2] === 'right 2')
    allIsRight(story, [...VALUES, 'right 5'])
    story.electPreferred()
    assert.deepEqual(story.consume(1).values, [...VALUES, 'right 5'])
  }
})

test('of two replicas nobody knows which is right: an alarm, again and again, and nothing else', () => {
  for (const id of [1, 2]) {
    const story = stored(id, { replicas: [1, 2] })
    tamper(story, id, 3)
    const { leaderEpoch, partitionEpoch } = story.state
    story.soon('an alarm', () => alarms(story) === 1)
    story.write('right 5')
    story.soon('another', () => alarms(story) === 3)
    assert.equal(comparisons(story, 1).differing, 1)
    assert.deepEqual([story.state.leaderEpoch, story.state.partitionEpoch], [leaderEpoch, partitionEpoch])
    assert.equal(story.valuesOn(id)[3], 'wrong 3')
    assert.equal(story.valuesOn(3 - id)[3], 'right 3')
  }
})

test('of three replicas of which one is away, two that differ are an alarm; when it is back it decides', () => {
  const story = stored(1)
  story.crash(3)
  story.soon('it is out of sync', () => story.inSync(1, 2))
  tamper(story, 1, 0)
  story.soon('an alarm', () => alarms(story) >= 1)
  story.pass(2 * INTERVAL_MS)
  assert.equal(story.state.leader, 1)
  story.start(3)
  story.soon('another leads', () => story.state.leader > 1)
  story.soon('it is fetched again', () => story.valuesOn(1)[0] === 'right 0')
  allIsRight(story, VALUES)
})

test('who cannot be spared stays in sync until others are: with min.insync.replicas of all replicas there is an alarm', () => {
  const story = stored(1, { topic: { 'min.insync.replicas': '3' } })
  tamper(story, 2, 1)
  story.soon('alarms', () => alarms(story) === 2)
  assert.ok(story.inSync(1, 2, 3))
  story.write('right 5')
  assert.equal(story.valuesOn(2)[1], 'wrong 1')
})

test('a crash of who is fetched again, or of its leader, ends it; it is found once more', () => {
  for (let seed = 1; seed <= 2 * WORLDS; seed++) {
    const story = stored(seed)
    tamper(story, 2, 1)
    story.soon('it is out of sync', () => story.inSync(1, 3))
    const victim = seed % 2 === 0 ? 2 : 1
    story.losePower(victim)
    story.pass(LAG_MS)
    story.start(victim)
    story.soon('it is fetched again', () => story.valuesOn(2)[1] === 'right 1')
    allIsRight(story, VALUES)
  }
})

test('a topic that is compacted from now on is not compared any more: its replicas may differ lawfully', () => {
  const story = stored(1)
  const configs = [{ name: 'cleanup.policy', configOperation: 0, value: 'compact' }]
  const resources = [{ resourceType: 2, resourceName: 'story', configs }]
  const reply = story.ask('IncrementalAlterConfigs', { resources, validateOnly: false })
  assert.equal(reply.responses[0]!.errorCode, 0)
  const isKnown = (id: number): boolean => story.replica(id).settings['cleanup.policy'].has('compact')
  story.soon('all know it', () => story.replicas.every(isKnown))
  tamper(story, 2, 1)
  const { comparedBytes } = comparisons(story, 1)
  story.pass(5 * INTERVAL_MS)
  assert.deepEqual([comparisons(story, 1).comparedBytes, alarms(story)], [comparedBytes, 0])
})

test('an alarm where nobody has changed anything is a failure of the run', () => {
  const story = stored(1)
  comparisons(story, 1).alarms++
  assert.throws(() => story.pass(3 * INTERVAL_MS), /says that replicas differ, and nobody has changed them/)
})
