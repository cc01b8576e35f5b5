/**
 * Stories of a cluster that the field has learned the hard way (the names Q02 and so on are those of the list of regressions), told with whole nodes that
 * know nothing but their configuration, each in a few worlds. Invariants are looked at after every event.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControllerApi, ControllerReply, ControllerRequest } from '../../src/controller/controller-core.js'
import { LOGRAFT_VERSION, type Release, THIS_RELEASE } from '../../src/metadata/release.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { ClusterInvariants } from '../../src/sim/cluster-invariants.js'
import { type ClusterNode, ClusterWorld } from '../../src/sim/cluster-world.js'
import { Simulation } from '../../src/sim/simulation.js'

const SEEDS = 3
const FORMED_MS = 20_000
const SETTLED_MS = 60_000

/** One that was before this: it knows neither UnregisterBroker nor NoOp. */
const OLD: Release = { features: [{ name: LOGRAFT_VERSION, minLevel: 1, maxLevel: 2 }] }

class Story {
  readonly world: ClusterWorld
  readonly invariants: ClusterInvariants

  constructor(seed: number, nodes: number, release = THIS_RELEASE) {
    const simulation = new Simulation(seed)
    this.world = new ClusterWorld(simulation, {
      roles: Array.from({ length: nodes }, () => 'combined' as const),
      ports: seed % 2 === 0 ? 'one' : 'two',
      naming: seed % 3 === 0 ? 'bootstrap' : 'voters',
      settings: {},
      longestDownMs: 50,
    })
    for (const node of this.world.nodes) node.release = release
    this.invariants = new ClusterInvariants(this.world)
    this.world.start()
    this.until('the cluster forms', FORMED_MS, () => this.world.nodes.every(({ serving }) => serving))
  }

  get nodes(): readonly ClusterNode[] {
    return this.world.nodes
  }

  get leader(): ClusterNode {
    const { leader } = this.world
    assert.ok(leader !== undefined, 'nobody leads')
    return leader
  }

  get followers(): ClusterNode[] {
    return this.nodes.filter((node) => node !== this.leader)
  }

  epochOf(node: ClusterNode): number {
    return node.node!.quorum!.leader().epoch
  }

  until(what: string, limitMs: number, condition: () => boolean): void {
    const { simulation } = this.world
    const holds = simulation.runUntil(() => {
      this.invariants.check()
      return condition()
    }, simulation.nowMs + limitMs)
    assert.ok(holds, `${what}: not within ${limitMs} ms of seed ${simulation.seed}`)
  }

  pass(durationMs: number): void {
    const { simulation } = this.world
    simulation.runUntil(() => {
      this.invariants.check()
      return false
    }, simulation.nowMs + durationMs)
  }

  /** These nodes from all others, in both directions. Returns what heals it. */
  cut(...some: readonly ClusterNode[]): () => void {
    const hosts = new Set(some.map(({ host }) => host))
    return this.world.network.rules.add({
      applies: (from, to) => from !== to && hosts.has(from) !== hosts.has(to),
      cuts: true,
    })
  }

  /** Has the controller do something, as a client of this node; returns the reply. */
  ask<Api extends ControllerApi>(node: ClusterNode, api: Api, request: ControllerRequest<Api>): ControllerReply<Api> {
    let reply: ControllerReply<Api> | undefined
    const asker = { principal: { type: 'User', name: 'somebody' }, host: '' }
    node.machine.process!.after(0, 'arrival', api, () =>
      node.node!.broker!.channel.send(api, request, asker, 5000, (answer) => {
        reply = answer?.reply
      }),
    )
    this.until(`an answer to ${api}`, 10_000, () => reply !== undefined)
    return reply!
  }

  /** All follow one leader, know the same, and are unfenced. */
  agree(nodes: readonly ClusterNode[] = this.nodes): void {
    this.until('they agree', SETTLED_MS, () => {
      const ends = nodes.map(({ node }) => node?.quorum?.highWatermark ?? -1)
      const leaders = nodes.map(({ node }) => node?.quorum?.leader().nodeId ?? -1)
      return (
        ends[0]! >= 0 &&
        leaders[0]! >= 0 &&
        ends.every((end) => end === ends[0]) &&
        leaders.every((id) => id === leaders[0]) &&
        nodes.every(({ id, node, serving }) => serving && node?.broker?.image.brokers.get(id)?.fenced === false)
      )
    })
  }
}

