/** How nodes found a cluster and come to belong to one, on simulated machines: what each says, what is written, and what a crash in between leaves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FoundingNode, FoundingRig, SECOND_DIRECTORY } from './founding-rig.js'

const THREE = [1, 2, 3]

function three(seed: string): { readonly rig: FoundingRig; readonly nodes: readonly FoundingNode[] } {
  const rig = new FoundingRig(seed)
  return { rig, nodes: THREE.map((id) => rig.add(id, THREE)) }
}

test('three nodes with one list become one cluster, and all write down its voters', () => {
  const { rig, nodes } = three('three')
  rig.startAll()
  rig.formed()
  assert.ok(rig.simulation.nowMs < 2000, `formed after ${rig.simulation.nowMs} ms`)
  for (const node of nodes) {
    assert.deepEqual(node.voters, THREE)
    assert.deepEqual(node.complaints, [])
  }
})

test('named by addresses only, and with settings in another order, it is the same', () => {
  const rig = new FoundingRig('servers')
  for (const [id, order] of [
    [1, [1, 2, 3]],
    [2, [3, 1, 2]],
    [3, [2, 3, 1]],
  ] as const) {
    const servers = order.map((each) => `node${each}:9093`).join(',')
    rig.add(id, [], { 'controller.quorum.bootstrap.servers': servers })
  }
  rig.startAll()
  rig.formed()
  for (const node of rig.nodes) assert.deepEqual(node.voters, THREE)
})

for (const [list, written] of [
  [
    'controller.quorum.voters',
    ['1@a:9093,2@b:9093,3@c:9093', '3@c:9093,2@b:9093,1@a:9093', '2@b:9093,1@a:9093,3@c:9093'],
  ],
  ['controller.quorum.bootstrap.servers', ['b:9093,c:9093,a:9093', 'c:9093,b:9093,a:9093', 'a:9093,c:9093,b:9093']],
] as const) {
  test(`without node.id each has the id that ${list} gives it, and they found one cluster`, () => {
    const rig = new FoundingRig(`no ids, ${list}`)
    const nodes = ['c', 'a', 'b'].map((name, n) => rig.addWithoutId(name, { [list]: written[n]! }))
    rig.startAll()
    const clusterId = rig.formed()
    assert.deepEqual(
      nodes.map((node) => rig.storedNodeId(node)),
      [3, 1, 2],
    )
    for (const node of nodes) {
      assert.deepEqual(node.voters, THREE)
      assert.deepEqual(node.complaints, [])
    }
    for (const node of nodes) node.machine.losePower()
    rig.startAll()
    assert.equal(rig.formed(), clusterId)
  })
}

test('a list that has grown would give a node another id: it says to set the one that it had, and goes on with that', () => {
  const rig = new FoundingRig('no ids, grown')
  const list = 'controller.quorum.bootstrap.servers'
  const nodes = ['a', 'b', 'd'].map((name) => rig.addWithoutId(name, { [list]: 'a:9093,b:9093,d:9093' }))
  rig.startAll()
  const clusterId = rig.formed()
  const moved = nodes[2]!
  moved.machine.crash()
  moved.settings = { ...moved.settings, [list]: 'a:9093,b:9093,c:9093,d:9093' }
  rig.start(moved)
  rig.until(() => moved.ended !== undefined, 'it ends')
  assert.equal(moved.ended, '/data belongs to node 3, this is node 4: set node.id or log.dirs')
  moved.settings = { ...moved.settings, 'node.id': '3' }
  rig.start(moved)
  assert.equal(rig.formed(), clusterId)
})

test('a node that belongs to a cluster goes on without asking anybody', () => {
  const { rig, nodes } = three('again')
  rig.startAll()
  const clusterId = rig.formed()
  for (const node of nodes) node.machine.losePower()
  rig.start(nodes[1]!)
  rig.until(() => nodes[1]!.clusterId !== undefined, 'it is back, alone')
  assert.equal(nodes[1]!.clusterId, clusterId)
  assert.deepEqual(nodes[1]!.voters, THREE)
})

test('Q14: with one late nothing is founded, and the others say who is missing; then it is', () => {
  const { rig, nodes } = three('late')
  for (const node of nodes.slice(0, 2)) rig.start(node)
  rig.pass(20_000)
  assert.equal(rig.clusters.size, 0)
  for (const { complaints } of nodes.slice(0, 2)) {
    assert.ok(complaints.length >= 3 && complaints.length <= 5, `${complaints.length} lines in 20 s`)
    assert.match(complaints[0]!, /^waits for its cluster: no answer yet from 3@node3:9093 \(.+\): all have to be there/)
  }
  rig.start(nodes[2]!)
  rig.formed()
})

for (const [how, strike] of [
  ['crash', (node: FoundingNode) => node.machine.crash()],
  ['loss of power', (node: FoundingNode) => node.machine.losePower()],
] as const) {
  test(`Q14: a ${how} at each step of a node's founding: one cluster, ever`, () => {
    for (const struck of THREE) {
      let steps = 0
      for (let operation = 1; ; operation++) {
        const rig = new FoundingRig(`${how} ${struck} ${operation}`)
        const nodes = THREE.map((id) => (id === 2 ? rig.addWithTwo(id, THREE) : rig.add(id, THREE)))
        const node = nodes[struck - 1]!
        const seen = new Set<string>()
        rig.startAll()
        let wasStruck = false
        node.machine.crashPoint = {
          operationsLeft: operation,
          strike: () => {
            wasStruck = true
            strike(node)
          },
        }
        rig.until(() => {
          for (const clusterId of rig.clusters) seen.add(clusterId)
          return wasStruck || nodes.every(({ clusterId }) => clusterId !== undefined)
        }, 'it is struck, or founded')
        if (!wasStruck) break
        steps++
        // For a while the others are among themselves.
        rig.pass(700)
        for (const clusterId of rig.clusters) seen.add(clusterId)
        rig.start(node)
        rig.formed()
        for (const clusterId of rig.clusters) seen.add(clusterId)
        assert.equal(seen.size, 1, `struck at operation ${operation}`)
        for (const each of nodes) assert.deepEqual(each.voters, THREE)
        assert.equal(rig.storedClusterId(nodes[1]!, SECOND_DIRECTORY), nodes[0]!.clusterId)
        assert.deepEqual(
          nodes.map(({ ended }) => ended),
          [undefined, undefined, undefined],
        )
      }
      assert.ok(steps > 10, `${steps} operations were struck on node ${struck}`)
    }
  })
}

test('directories that were formatted: a crash at each step of a founding, and it is the cluster that they were formatted for', () => {
  const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
  for (const struck of THREE) {
    let steps = 0
    for (let operation = 1; ; operation++) {
      const { rig, nodes } = three(`formatted ${struck} ${operation}`)
      for (const node of nodes.slice(struck % 2)) rig.format(node, clusterId)
      const node = nodes[struck - 1]!
      rig.startAll()
      let wasStruck = false
      node.machine.crashPoint = {
        operationsLeft: operation,
        strike: () => {
          wasStruck = true
          node.machine.crash()
        },
      }
      rig.until(() => wasStruck || nodes.every((each) => each.clusterId !== undefined), 'it is struck, or founded')
      if (!wasStruck) break
      steps++
      rig.pass(700)
      rig.start(node)
      assert.equal(rig.formed(), clusterId, `struck at operation ${operation}`)
      for (const each of nodes) assert.deepEqual(each.voters, THREE)
    }
    assert.ok(steps > 5, `${steps} operations were struck on node ${struck}`)
  }
})

test('directories that were formatted for two clusters found none, and each says so', () => {
  const { rig, nodes } = three('formatted for two')
  for (const [index, node] of nodes.entries()) rig.format(node, index === 0 ? 'one' : 'another')
  rig.startAll()
  rig.pass(8000)
  for (const node of nodes) {
    assert.equal(node.voters, undefined)
    assert.match(
      node.complaints[0]!,
      /the data directories were formatted for several clusters: (one, another|another, one)/,
    )
  }
})

test('an empty disk joins as somebody else: it knows the cluster, and is none of its founding voters', () => {
  const { rig, nodes } = three('replaced')
  rig.startAll()
  const clusterId = rig.formed()
  nodes[0]!.machine.replaceDisk()
  rig.start(nodes[0]!)
  assert.equal(rig.formed(), clusterId)
  assert.equal(nodes[0]!.voters, undefined)
})

test('two of three disks are replaced while the third is down: nothing is founded; what is left is untouched', () => {
  const { rig, nodes } = three('two disks')
  rig.startAll()
  const clusterId = rig.formed()
  const third = nodes[2]!
  third.machine.crash()
  const kept = rig.votersOf(third)
  for (const node of nodes.slice(0, 2)) {
    node.machine.replaceDisk()
    rig.start(node)
  }
  rig.pass(30_000)
  assert.deepEqual([...rig.clusters], [clusterId], 'only on the disk of the third')
  for (const node of nodes.slice(0, 2)) {
    assert.equal(node.clusterId, undefined)
    assert.match(node.complaints.at(-1)!, /no answer yet from 3@node3:9093/)
  }
  rig.start(third)
  assert.equal(rig.formed(), clusterId)
  assert.deepEqual(
    nodes.map(({ voters }) => voters),
    [undefined, undefined, kept],
  )
})

test('lists that differ: nothing is founded, and each says whose list differs', () => {
  const rig = new FoundingRig('lists')
  rig.add(1, [1, 2, 3])
  rig.add(2, [1, 2, 3])
  rig.add(3, [2, 3])
  rig.startAll()
  rig.pass(8000)
  assert.equal(rig.clusters.size, 0)
  assert.match(rig.nodes[0]!.complaints[0]!, /3@node3:9093 names other controllers \(2@node2:9093,3@node3:9093\) than/)
  assert.match(rig.nodes[2]!.complaints[0]!, /2@node2:9093 names other controllers/)
})

test('Q15: the second node with an id ends with a sentence, before and after the founding; the first is undisturbed', () => {
  const rig = new FoundingRig('twins')
  for (const id of [1, 2]) rig.add(id, THREE)
  const twin = rig.add(1, THREE, {}, 'elsewhere')
  rig.startAll()
  rig.until(() => twin.ended !== undefined, 'the twin ends')
  assert.match(
    twin.ended!,
    /^1@node1:9093 is node 1, too, with another directory \([\w-]{22}\): two nodes cannot have one node\.id$/,
  )
  rig.nodes.pop()
  rig.add(3, THREE)
  rig.startAll()
  rig.formed()
  const late = rig.add(2, THREE, {}, 'elsewhere too')
  rig.start(late)
  rig.until(() => late.ended !== undefined, 'the late twin ends')
  assert.match(late.ended!, /^2@node2:9093 is node 2, too/)
  assert.equal(rig.storedClusterId(late), undefined)
  for (const node of rig.nodes.slice(0, 3)) assert.ok(node.running)
})

test('a broker waits for the controllers, and is no voter', () => {
  const { rig } = three('broker')
  const broker = rig.add(4, THREE, {
    'process.roles': 'broker',
    listeners: 'PLAINTEXT://node4:9092',
    'controller.listener.names': 'CONTROLLER',
  })
  rig.start(broker)
  rig.pass(3000)
  assert.match(broker.complaints[0]!, /no answer yet from 1@node1:9093/)
  rig.startAll()
  rig.formed()
  assert.equal(broker.voters, undefined)
})

test('a node that is alone founds at once; others that name it join it, and are none of its founding voters', () => {
  const rig = new FoundingRig('alone')
  const alone = rig.add(1, [])
  rig.start(alone)
  rig.until(() => alone.clusterId !== undefined, 'it is a cluster of one')
  assert.equal(alone.voters, undefined)
  const second = rig.add(2, [], { 'controller.quorum.bootstrap.servers': 'node1:9093' })
  rig.start(second)
  rig.formed()
  assert.equal(second.voters, undefined)
})
