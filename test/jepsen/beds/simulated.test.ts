/** The simulated cluster as a bed: a client and the nemesis on virtual time, the same from the same seed, and each kind of fault shows at its victim. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedBed } from '../../../jepsen/beds/simulated.js'
import { until } from '../../../jepsen/beds/time.js'
import type { NemesisOperation, Unplaced } from '../../../jepsen/history/operation.js'
import { adminBackend } from '../../../jepsen/nemesis/admin.js'
import { asking } from '../../../jepsen/nemesis/asking.js'
import type { Target } from '../../../jepsen/nemesis/fault.js'
import { Nemesis } from '../../../jepsen/nemesis/nemesis.js'
import { planFaults } from '../../../jepsen/nemesis/plan.js'
import { simulatedBackend } from '../../../jepsen/nemesis/simulated.js'
import { Targets } from '../../../jepsen/nemesis/targets.js'
import { Prng } from '../../../src/base/prng.js'
import { findCoordinators } from '../../../src/client/admin/coordinators.js'
import { ClientError } from '../../../src/client/client-error.js'
import { ClusterClient } from '../../../src/client/cluster-client.js'
import { Producer } from '../../../src/client/producer/producer.js'

const TOPIC = 'run-t0'
const PARTITIONS = 2
const PACE_MS = 100
const HEAL_MS = 30_000

interface Outcome {
  readonly bed: SimulatedBed
  readonly nemesis: Nemesis
  /** What was sent, and what became of it, and what was done to the cluster, with its times. */
  readonly history: readonly string[]
  readonly acknowledged: number
  readonly healedMs: number
}

type Faults = readonly string[] | { readonly alone: readonly string[] }

/** `faults`: in a mixture, or each once. */
async function play(seed: string, faults: Faults, durationMs: number): Promise<Outcome> {
  const bed = new SimulatedBed({ seed, nodes: 3 })
  const random = new Prng(seed)
  const history: string[] = []
  const say = (text: string): void => void history.push(`${bed.time.nowMs().toFixed(3)} ${text}`)
  await bed.start()
  await asking(bed, bed.bootstrap, ({ admin }) => admin.createTopics([{ name: TOPIC, partitions: PARTITIONS }]), 30_000)
  const ofRun = { isTopic: (name: string) => name === TOPIC, group: 'run-group' }
  const nemesis = new Nemesis({
    bed,
    faults: [...simulatedBackend(bed).faults, ...adminBackend(ofRun).faults],
    find: new Targets(bed, ofRun, random.fork('targets')).find,
    random: random.fork('nemesis'),
    write: (operation: Unplaced<NemesisOperation>) => say(JSON.stringify(operation)),
  })
  const client = new ClusterClient({ ports: bed.ports, bootstrapServers: bed.bootstrap, requestTimeoutMs: 1_000 })
  const producer = new Producer(client, { deliveryTimeoutMs: 3_000 })
  let acknowledged = 0
  const taking = new Set<number>()
  let isOver = false
  const sending = (async () => {
    for (let n = 0; !isOver; n++) {
      try {
        const { offset } = await producer.send({
          topic: TOPIC,
          partition: n % PARTITIONS,
          value: Buffer.from(String(n)),
        })
        acknowledged++
        taking.add(n % PARTITIONS)
        say(`sent ${n} at ${offset}`)
      } catch (error) {
        assert.ok(error instanceof ClientError)
        say(`sent ${n}: ${error.error}`)
      }
      await bed.time.wait(PACE_MS)
    }
  })()
  if ('alone' in faults) {
    for (const fault of faults.alone) {
      await nemesis.play([
        { atMs: 0, fault, does: 'begin' },
        { atMs: durationMs, fault, does: 'end' },
      ])
      await bed.time.wait(durationMs)
    }
  } else {
    const options = { faults, kind: 'mixtures', durationMs, intervalMs: 4_000, mixtureMs: 8_000 } as const
    await nemesis.play(planFaults(options, random.fork('plan')))
  }
  assert.equal(await nemesis.heal(), true)
  const healMs = bed.time.nowMs()
  taking.clear()
  while (taking.size < PARTITIONS && bed.time.nowMs() < healMs + HEAL_MS) await bed.time.wait(PACE_MS)
  const healedMs = bed.time.nowMs() - healMs
  isOver = true
  await sending
  client.close()
  await bed.stop()
  return { bed, nemesis, history, acknowledged, healedMs }
}

