/** Which links each fault of the network is done to, and the rules that namespaces make of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BedNode, TestBed } from '../../../../jepsen/beds/bed.js'
import { chooseFaults } from '../../../../jepsen/nemesis/backends.js'
import { settingText } from '../../../../jepsen/nemesis/clock.js'
import type { Backend, Fault, Target } from '../../../../jepsen/nemesis/fault.js'
import { partitionFaults, requestFaults } from '../../../../jepsen/nemesis/network/link-faults.js'
import type { Effect, End, Link, Links } from '../../../../jepsen/nemesis/network/links.js'
import { packetsOf, tableOf } from '../../../../jepsen/nemesis/network/namespace-links.js'
import { Prng } from '../../../../src/base/prng.js'

class Scene implements Links {
  links: readonly Link[] = []
  effect: Effect | undefined
  readonly done: string[] = []
  shows: boolean | undefined = true
  readonly blocked = new Set<string>()

  isBlocked({ from, to }: Link): boolean {
    return this.blocked.has(`${from}>${to}`)
  }

  async apply(links: readonly Link[], effect: Effect) {
    this.links = links
    this.effect = effect
    return {
      seen: async () => {
        if (this.shows === undefined) return undefined
        if (!this.shows) throw new Error('nothing shows')
        return 'it shows'
      },
      lift: async () => {
        this.done.push('lift')
        return 'it is gone'
      },
    }
  }

  async begin(fault: Fault, count: number, found: readonly number[], down: readonly number[] = []) {
    const nodes = Array.from({ length: count }, (_, n) => ({ id: n + 1, isRunning: !down.includes(n + 1) }) as BedNode)
    const find = async (_: Target) => (found.length === 0 ? undefined : nodes.filter(({ id }) => found.includes(id)))
    return fault.begin({ bed: { nodes } as unknown as TestBed, find, random: new Prng('faults') })
  }

  get cut(): string[] {
    return this.links.map(({ from, to }) => `${from}>${to}`).sort()
  }

  /** Whether these two hear each other. */
  hear(a: End, b: End): boolean {
    return !this.cut.includes(`${a}>${b}`) && !this.cut.includes(`${b}>${a}`)
  }
}

function fault(scene: Scene, name: string): Fault {
  return [...partitionFaults('test', scene), ...requestFaults('test', scene)].find((each) => each.name === name)!
}

test('who is isolated loses all others, who is partitioned keeps its clients, and each in one direction where it is to be', async () => {
  const scene = new Scene()
  await scene.begin(fault(scene, 'isolate leader'), 3, [2])
  assert.deepEqual(scene.cut, ['1>2', '2>1', '2>3', '2>clients', '3>2', 'clients>2'])
  await scene.begin(fault(scene, 'isolate one one-way'), 3, [2])
  assert.deepEqual(scene.cut, ['2>1', '2>3', '2>clients'])
  await scene.begin(fault(scene, 'partition leader'), 3, [2])
  assert.deepEqual(scene.cut, ['1>2', '2>1', '2>3', '3>2'])
  await scene.begin(fault(scene, 'partition deaf'), 3, [2])
  assert.deepEqual(scene.cut, ['1>2', '3>2'])
  await scene.begin(fault(scene, 'partition halves'), 5, [1, 4])
  assert.equal(scene.cut.length, 12)
  assert.ok(scene.hear(1, 4) && scene.hear(2, 5) && !scene.hear(1, 2))
  await scene.begin(fault(scene, 'cut clients off'), 5, [1, 4])
  assert.deepEqual(scene.cut, ['1>clients', '4>clients', 'clients>1', 'clients>4'])
})

test('of a bridge one node sees all, and two halves do not see each other', async () => {
  const scene = new Scene()
  await scene.begin(fault(scene, 'partition bridge'), 5, [])
  const all = [1, 2, 3, 4, 5]
  const sees = all.map((id) => all.filter((other) => other !== id && scene.hear(id, other)).length)
  assert.deepEqual([...sees].sort(), [2, 2, 2, 2, 4])
  assert.equal(await scene.begin(fault(scene, 'partition bridge'), 3, [], [2]), undefined)
})

test('in a ring each node sees a majority, and no two see the same', async () => {
  for (const count of [4, 5, 6, 7]) {
    const scene = new Scene()
    await scene.begin(fault(scene, 'partition ring'), count, [])
    const all = Array.from({ length: count }, (_, n) => n + 1)
    const seen = all.map((id) => all.filter((other) => scene.hear(id, other)))
    assert.ok(
      seen.every((those) => those.length > count / 2 && those.length < count),
      `${count} nodes`,
    )
    assert.equal(new Set(seen.map((those) => those.join())).size, count)
  }
  const scene = new Scene()
  assert.equal(await scene.begin(fault(scene, 'partition ring'), 3, []), undefined)
})