function inSomeWorlds(nodes: number, tell: (story: Story) => void, release = THIS_RELEASE): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const story = new Story(seed, nodes, release)
    tell(story)
    story.invariants.checkAll()
  }
}

test('Q02: a leader that is cut off from its majority gives up, and the majority has another', () => {
  inSomeWorlds(3, (story) => {
    const { leader, followers } = story
    const epoch = story.epochOf(leader)
    const heal = story.cut(leader)
    story.until('it gives up', 10_000, () => leader.node!.quorum!.role !== 'leader')
    story.until('another leads', 10_000, () => followers.some(({ node }) => node!.quorum!.role === 'leader'))
    story.pass(5000)
    const raised = story.epochOf(story.leader)
    assert.ok(raised > epoch)
    heal()
    story.agree()
    assert.equal(story.epochOf(story.leader), raised, 'Q07: its return deposes nobody')
  })
})

test('Q08: leaders are cut off one after the other', () => {
  inSomeWorlds(5, (story) => {
    for (let n = 0; n < 3; n++) {
      const { leader } = story
      const epoch = story.epochOf(leader)
      const heal = story.cut(leader)
      story.until('another leads', 20_000, () => story.world.leader !== leader && story.epochOf(story.leader) > epoch)
      heal()
    }
    story.agree()
  })
})

test('Q09: all lose power, and a bare majority comes back', () => {
  inSomeWorlds(3, (story) => {
    const [down, ...others] = story.followers
    const committed = story.invariants.committedEnd
    for (const node of story.nodes) {
      node.restart = false
      node.losePower()
    }
    const back = story.nodes.filter((node) => node !== down)
    assert.equal(back.length, others.length + 1)
    for (const node of back) {
      node.restart = true
      node.start()
    }
    story.agree(back)
    assert.ok(story.leader.node!.quorum!.endOffset >= committed)
  })
})

test('Q10: five in two parts: the larger one goes on, the smaller one elects nobody, and all agree when they meet', () => {
  inSomeWorlds(5, (story) => {
    const { leader, followers } = story
    const smaller = [leader, followers[0]!]
    const heal = story.cut(...smaller)
    const larger = story.nodes.filter((node) => !smaller.includes(node))
    story.until('the larger part has a leader', 20_000, () =>
      larger.some(({ node }) => node!.quorum!.role === 'leader'),
    )
    story.pass(10_000)
    for (const { node } of smaller) assert.notEqual(node!.quorum!.role, 'leader')
    heal()
    story.agree()
    assert.ok(larger.includes(story.leader))
  })
})

test('Q13: two of three disks are replaced while the third is down: nobody leads, and what the third has is untouched', () => {
  inSomeWorlds(3, (story) => {
    const [third, ...others] = story.nodes
    const { clusterId } = third!
    for (const node of story.nodes) node.restart = false
    third!.crash()
    const untouched = third!.read('__cluster_metadata-0/00000000000000000000.log')
    assert.ok(untouched !== undefined && untouched.length > 0)
    for (const node of others) {
      node.replaceDisk()
      node.restart = true
      node.start()
    }
    story.pass(30_000)
    for (const { node, serving, clusterId: id } of others) {
      assert.equal(node?.quorum?.leader().nodeId ?? -1, -1)
      assert.ok(!serving && (id === undefined || id === ''), `it belongs to ${id}`)
    }
    third!.restart = true
    third!.start()
    story.pass(30_000)
    assert.ok(third!.read('__cluster_metadata-0/00000000000000000000.log')!.startsWith(untouched))
    assert.equal(third!.clusterId, clusterId)
    assert.ok(story.nodes.every(({ node }) => node?.quorum?.role !== 'leader'))
  })
})