const MIXTURE = ['kill leader', 'lose power of one', 'pause controller', 'isolate one', 'cut clients off', 'slow links']

test('the same seed gives the same history to the last event, another one another', { timeout: 60_000 }, async () => {
  const first = await play('one', MIXTURE, 12_000)
  const again = await play('one', MIXTURE, 12_000)
  assert.deepEqual(again.history, first.history)
  assert.equal(again.bed.hash, first.bed.hash)
  assert.ok(first.acknowledged > 10, `${first.acknowledged} records`)
  assert.ok(first.healedMs < 15_000, `${first.healedMs} ms until each partition took records`)
  assert.deepEqual([first.nemesis.troubles, first.bed.unasked], [[], []])
  assert.ok([...first.nemesis.counts.values()].some(({ began }) => began > 0))
  const other = await play('two', MIXTURE, 4_000)
  assert.notDeepEqual(other.history.slice(0, 10), first.history.slice(0, 10))
})

test('targets are who they are called, as the cluster itself has it', { timeout: 60_000 }, async () => {
  const bed = new SimulatedBed({ seed: 'targets', nodes: 5 })
  await bed.start()
  const group = 'run-group'
  await asking(bed, bed.bootstrap, ({ admin }) => admin.createTopics([{ name: TOPIC, partitions: 1 }]), 30_000)
  const coordinator = await until(bed.time, HEAL_MS, 'a coordinator', async () => {
    const found = await asking(bed, bed.bootstrap, ({ client }) => findCoordinators(client, [group]), 30_000)
    const id = found.get(group)
    return typeof id === 'number' ? id : undefined
  })
  const targets = new Targets(bed, { isTopic: (name) => name === TOPIC, group }, new Prng('targets'))
  const ids = async (target: Target): Promise<number[]> => ((await targets.find(target)) ?? []).map(({ id }) => id)
  const image = bed.world.leader!.node!.quorum!.image!
  const { leader, replicas } = image.topicsById.get(image.topicsByName.get(TOPIC)!.topicId)!.partitions[0]!
  assert.deepEqual(await ids('controller'), [bed.world.leader!.id])
  assert.deepEqual(await ids('leader'), [leader])
  assert.deepEqual(await ids('coordinator'), [coordinator])
  const butOne = await ids('replicas but one')
  assert.equal(butOne.length, 2)
  assert.ok(butOne.every((id) => replicas.includes(id)))
  for (let n = 0; n < 20; n++) {
    const [one, minority, majority] = [await ids('one'), await ids('minority'), await ids('majority')]
    assert.equal(one.length, 1)
    assert.ok(minority.length >= 1 && minority.length <= 2 && new Set(minority).size === minority.length)
    assert.ok(majority.length >= 3 && majority.length <= 4 && new Set(majority).size === majority.length)
  }
  assert.equal((await ids('all')).length, 5)

  // Who led is killed: others lead.
  await bed.nodes.find(({ id }) => id === leader)!.end('SIGKILL')
  const next = await until(bed.time, HEAL_MS, 'another leader', async () => {
    const [id] = await ids('leader')
    return id === leader ? undefined : id
  })
  assert.ok(replicas.includes(next))
  for (const node of bed.nodes) await node.end('SIGKILL')
  assert.deepEqual([await targets.find('one'), await targets.find('controller')], [undefined, undefined])
  await bed.stop()
})

test('each fault is done, shows, and is taken back', { timeout: 60_000 }, async () => {
  const alone = [
    'kill replicas but one',
    'lose power of majority',
    'pause all',
    'bounce one',
    'isolate leader one-way',
    'partition halves',
    'reset connections',
    'clock jump',
    'clock drift',
    'stuck disk',
    'full disk',
    'failed flushes',
    'reassign',
    'elect preferred',
    'remove voter',
  ]
  const { nemesis, bed, healedMs, history } = await play('alone', { alone }, 1_000)
  assert.deepEqual([nemesis.troubles, bed.unasked], [[], []])
  for (const name of alone)
    assert.deepEqual([name, nemesis.counts.get(name)], [name, { began: 1, nothing: 0, failed: 0 }])
  assert.ok(history.some((line) => /begin kill replicas but one.*its process is gone/.test(line)))
  assert.ok(history.some((line) => /begin pause all.*its process is stopped/.test(line)))
  assert.ok(history.some((line) => /begin partition halves.*bytes from node\d to node\d wait/.test(line)))
  assert.ok(healedMs < 15_000, `${healedMs} ms until each partition took records`)
})