test('a fault whose victim is not there does nothing, nor one over links of nodes that are down', async () => {
  const scene = new Scene()
  assert.equal(await scene.begin(fault(scene, 'partition leader'), 3, []), undefined)
  assert.equal(await scene.begin(fault(scene, 'partition leader'), 3, [2], [1, 3]), undefined)
  assert.equal(scene.effect, undefined)
})

test('what does not show is taken back all the same', async () => {
  const scene = new Scene()
  scene.shows = false
  const one = fault(scene, 'hold requests')
  await assert.rejects(scene.begin(one, 3, [1]), /nothing shows/)
  const told = await one.end({} as never)
  assert.deepEqual([told?.seen, scene.done, await one.end({} as never)], ['it is gone', ['lift'], undefined])
})

test('where another fault has cut all its links it does nothing, and what found nothing to be done to is taken back at once', async () => {
  const scene = new Scene()
  scene.blocked.add('2>1').add('3>2')
  assert.equal(await scene.begin(fault(scene, 'partition leader'), 3, [2]), undefined)
  assert.equal(scene.effect, undefined)
  scene.blocked.delete('3>2')
  assert.notEqual(await scene.begin(fault(scene, 'partition leader'), 3, [2]), undefined)
  scene.shows = undefined
  assert.equal(await scene.begin(fault(scene, 'hold requests'), 3, [1]), undefined)
  assert.deepEqual(scene.done, ['lift'])
})

test('rules stand where bytes arrive; what goes to clients is stopped where it is sent', () => {
  const hostOf = (end: End): string => (end === 'clients' ? '198.18.0.254' : `198.18.0.${end}`)
  const links = [
    { from: 2, to: 1 },
    { from: 1, to: 2 },
    { from: 1, to: 'clients' },
  ] as const
  const rules = [
    { tag: 7, links, effect: { kind: 'cut' } },
    { tag: 8, links: [{ from: 'clients', to: 1 }], effect: { kind: 'flaky', chance: 0.25 } },
  ] as const
  const table = tableOf(1, rules, hostOf) ?? ''
  assert.match(table, /chain input [^}]*ip saddr 198\.18\.0\.2 counter drop comment "7";[^}]*}/)
  assert.match(
    table,
    /chain input [^}]*ip saddr 198\.18\.0\.254 numgen random mod 1000 < 250 counter drop comment "8";/,
  )
  assert.match(table, /chain output [^}]*ip daddr 198\.18\.0\.254 counter drop comment "7";/)
  assert.doesNotMatch(table, /daddr 198\.18\.0\.2 /)
  assert.equal(tableOf(3, rules, hostOf), undefined)
  const listed =
    'ip saddr 1 counter packets 12 bytes 9 drop comment "7"\nip saddr 2 counter packets 3 bytes 9 drop comment "8"\nip daddr 1 counter packets 5 bytes 0 drop comment "7"'
  assert.deepEqual([packetsOf(listed, 7), packetsOf(listed, 8), packetsOf(listed, 1)], [17, 3, 0])
})

test('clocks are told in seconds and, as the last factor is kept, always with one', () => {
  assert.equal(settingText({ offsetMs: 0, rate: 1 }), '+0.000 x1.0000\n')
  assert.equal(settingText({ offsetMs: -1_500, rate: 1 }), '-1.500 x1.0000\n')
  assert.equal(settingText({ offsetMs: 250, rate: 1.1 }), '+0.250 x1.1000\n')
})

test('of one family a run uses one means: the first that makes all that is asked of it', () => {
  const backend = (name: string, family: string | undefined, ...faults: string[]): Backend => ({
    name,
    ...(family === undefined ? {} : { family }),
    probe: async () => undefined,
    prepare: async () => {},
    restore: async () => {},
    faults: faults.map((each) => ({
      name: each,
      backend: name,
      begin: async () => undefined,
      end: async () => undefined,
    })),
  })
  const probed = [
    backend('signals', undefined, 'kill'),
    backend('rules', 'network', 'cut', 'lose'),
    backend('proxy', 'network', 'cut', 'hold'),
  ].map((each) => ({ backend: each, why: undefined }))
  const chosen = (...names: string[]) => {
    const outcome = chooseFaults(names, probed)
    return 'refused' in outcome ? outcome.refused : outcome.faults.map((each) => `${each.backend}: ${each.name}`)
  }
  assert.deepEqual(chosen('kill', 'cut'), ['signals: kill', 'rules: cut'])
  assert.deepEqual(chosen('kill', 'cut', 'hold'), ['signals: kill', 'proxy: cut', 'proxy: hold'])
  assert.match(chosen('lose', 'hold').join(), /lose cannot be made in one run/)
})
