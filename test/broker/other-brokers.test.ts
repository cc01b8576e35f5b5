/** Brokers on other nodes and their controller, over the simulated network. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, errorByCode } from '../../src/protocol/errors.js'
import { CONTROLLERS, ControllerWorld, topicOn, wantedTopic } from './other-broker.js'

const SEEDS = ['other-1', 'other-2', 'other-3']
const SESSION_MS = 9000

for (const seed of SEEDS) {
  test(`${seed}: a broker on another node registers, is used, and stays so as long as it is heard of`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    const { brokerEpoch, endpoints } = world.broker(2)!
    assert.equal(other.lifecycle!.brokerEpoch, brokerEpoch)
    assert.deepEqual([endpoints[0]!.host, endpoints[0]!.port], [other.address.host, 9092])
    world.pass(60_000)
    assert.equal(world.broker(2)!.brokerEpoch, brokerEpoch)
    assert.ok(world.images.filter(({ brokers }) => brokers.get(2)?.brokerEpoch === brokerEpoch).length > 0)
    assert.equal(world.broker(2)!.fenced, false)
  })

  test(`${seed}: a broker that was killed is fenced at once, long before its session ends`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    assert.equal(other.answer('CreateTopics', topicOn('t', 2, 1)).answer!.reply.topics[0]!.errorCode, ErrorCode.NONE)
    other.kill()
    const tookMs = world.until(() => world.broker(2)!.fenced, 'fenced', 1000)
    assert.ok(tookMs < 250, `${tookMs} ms`)
    const { leader, isr } = world.topic('t')!.partitions[0]!
    assert.deepEqual([leader, ...isr], [1, 1])
  })

  test(`${seed}: a broker that lost its connection and comes back is not fenced`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    const { brokerEpoch } = world.broker(2)!
    const seen = world.images.length
    for (let n = 0; n < 5; n++) {
      other.disconnect()
      world.pass(1000)
    }
    assert.equal(world.broker(2)!.brokerEpoch, brokerEpoch)
    assert.ok(world.images.slice(seen).every(({ brokers }) => brokers.get(2)!.fenced === false))
  })

  test(`${seed}: a broker that stands still behind a closed connection is fenced when it is not back in time`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    other.disconnect()
    other.machine.process!.pause(2000)
    const tookMs = world.until(() => world.broker(2)!.fenced, 'fenced', 1500)
    assert.ok(tookMs >= 250 && tookMs < 1000, `${tookMs} ms`)
    world.until(() => !world.broker(2)!.fenced, 'in use again when it goes on')
  })

  test(`${seed}: a broker that is silent behind an open connection is fenced when its session ends`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    world.pass(1000)
    other.machine.process!.pause(30_000)
    const tookMs = world.until(() => world.broker(2)!.fenced, 'fenced', 20_000)
    assert.ok(tookMs > SESSION_MS - 3000 && tookMs < SESSION_MS + 1000, `${tookMs} ms`)
  })

  test(`${seed}: another incarnation takes the place at once; a second broker of the same id from another disk has to wait`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    const { brokerEpoch, incarnationId } = world.broker(2)!
    const twin = world.other(2, { host: 'twin' }).start()
    world.pass(5000)
    assert.equal(twin.usable, false)
    assert.deepEqual([world.broker(2)!.brokerEpoch, world.broker(2)!.fenced], [brokerEpoch, false])
    twin.kill()
    other.kill()
    other.join()
    assert.ok(world.broker(2)!.brokerEpoch > brokerEpoch)
    assert.notEqual(world.broker(2)!.incarnationId, incarnationId)
    other.kill()
    twin.join()
    assert.equal(world.broker(2)!.endpoints[0]!.host, 'twin')
  })

  test(`${seed}: what a client asks another broker for is done by the controller for the one that asked, and the answer says up to where`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    const { answer } = other.answer('CreateTopics', wantedTopic('there', { numPartitions: 3, replicationFactor: 2 }))
    const [topic] = answer!.reply.topics
    assert.deepEqual([topic!.errorCode, topic!.numPartitions, topic!.replicationFactor], [0, 3, 2])
    world.until(() => world.topic('there') !== undefined, 'applied')
    assert.ok(answer!.endOffset > 0 && answer!.endOffset <= world.node.quorum!.endOffset)
    assert.match(world.node.flightRecord(), /User:alice/)
    const { leader, isr } = world.topic('there')!.partitions[1]!
    assert.ok(isr.length === 2 && isr.includes(leader))

    const again = other.answer('CreateTopics', wantedTopic('there')).answer!.reply.topics[0]!
    assert.equal(errorByCode(again.errorCode).name, 'TOPIC_ALREADY_EXISTS')
    const grown = { topics: [{ name: 'there', count: 5, assignments: null }], timeoutMs: 1000, validateOnly: false }
    assert.equal(other.answer('CreatePartitions', grown).answer!.reply.results[0]!.errorCode, 0)
    const configs = [{ name: 'retention.ms', configOperation: 0, value: '5000' }]
    const resources = [{ resourceType: 2, resourceName: 'there', configs }]
    assert.equal(
      other.answer('IncrementalAlterConfigs', { resources, validateOnly: false }).answer!.reply.responses[0]!.errorCode,
      0,
    )
    const ofOther = [
      {
        resourceType: 4,
        resourceName: '2',
        configs: [{ name: 'message.max.bytes', configOperation: 0, value: '9999' }],
      },
    ]
    assert.equal(
      other.answer('IncrementalAlterConfigs', { resources: ofOther, validateOnly: false }).answer!.reply.responses[0]!
        .errorCode,
      0,
    )
    const election = { electionType: 0, topicPartitions: null, timeoutMs: 1000 }
    assert.equal(other.answer('ElectLeaders', election).answer!.reply.errorCode, 0)
    const gone = { topics: [{ name: 'there', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }], topicNames: [], timeoutMs: 1000 }
    assert.equal(other.answer('DeleteTopics', gone).answer!.reply.responses[0]!.errorCode, 0)
    world.until(() => world.topic('there') === undefined, 'deleted')
    const ids = other.answer('AllocateProducerIds', { brokerId: 2, brokerEpoch: other.lifecycle!.brokerEpoch })
    assert.equal(ids.answer!.reply.errorCode, 0)
  })

  test(`${seed}: who leads a partition says who is in sync with it, and hears up to where that was decided; asked a second time it is of the past`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    other.answer('CreateTopics', topicOn('t', 2, 1))
    world.until(() => world.topic('t') !== undefined, 'the topic')
    const { topicId, partitions } = world.topic('t')!
    const { leaderEpoch, partitionEpoch } = partitions[0]!
    const { brokerEpoch } = other.lifecycle!
    const proposal = {
      partitionIndex: 0,
      leaderEpoch,
      partitionEpoch,
      leaderRecoveryState: 0,
      newIsr: [],
      newIsrWithEpochs: [{ brokerId: 2, brokerEpoch }],
      handsOver: false,
    }
    const request = { brokerId: 2, brokerEpoch, topics: [{ topicId, partitions: [proposal] }] }
    const { answer } = other.answer('AlterPartition', request)
    const [taken] = answer!.reply.topics[0]!.partitions
    assert.deepEqual([taken!.errorCode, taken!.isr, taken!.partitionEpoch], [0, [2], partitionEpoch + 1])
    assert.deepEqual(world.topic('t')!.partitions[0]!.isr, [2])
    assert.ok(answer!.endOffset > 0 && answer!.endOffset <= world.node.quorum!.endOffset)
    const [again] = other.answer('AlterPartition', request).answer!.reply.topics[0]!.partitions
    assert.equal(errorByCode(again!.errorCode).name, 'INVALID_UPDATE_VERSION')
    const stale = other.answer('AlterPartition', { ...request, brokerEpoch: brokerEpoch - 1 }).answer!.reply
    assert.equal(errorByCode(stale.errorCode).name, 'STALE_BROKER_EPOCH')
  })

  test(`${seed}: a hundred requests at once are all answered, each with its own`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    const asked = Array.from({ length: 300 }, (_, n) => other.ask('CreateTopics', wantedTopic(`t${n}`)))
    world.until(() => asked.every(({ ended }) => ended), 'all answers')
    for (const [n, { answer }] of asked.entries()) {
      assert.deepEqual([answer!.reply.topics[0]!.name, answer!.reply.topics[0]!.errorCode], [`t${n}`, 0])
    }
  })

  test(`${seed}: who knows no controller asks until there is one, or the time is up`, () => {
    const world = new ControllerWorld(seed)
    let address: { host: string; port: number } | undefined
    let epoch = 1
    const other = world.other(2, { leader: () => ({ nodeId: address === undefined ? -1 : 1, epoch, address }) }).start()
    const late = other.answer('CreateTopics', wantedTopic('late'), 700)
    assert.equal(late.answer, undefined)
    assert.ok(late.tookMs >= 700 && late.tookMs < 720, `${late.tookMs} ms`)
    const asked = other.ask('CreateTopics', wantedTopic('early'), 20_000)
    // First somebody who is gone.
    address = { host: 'nowhere', port: 1 }
    world.pass(1000)
    assert.equal(asked.ended, false)
    address = CONTROLLERS
    epoch = 2
    world.until(() => asked.ended, 'an answer', 1000)
    assert.equal(asked.answer!.reply.topics[0]!.errorCode, 0)
    assert.equal(world.topic('late'), undefined)
  })

  test(`${seed}: who has lost sight of the leader stays with the controller that answers`, () => {
    const world = new ControllerWorld(seed)
    let known = true
    const somewhere = { nodeId: 1, epoch: 1, address: CONTROLLERS }
    const nowhere = { nodeId: -1, epoch: 2, address: undefined }
    const other = world.other(2, { leader: () => (known ? somewhere : nowhere) }).join()
    const seen = world.images.length
    known = false
    other.machine.process!.begin(() => other.channel!.leaderChanged())
    assert.equal(other.answer('CreateTopics', wantedTopic('meanwhile')).answer!.reply.topics[0]!.errorCode, 0)
    world.pass(30_000)
    assert.ok(world.images.slice(seen).every(({ brokers }) => brokers.get(2)!.fenced === false))
  })

  test(`${seed}: what may have been done is not asked again for a client, and is for a broker`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    world.network.setLinks((from) => (from === 'node1' ? 'hold' : 'deliver'))
    const forClient = other.ask('CreateTopics', wantedTopic('once'))
    const forBroker = other.ask('AllocateProducerIds', { brokerId: 2, brokerEpoch: other.lifecycle!.brokerEpoch })
    world.until(() => world.topic('once') !== undefined, 'done without an answer')
    world.machine.crash()
    world.network.setLinks(() => 'deliver')
    world.until(() => forClient.ended, 'the client is told')
    assert.equal(forClient.answer, undefined)
    assert.equal(forBroker.ended, false)
    world.start()
    world.until(() => forBroker.ended, 'the answer of the controller that is back')
    assert.equal(forBroker.answer!.reply.errorCode, 0)
    world.until(() => world.serving && world.topic('once') !== undefined, 'it was done')
  })

  test(`${seed}: who stops hands its leaderships over first, and goes without being missed`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    other.answer('CreateTopics', topicOn('both', 2, 1))
    other.answer('CreateTopics', topicOn('own', 2))
    const state = other.stop()
    const tookMs = world.until(() => state.left, 'let go', 2500)
    assert.ok(tookMs < 1000, `${tookMs} ms`)
    world.until(() => world.broker(2)!.fenced, 'fenced')
    const [both, own] = ['both', 'own'].map((name) => world.topic(name)!.partitions[0]!)
    assert.deepEqual([both!.leader, both!.isr], [1, [1]])
    assert.deepEqual([own!.leader, own!.isr], [-1, [2]])
    assert.ok(world.images.some(({ brokers }) => brokers.get(2)?.inControlledShutdown && !brokers.get(2)!.fenced))
    other.kill()
    other.join()
    world.until(() => world.topic('own')!.partitions[0]!.leader === 2, 'it leads its own again')
  })

  test(`${seed}: who stops while no controller answers goes all the same, in time`, () => {
    const world = new ControllerWorld(seed)
    const other = world.other(2).join()
    world.machine.crash()
    const state = other.stop()
    const tookMs = world.until(() => state.left, 'gone', 5000)
    assert.ok(tookMs <= 3100, `${tookMs} ms`)
  })
}

test('an Envelope is taken only where controllers listen', () => {
  const world = new ControllerWorld('envelope')
  const other = world
    .other(2, { leader: () => ({ nodeId: 1, epoch: 1, address: { host: 'node1', port: 9092 } }) })
    .start()
  const asked = other.answer('CreateTopics', wantedTopic('no'), 2000)
  assert.equal(asked.answer, undefined)
  assert.equal(world.topic('no'), undefined)
})

for (const enabled of ['true', 'false']) {
  test(`controlled.shutdown.enable=${enabled} says whether a node that stops hands over what it leads`, () => {
    const world = new ControllerWorld('stopping', { 'controlled.shutdown.enable': enabled })
    const other = world.other(2).join()
    other.answer('CreateTopics', topicOn('t', 1, 2))
    world.until(() => world.topic('t')?.partitions[0]?.leader === 1, 'led by the node')
    world.machine.process!.begin(() => world.node.stop())
    world.until(() => world.machine.process?.alive !== true, 'stopped', 2500)
    const { leader, isr } = world.images.at(-1)!.topicsByName.get('t')!.partitions[0]!
    assert.deepEqual([leader, isr], enabled === 'true' ? [2, [2]] : [1, [1, 2]])
  })
}