test('Q16: one that has slept for 3 s deposes nobody and fences nobody when it wakes', () => {
  for (const whom of ['leader', 'follower'] as const) {
    inSomeWorlds(3, (story) => {
      const sleeper = whom === 'leader' ? story.leader : story.followers[0]!
      const awake = story.nodes.filter((node) => node !== sleeper)
      sleeper.machine.suspend(3000, false)
      story.pass(2999)
      const epoch = Math.max(...awake.map((node) => story.epochOf(node)))
      const leaderId = awake[0]!.node!.quorum!.leader().nodeId
      story.pass(3000)
      for (const node of story.nodes) {
        assert.ok(
          !story.world.simulation.trace.some((line) => line.includes(`${sleeper.host}#0: info: leads the quorum`)),
        )
        assert.equal(story.epochOf(node), epoch, `${whom} ${sleeper.host}`)
        assert.equal(node.node!.quorum!.leader().nodeId, leaderId)
        for (const { fenced } of node.node!.broker!.image.brokers.values()) assert.equal(fenced, false)
      }
    })
  }
})

test('Q06: a voter whose disk is replaced is a voter again, without a hand on it', () => {
  inSomeWorlds(3, (story) => {
    const node = story.followers[0]!
    const before = node.node!.directory!.identity.directoryId
    node.replaceDisk()
    story.until('it is a voter again', SETTLED_MS, () => {
      const voters = story.world.leader?.node?.quorum?.describe().voters.filter(({ isVoter }) => isVoter) ?? []
      const directoryId = node.node?.directory?.directoryId
      return (
        voters.length === 3 &&
        voters.some((voter) => voter.id === node.id && voter.directoryId === directoryId && directoryId !== before)
      )
    })
    story.agree()
  })
})

test('Q17: with nodes of two releases nothing is written that the older does not know, until the level is raised; one that comes back then ends with a sentence', () => {
  const topic = { name: 'there', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const level = { feature: LOGRAFT_VERSION, maxVersionLevel: 3, allowDowngrade: false, upgradeType: 1 }
  const levels = (story: Story): (number | undefined)[] =>
    story.nodes.map(({ node }) => node!.broker!.image.features.get(LOGRAFT_VERSION))
  const tell = (story: Story): void => {
    const create = (node: ClusterNode): string =>
      errorByCode(
        story.ask(node, 'CreateTopics', { topics: [topic], timeoutMs: 5000, validateOnly: false }).topics[0]!
          .errorCode!,
      ).name
    const raise = (node: ClusterNode): string => {
      const request = { timeoutMs: 5000, featureUpdates: [level], validateOnly: false }
      return errorByCode(story.ask(node, 'UpdateFeatures', request).errorCode!).name
    }
    const upgrade = (node: ClusterNode): void => {
      node.release = THIS_RELEASE
      node.crash()
      story.agree()
    }
    const [old, ...others] = story.nodes
    story.agree()
    assert.equal(create(old!), 'NONE')
    for (const node of others) upgrade(node)
    while (story.leader === old) {
      old!.crash()
      story.agree()
    }
    const before = old!.starts
    assert.deepEqual(levels(story), [2, 2, 2], 'a cluster stays at its level')
    // Of what the newer release knows, a refusal would write a record, and forgetting a broker.
    for (const node of story.nodes) {
      assert.equal(create(node), 'TOPIC_ALREADY_EXISTS')
      const { errorCode } = story.ask(node, 'UnregisterBroker', { brokerId: 3 })
      assert.equal(errorByCode(errorCode!).name, 'UNSUPPORTED_VERSION')
      assert.equal(raise(node), 'INVALID_UPDATE_VERSION', 'one of the brokers does not know the level')
    }
    story.agree()
    assert.equal(old!.starts, before, 'it has run all the time')

    upgrade(old!)
    assert.equal(raise(others[0]!), 'NONE')
    story.agree()
    assert.deepEqual(levels(story), [3, 3, 3])
    const { committedEnd } = story.invariants
    assert.equal(create(others[0]!), 'TOPIC_ALREADY_EXISTS')
    story.until('a record stands behind the refusal', 5000, () => story.invariants.committedEnd > committedEnd)

    old!.release = OLD
    old!.restart = false
    old!.crash()
    old!.start()
    story.until('it ends', 30_000, () => old!.exitCode === 1)
    assert.match(old!.exitReason!, /this release of lograft (knows it from 1 to 2|does not know)/)
    story.agree(others)
  }
  inSomeWorlds(3, tell, OLD)
})
