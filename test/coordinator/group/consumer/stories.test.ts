/** Stories of consumer groups (KIP-848): members that come, go, are late, change what they want; topics that change; what is refused. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commit, errorOf, fetchOffsets } from '../rig.js'
import {
  addTopic,
  ask,
  CAUSE,
  checkGroup,
  GROUP,
  groupOf,
  growTopic,
  imageOf,
  joining,
  Member,
  modernRig,
  removeTopic,
  settle,
  shown,
  topicId,
} from './modern-rig.js'

describe('consumer groups: joining and leaving', () => {
  it('the first member gets everything, and is told how often to say that it is there', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 3)
    const answer = ask(rig, joining('a', ['orders']))
    assert.equal(errorOf(answer), 'NONE')
    assert.equal(answer.memberEpoch, 1)
    assert.equal(answer.heartbeatIntervalMs, 5000)
    assert.equal(shown(answer.assignment), 'orders-0 orders-1 orders-2')
    assert.equal(groupOf(rig.shard).state, 'Stable')
  })

  it('the assignment is told when it is new, or when everything was asked, and else not', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    ask(rig, joining('a', ['orders']))
    const beat = { memberId: 'a', memberEpoch: 1 }
    assert.equal(ask(rig, beat).assignment, null)
    const owned = [{ topicId: topicId('orders'), partitions: [0] }]
    assert.equal(ask(rig, { ...beat, topicPartitions: owned }).assignment, null)
    const all = ask(rig, joining('a', ['orders'], { memberEpoch: 1, topicPartitions: owned }))
    assert.equal(shown(all.assignment), 'orders-0')
  })

  it('before version 1 the coordinator gives the id', () => {
    const rig = modernRig()
    const answer = ask(rig, joining('', ['orders']), 0)
    assert.match(answer.memberId!, /^[\w-]{22}$/)
    assert.equal(errorOf(ask(rig, { memberId: answer.memberId!, memberEpoch: 1 })), 'NONE')
  })

  it('a second member gets its half when the first has given it back, and not before', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const [a, b] = [new Member(rig, 'a', { topics: ['orders'] }), new Member(rig, 'b', { topics: ['orders'] })]
    a.beat()
    b.send()
    b.hear()
    assert.equal(shown(b.owned), '')
    assert.equal(b.epoch, 2)
    assert.equal(groupOf(rig.shard).members.get('b')!.state, 'unreleased partitions')
    // The first is told, and is slow.
    a.send()
    a.hear()
    assert.equal(a.epoch, 1)
    assert.equal(shown(a.target!), 'orders-0 orders-1')
    assert.equal(groupOf(rig.shard).members.get('a')!.state, 'unrevoked partitions')
    assert.equal(b.beat(), '')
    assert.equal(groupOf(rig.shard).state, 'Reconciling')
    a.reconcile()
    a.beat()
    assert.equal(a.epoch, 2)
    assert.equal(b.beat(), 'orders-2 orders-3')
    assert.equal(groupOf(rig.shard).state, 'Stable')
    checkGroup(rig, groupOf(rig.shard))
  })

  it('who waits for what others have is to come again soon, and later and later if they are slow', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const a = new Member(rig, 'a', { topics: ['orders'] })
    a.beat()
    const beat = (memberEpoch: number) => ask(rig, { memberId: 'b', memberEpoch })
    const intervals = [ask(rig, joining('b', ['orders'])).heartbeatIntervalMs]
    a.send()
    a.hear()
    for (let waitedMs = 0; waitedMs < 30_000; waitedMs += intervals.at(-1)!) {
      rig.advance(intervals.at(-1)!)
      intervals.push(beat(2).heartbeatIntervalMs)
    }
    assert.deepEqual(intervals, [1000, 1000, 1000, 1000, 1000, 1250, 1562, 1953, 2441, 3051, 3814, 4767, 5000, 5000])
    a.reconcile()
    assert.equal(a.beat(), 'orders-0 orders-1')
    const answer = beat(2)
    assert.deepEqual([shown(answer.assignment), answer.heartbeatIntervalMs], ['orders-2 orders-3', 5000])
    // The next wait is another one.
    ask(rig, joining('c', ['orders']))
    const third = beat(2)
    assert.deepEqual([shown(third.assignment), third.heartbeatIntervalMs], ['orders-2', 5000])
    assert.equal(ask(rig, { memberId: 'c', memberEpoch: 3 }).heartbeatIntervalMs, 1000)
  })

  it('who leaves is gone at once, and the rest gets what it had', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    const members = ['a', 'b'].map((id) => new Member(rig, id, { topics: ['orders'] }))
    for (const member of members) member.beat()
    settle(rig, members)
    const left = members[0]!.leave()
    assert.deepEqual([left.memberId, left.memberEpoch], ['a', -1])
    assert.equal(groupOf(rig.shard).state, 'Assigning')
    assert.equal(members[1]!.beat(), 'orders-0 orders-1')
  })

  it('the last one leaves: the group is empty, keeps its offsets, and can be deleted', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    const member = new Member(rig, 'a', { topics: ['orders'] })
    member.beat()
    assert.deepEqual(commit(rig, 'orders', { 0: 7 }, { memberId: 'a', generation: 1 }), ['NONE'])
    const refused = rig.ask('DeleteGroups', 2, { groupsNames: [GROUP] })
    assert.equal(errorOf(refused.results[0]!), 'NON_EMPTY_GROUP')
    member.leave()
    assert.equal(groupOf(rig.shard).state, 'Empty')
    assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 7 } })
    assert.equal(errorOf(rig.ask('DeleteGroups', 2, { groupsNames: [GROUP] }).results[0]!), 'NONE')
    assert.equal([...rig.shard.groups].length, 0)
    rig.move()
    assert.equal([...rig.shard.groups].length, 0)
  })

  it('who is not heard of for its session is put out, and what it had goes to the others', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    const [a, b] = [new Member(rig, 'a', { topics: ['orders'] }), new Member(rig, 'b', { topics: ['orders'] })]
    a.beat()
    b.beat()
    settle(rig, [a, b])
    for (let i = 0; i < 8; i++) {
      rig.advance(5000)
      b.beat()
    }
    assert.deepEqual([...groupOf(rig.shard).members.keys()], ['a', 'b'])
    rig.advance(5001)
    assert.deepEqual([...groupOf(rig.shard).members.keys()], ['b'])
    assert.equal(b.beat(), 'orders-0 orders-1')
    a.beat()
    assert.equal(a.lastError, 'UNKNOWN_MEMBER_ID')
    assert.equal(a.epoch, 0)
  })

  it('several that are late go together', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 3)
    const members = ['a', 'b', 'c'].map((id) => new Member(rig, id, { topics: ['orders'] }))
    for (const member of members) member.beat()
    const { epoch } = groupOf(rig.shard)
    rig.advance(50_000)
    assert.equal(groupOf(rig.shard).isEmpty, true)
    assert.equal(groupOf(rig.shard).epoch, epoch + 1)
  })

  it('who does not give back within its rebalance timeout is put out, though it is heard of', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    const a = new Member(rig, 'a', { topics: ['orders'], rebalanceTimeoutMs: 20_000 })
    const b = new Member(rig, 'b', { topics: ['orders'] })
    a.beat()
    b.beat()
    for (let i = 0; i < 5; i++) {
      a.send()
      a.hear()
      b.beat()
      rig.advance(4999)
    }
    assert.deepEqual([...groupOf(rig.shard).members.keys()], ['b'])
    assert.equal(b.beat(), 'orders-0 orders-1')
  })

  it('after a move sessions begin anew, and members go on where they were', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const members = ['a', 'b'].map((id) => new Member(rig, id, { topics: ['orders'] }))
    for (const member of members) member.beat()
    settle(rig, members)
    const before = imageOf(groupOf(rig.shard))
    rig.advance(40_000)
    rig.move()
    assert.deepEqual(imageOf(groupOf(rig.shard)), before)
    rig.advance(40_000)
    for (const member of members) assert.notEqual(member.beat(), '')
    assert.deepEqual(imageOf(groupOf(rig.shard)), before)
    rig.advance(46_000)
    assert.equal(groupOf(rig.shard).isEmpty, true)
  })

  it('a group that was refused by the partition is not there', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    assert.equal(errorOf(ask(rig, joining('a', ['orders']))), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal([...rig.shard.groups].length, 0)
    rig.advance(100_000)
    assert.equal(ask(rig, joining('a', ['orders'])).memberEpoch, 1)
  })

  it('who is late while the partition refuses everything is looked at again', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    ask(rig, joining('a', ['orders']))
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    rig.advance(45_000)
    assert.equal(groupOf(rig.shard).memberCount, 1)
    rig.advance(1000)
    assert.equal(groupOf(rig.shard).memberCount, 0)
  })
})

describe('consumer groups: what is refused', () => {
  // biome-ignore format: a table
  const INVALID: [what: string, fields: Parameters<typeof ask>[1], error: string, version?: number][] = [
    ['no group', joining('a', ['t'], { groupId: '' }), 'INVALID_REQUEST'],
    ['no member id', joining('', ['t']), 'INVALID_REQUEST'],
    ['no member id, before members chose it, of one that is there', { memberId: '', memberEpoch: 1 }, 'INVALID_REQUEST', 0],
    ['an empty instance id', joining('a', ['t'], { instanceId: '' }), 'INVALID_REQUEST'],
    ['an empty rack', joining('a', ['t'], { rackId: ' ' }), 'INVALID_REQUEST'],
    ['no rebalance timeout', joining('a', ['t'], { rebalanceTimeoutMs: -1 }), 'INVALID_REQUEST'],
    ['partitions of who joins', joining('a', ['t'], { topicPartitions: [{ topicId: topicId('t'), partitions: [0] }] }), 'INVALID_REQUEST'],
    ['nothing about what it has', joining('a', ['t'], { topicPartitions: null }), 'INVALID_REQUEST'],
    ['nothing about what it wants', joining('a', null), 'INVALID_REQUEST'],
    ['a static leave without an instance', { memberId: 'a', memberEpoch: -2 }, 'INVALID_REQUEST'],
    ['an epoch that means nothing', { memberId: 'a', memberEpoch: -3 }, 'INVALID_REQUEST'],
    ['an assignor that is not known', joining('a', ['t'], { serverAssignor: 'sticky' }), 'UNSUPPORTED_ASSIGNOR'],
    ['an expression that is none', joining('a', null, { subscribedTopicRegex: '(' }), 'INVALID_REGULAR_EXPRESSION'],
    ['a group that is not there', { memberId: 'a', memberEpoch: 1 }, 'GROUP_ID_NOT_FOUND'],
    ['leaving a group that is not there', { memberId: 'a', memberEpoch: -1 }, 'GROUP_ID_NOT_FOUND'],
  ]
  for (const [what, fields, error, version] of INVALID) {
    it(`${what}: ${error}`, () => {
      const rig = modernRig()
      const answer = ask(rig, fields, version)
      assert.equal(errorOf(answer), error)
      assert.ok(answer.errorMessage)
      assert.equal(rig.log.length, 0)
      assert.equal([...rig.shard.groups].length, 0)
    })
  }

  it('the epoch of a member is its own; with the one before it comes if it has nothing that it should not', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    ask(rig, joining('a', ['orders']))
    growTopic(rig, 'orders', 1)
    assert.equal(ask(rig, { memberId: 'a', memberEpoch: 1 }).memberEpoch, 2)
    const owns = (...partitions: number[]) => [{ topicId: topicId('orders'), partitions }]
    assert.equal(errorOf(ask(rig, { memberId: 'a', memberEpoch: 3 })), 'FENCED_MEMBER_EPOCH')
    assert.equal(errorOf(ask(rig, { memberId: 'a', memberEpoch: 1 })), 'FENCED_MEMBER_EPOCH')
    assert.equal(errorOf(ask(rig, { memberId: 'a', memberEpoch: 1, topicPartitions: owns(7) })), 'FENCED_MEMBER_EPOCH')
    assert.equal(errorOf(ask(rig, { memberId: 'a', memberEpoch: 1, topicPartitions: owns(0, 1) })), 'NONE')
    assert.equal(errorOf(ask(rig, { memberId: 'b', memberEpoch: 2 })), 'UNKNOWN_MEMBER_ID')
    // Who was fenced joins again under its id.
    assert.equal(shown(ask(rig, joining('a', ['orders'])).assignment), 'orders-0 orders-1 orders-2')
  })

  it('a group that is full takes nobody more', () => {
    const rig = modernRig({ settings: { 'group.consumer.max.size': 1 } })
    ask(rig, joining('a', ['orders']))
    assert.equal(errorOf(ask(rig, joining('b', ['orders']))), 'GROUP_MAX_SIZE_REACHED')
    assert.equal(errorOf(ask(rig, { memberId: 'a', memberEpoch: 1 })), 'NONE')
  })

  it('offsets are committed and told with the epoch of the member, and by nobody else', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    ask(rig, joining('a', ['orders']))
    growTopic(rig, 'orders', 1)
    ask(rig, { memberId: 'a', memberEpoch: 1 })
    const tries = [
      [{ memberId: 'a', generation: 1 }, 'STALE_MEMBER_EPOCH'],
      [{ memberId: 'a', generation: 3 }, 'STALE_MEMBER_EPOCH'],
      [{ memberId: 'b', generation: 2 }, 'UNKNOWN_MEMBER_ID'],
      [{ generation: -1 }, 'UNKNOWN_MEMBER_ID'],
      [{ memberId: 'a', generation: 2, version: 8 }, 'UNSUPPORTED_VERSION'],
      [{ memberId: 'a', generation: 2 }, 'NONE'],
    ] as const
    for (const [claim, error] of tries) assert.deepEqual(commit(rig, 'orders', { 0: 1 }, claim), [error])
    const fetch = (memberId: string | null, memberEpoch: number) =>
      errorOf(
        rig.ask('OffsetFetch', 9, {
          groupId: '',
          topics: null,
          groups: [{ groupId: GROUP, memberId, memberEpoch, topics: null }],
          requireStable: false,
        }).groups![0]! as { errorCode: number },
      )
    assert.equal(fetch('a', 2), 'NONE')
    assert.equal(fetch('a', 1), 'STALE_MEMBER_EPOCH')
    assert.equal(fetch('b', 2), 'UNKNOWN_MEMBER_ID')
    assert.equal(fetch(null, -1), 'NONE')
  })
})

describe('consumer groups: static members', () => {
  function two() {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const one = new Member(rig, 'a', { topics: ['orders'], instance: 'i1' })
    const other = new Member(rig, 'b', { topics: ['orders'], instance: 'i2' })
    one.beat()
    other.beat()
    settle(rig, [one, other])
    return { rig, one, other }
  }

  it('who goes for a while gets the same again under another id, and nobody else notices', () => {
    const { rig, one, other } = two()
    const had = shown(one.owned)
    const { epoch } = groupOf(rig.shard)
    assert.equal(one.leave(-2).memberEpoch, -2)
    other.beat()
    assert.equal(groupOf(rig.shard).epoch, epoch)
    const again = new Member(rig, 'c', { topics: ['orders'], instance: 'i1' })
    assert.equal(again.beat(), had)
    assert.equal(again.epoch, epoch)
    assert.equal(groupOf(rig.shard).epoch, epoch)
    assert.equal(groupOf(rig.shard).state, 'Stable')
    assert.deepEqual(
      groupOf(rig.shard).staticMembers,
      new Map([
        ['i2', 'b'],
        ['i1', 'c'],
      ]),
    )
    checkGroup(rig, groupOf(rig.shard))
    rig.move()
    checkGroup(rig, groupOf(rig.shard))
  })

  it('also under the same id', () => {
    const { rig, one } = two()
    const had = shown(one.owned)
    one.leave(-2)
    assert.equal(one.beat(), had)
    assert.equal(groupOf(rig.shard).state, 'Stable')
  })

  it('who does not come back within its session is put out', () => {
    const { rig, one, other } = two()
    one.leave(-2)
    for (let i = 0; i < 10; i++) {
      rig.advance(5000)
      other.beat()
    }
    assert.deepEqual([...groupOf(rig.shard).members.keys()], ['b'])
    assert.equal(shown(other.owned), 'orders-0 orders-1 orders-2 orders-3')
  })

  it('an instance that is there is not taken over; who says to be it is fenced', () => {
    const { rig } = two()
    assert.equal(errorOf(ask(rig, joining('c', ['orders'], { instanceId: 'i1' }))), 'UNRELEASED_INSTANCE_ID')
    assert.equal(errorOf(ask(rig, { memberId: 'c', memberEpoch: 2, instanceId: 'i1' })), 'FENCED_INSTANCE_ID')
    assert.equal(errorOf(ask(rig, { memberId: 'c', memberEpoch: -2, instanceId: 'i1' })), 'FENCED_INSTANCE_ID')
    assert.equal(errorOf(ask(rig, { memberId: 'c', memberEpoch: 2, instanceId: 'i3' })), 'UNKNOWN_MEMBER_ID')
  })

  it('who leaves for good is gone', () => {
    const { rig, one, other } = two()
    assert.equal(one.leave(-1).memberEpoch, -1)
    assert.equal(groupOf(rig.shard).staticMembers.has('i1'), false)
    assert.equal(other.beat(), 'orders-0 orders-1 orders-2 orders-3')
  })
})

describe('consumer groups: topics', () => {
  it('a topic that grows, comes or goes is one rebalance, when a member is next heard of', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    const member = new Member(rig, 'a', { topics: ['orders', 'bills'] })
    assert.equal(member.beat(), 'orders-0')
    growTopic(rig, 'orders', 1)
    addTopic(rig, 'bills', 1)
    assert.equal(groupOf(rig.shard).epoch, 1)
    assert.equal(member.beat(), 'bills-0 orders-0 orders-1')
    assert.equal(groupOf(rig.shard).epoch, 2)
    removeTopic(rig, 'orders')
    assert.equal(member.beat(), 'bills-0')
    member.beat()
    assert.equal(groupOf(rig.shard).epoch, 3)
    assert.equal(groupOf(rig.shard).state, 'Stable')
  })

  it('other topics are nothing to it, nor is that a broker is lost; another rack is', () => {
    const rig = modernRig()
    const broker = (brokerId: number, rack: string) =>
      rig.changeMetadata((delta, offset) =>
        delta.replay(
          {
            type: 'registerBroker',
            brokerId,
            incarnationId: topicId('i'),
            brokerEpoch: offset(),
            endpoints: [],
            features: [],
            rack,
            logDirs: [],
            fenced: false,
            inControlledShutdown: false,
            cause: CAUSE,
          },
          offset(),
        ),
      )
    broker(1, 'east')
    broker(2, 'west')
    addTopic(rig, 'orders', 2, [1, 2])
    const member = new Member(rig, 'a', { topics: ['orders'] })
    member.beat()
    addTopic(rig, 'bills', 1)
    rig.changeMetadata((delta, offset) => {
      const { brokerEpoch } = rig.image.brokers.get(1)!
      const cause = CAUSE
      delta.replay({ type: 'brokerRegistrationChange', brokerId: 1, brokerEpoch, fenced: true, cause }, offset())
      delta.replay(
        { type: 'partitionChange', topicId: topicId('orders'), partitionId: 0, leader: 2, isr: [2], cause },
        offset(),
      )
    })
    member.beat()
    assert.equal(groupOf(rig.shard).epoch, 1)
    broker(2, 'north')
    member.beat()
    assert.equal(groupOf(rig.shard).epoch, 2)
  })

  it('a rebalance that the partition refuses is made with the next heartbeat', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    addTopic(rig, 'bills', 1)
    const [a, b] = [new Member(rig, 'a', { topics: ['orders'] }), new Member(rig, 'b', { expression: 'b.*' })]
    a.beat()
    b.beat()
    settle(rig, [a, b])
    growTopic(rig, 'orders', 1)
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    assert.equal(a.beat(), 'orders-0')
    assert.equal(a.lastError, 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(a.beat(), 'orders-0 orders-1')
    addTopic(rig, 'boxes', 1)
    rig.advance(11_000)
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    assert.equal(b.beat(), 'bills-0')
    assert.equal(b.beat(), 'bills-0', 'expressions are not resolved again at once')
    rig.advance(10_000)
    assert.equal(b.beat(), 'bills-0 boxes-0')
  })

  it('a member that changes what it wants gives back what it does not want any more', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    addTopic(rig, 'bills', 1)
    const member = new Member(rig, 'a', { topics: ['orders'] })
    member.beat()
    member.want({ topics: ['bills'] })
    settle(rig, [member])
    assert.equal(shown(member.owned), 'bills-0')
    assert.equal(groupOf(rig.shard).state, 'Stable')
  })

  it('the assignor that most want is taken', () => {
    const rig = modernRig()
    for (const name of ['t1', 't2']) addTopic(rig, name, 2)
    const members = ['a', 'b'].map((id) => new Member(rig, id, { topics: ['t1', 't2'], assignor: 'range' }))
    for (const member of members) member.beat()
    settle(rig, members)
    assert.deepEqual(
      members.map(({ owned }) => shown(owned)),
      ['t1-0 t2-0', 't1-1 t2-1'],
    )
    const { groups } = rig.ask('ConsumerGroupDescribe', 1, { groupIds: [GROUP], includeAuthorizedOperations: false })
    assert.equal(groups[0]!.assignorName, 'range')
  })
})

describe('consumer groups: regular expressions', () => {
  it('stand for the topics that match wholly, also those that come later', () => {
    const rig = modernRig()
    for (const name of ['orders-eu', 'orders-us', 'my-orders-eu']) addTopic(rig, name, 1)
    const member = new Member(rig, 'a', { expression: 'orders-(eu|us|asia)' })
    assert.equal(member.beat(), 'orders-eu-0 orders-us-0')
    addTopic(rig, 'orders-asia', 1)
    addTopic(rig, 'orders-mars', 1)
    assert.equal(member.beat(), 'orders-eu-0 orders-us-0')
    rig.advance(10_000)
    assert.equal(member.beat(), 'orders-asia-0 orders-eu-0 orders-us-0')
    removeTopic(rig, 'orders-eu')
    settle(rig, [member])
    assert.equal(shown(member.owned), 'orders-asia-0 orders-us-0')
    assert.equal(groupOf(rig.shard).state, 'Stable')
  })

  it('stand in the log, and after a move they are there', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    const member = new Member(rig, 'a', { expression: 'o.*' })
    member.beat()
    rig.move()
    assert.deepEqual([...groupOf(rig.shard).expressions.get('o.*')!.topics], ['orders'])
    const { epoch } = groupOf(rig.shard)
    assert.equal(member.beat(), 'orders-0')
    assert.equal(groupOf(rig.shard).epoch, epoch)
  })

  it('that take too long for all topics are refused; it is known before anything is changed', () => {
    const rig = modernRig()
    rig.changeMetadata((delta, offset) => {
      for (let i = 0; i < 200; i++) {
        const name = `${'a'.repeat(200)}${i}`
        delta.replay({ type: 'topic', topicId: topicId(`t${i}`), name }, offset())
      }
    })
    const answer = ask(rig, joining('a', null, { subscribedTopicRegex: '(a?){900}b' }))
    assert.equal(errorOf(answer), 'INVALID_REGULAR_EXPRESSION')
    assert.equal(rig.log.length, 0)
    assert.equal(errorOf(ask(rig, joining('a', null, { subscribedTopicRegex: '(a|a)*b' }))), 'NONE')
  })

  it('are gone when nobody wants them any more', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    const [a, b] = [new Member(rig, 'a', { expression: 'o.*' }), new Member(rig, 'b', { expression: 'o.*' })]
    a.beat()
    b.beat()
    settle(rig, [a, b])
    a.leave()
    assert.equal(groupOf(rig.shard).expressions.size, 1)
    b.want({ topics: ['orders'], expression: '' })
    assert.equal(b.beat(), 'orders-0 orders-1')
    assert.equal(groupOf(rig.shard).expressions.size, 0)
    rig.move()
    assert.equal(groupOf(rig.shard).expressions.size, 0)
  })

  it('of members who want the same by name and by expression', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    const members = [new Member(rig, 'a', { topics: ['orders'] }), new Member(rig, 'b', { expression: '(?i)ORDERS' })]
    for (const member of members) member.beat()
    settle(rig, members)
    assert.deepEqual(
      members.map(({ owned }) => [...owned.values()].map(({ size }) => size)),
      [[1], [1]],
    )
  })
})

describe('consumer groups: what is shown', () => {
  it('ConsumerGroupDescribe tells members, what they have and are to have', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 2)
    const [a, b] = [
      new Member(rig, 'a', { topics: ['orders'] }),
      new Member(rig, 'b', { topics: ['orders'], instance: 'i' }),
    ]
    a.beat()
    b.beat()
    const { groups } = rig.ask('ConsumerGroupDescribe', 1, {
      groupIds: [GROUP, 'none'],
      includeAuthorizedOperations: false,
    })
    const [group, none] = groups
    assert.equal(errorOf(none!), 'GROUP_ID_NOT_FOUND')
    assert.deepEqual(
      [group!.groupState, group!.groupEpoch, group!.assignmentEpoch, group!.assignorName],
      ['Reconciling', 2, 2, 'uniform'],
    )
    const [first, second] = group!.members
    assert.deepEqual(first!.assignment.topicPartitions, [
      { topicId: topicId('orders'), topicName: 'orders', partitions: [0, 1] },
    ])
    assert.deepEqual(first!.targetAssignment.topicPartitions[0]!.partitions, [0])
    assert.deepEqual([second!.memberEpoch, second!.instanceId, second!.memberType], [2, 'i', 1])
    assert.deepEqual(second!.assignment.topicPartitions, [])
  })

  it('ListGroups tells type and state; DescribeGroups knows no consumer groups', () => {
    const rig = modernRig()
    ask(rig, joining('a', ['orders']))
    const list = (typesFilter: string[]) => rig.ask('ListGroups', 5, { statesFilter: [], typesFilter }).groups
    const shownGroup = { groupId: GROUP, protocolType: 'consumer', groupState: 'Stable', groupType: 'consumer' }
    assert.deepEqual(list(['Consumer']), [shownGroup])
    assert.deepEqual(list(['classic']), [])
    const described = rig.ask('DescribeGroups', 6, { groups: [GROUP], includeAuthorizedOperations: false }).groups[0]!
    assert.deepEqual([errorOf(described), described.groupState], ['GROUP_ID_NOT_FOUND', 'Dead'])
  })

  it('why it has rebalanced', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    ask(rig, joining('a', ['orders']))
    growTopic(rig, 'orders', 1)
    ask(rig, { memberId: 'a', memberEpoch: 1 })
    ask(rig, { memberId: 'a', memberEpoch: -1 })
    const causes = rig.notes.flatMap((note) => {
      if (note.what === 'not converted') return []
      return [`${note.generation} ${note.what === 'cause' ? note.cause.reason : note.what}`]
    })
    assert.deepEqual(causes, ['1 joined', '1 assigned', '2 metadata changed', '2 assigned', '3 left', '3 empty'])
  })
})
