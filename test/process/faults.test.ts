/**
 * The suite's bed of three nodes of lograft, and what signals do to them: each fault shows at its victim, all is well again when it has ended, an end that nobody asked for is counted and
 * mended, and nothing is left behind.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import type { UnaskedEnd } from '../../jepsen/beds/bed.js'
import { plainSurroundings } from '../../jepsen/beds/layout.js'
import { lograftBed } from '../../jepsen/beds/lograft.js'
import { serves } from '../../jepsen/beds/serving.js'
import { until } from '../../jepsen/beds/time.js'
import type { NemesisOperation, Unplaced } from '../../jepsen/history/operation.js'
import { asking } from '../../jepsen/nemesis/asking.js'
import type { Told } from '../../jepsen/nemesis/fault.js'
import { Nemesis, type NemesisValue } from '../../jepsen/nemesis/nemesis.js'
import { processState } from '../../jepsen/nemesis/process-state.js'
import { processesBackend } from '../../jepsen/nemesis/processes.js'
import { Targets } from '../../jepsen/nemesis/targets.js'
import { Prng } from '../../src/base/prng.js'
import { findCoordinators } from '../../src/client/admin/coordinators.js'
import { temporaryDirectory } from '../node-ports.js'
import { SEED_VARIABLE } from '../seed.js'

const FAULTS = ['kill leader', 'pause controller', 'pause coordinator']
const TOPIC = 'run-t0'
const GROUP = 'run-group'
const LIMIT_MS = 60_000
const LONGEST_MS = 200_000

test('three nodes: leader, controller and coordinator are struck, and come back', {
  timeout: LONGEST_MS,
}, async () => {
  const directory = temporaryDirectory('faults')
  const random = new Prng(process.env[SEED_VARIABLE] ?? 'faults')
  const layout = { nodes: 3, directory }
  const bed = lograftBed({ ...layout, surroundings: await plainSurroundings(layout, random) })
  const well = (): Promise<true> =>
    until(bed.time, LIMIT_MS, 'a cluster that is well', async () => ((await serves(bed, bed.nodes)) ? true : undefined))
  const pids = new Set<number>()
  try {
    await bed.start()
    await asking(bed, bed.bootstrap, ({ admin }) => admin.createTopics([{ name: TOPIC, partitions: 2 }]), LIMIT_MS)
    await until(bed.time, LIMIT_MS, 'a coordinator', async () => {
      const found = await asking(bed, bed.bootstrap, ({ client }) => findCoordinators(client, [GROUP]), LIMIT_MS)
      return typeof found.get(GROUP) === 'number' ? true : undefined
    })
    const written: Unplaced<NemesisOperation>[] = []
    const nemesis = new Nemesis({
      bed,
      faults: processesBackend().faults,
      find: new Targets(bed, { isTopic: (name) => name === TOPIC, group: GROUP }, random).find,
      random,
      write: (operation) => {
        written.push(operation)
        for (const { pid } of bed.nodes) if (pid !== undefined) pids.add(pid)
      },
    })
    for (const fault of FAULTS) {
      await nemesis.play([
        { atMs: 0, fault, does: 'begin' },
        { atMs: 200, fault, does: 'end' },
      ])
      await well()
    }
    assert.equal(await nemesis.heal(), true)
    assert.deepEqual(nemesis.troubles, [])
    for (const fault of FAULTS) {
      assert.deepEqual(nemesis.counts.get(fault), { began: 1, nothing: 0, failed: 0 }, fault)
      const told = written.find(({ f, value }) => f === `begin ${fault}` && value !== null)
      const { seen } = told!.value as NemesisValue & Told
      assert.match(seen, fault.startsWith('pause') ? /process \d+ is in state T/ : /process \d+ is gone/)
    }
    assert.equal(bed.unasked.length, 0)

    const [node] = bed.nodes
    const { pid } = node!
    process.kill(pid!, 'SIGKILL')
    await until(bed.time, LIMIT_MS, 'another process', async () =>
      node!.pid !== undefined && node!.pid !== pid ? true : undefined,
    )
    const unasked: readonly UnaskedEnd[] = bed.unasked
    assert.equal(unasked.length, 1)
    assert.equal(unasked[0]!.node, node!.id)
    assert.match(unasked[0]!.detail, /^ended by itself with SIGKILL; its log ends with: /)
    await well()
  } finally {
    for (const { pid } of bed.nodes) if (pid !== undefined) pids.add(pid)
    await bed.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  assert.ok(pids.size > FAULTS.length)
  assert.deepEqual(
    [...pids].filter((pid) => processState(pid) !== undefined),
    [],
  )
})
