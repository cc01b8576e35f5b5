/** Faults of processes, on nodes that are only told what is done to them: where one cannot be started the fault goes on until it can. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Asked } from '../../../jepsen/nemesis/asking.js'
import type { FaultContext } from '../../../jepsen/nemesis/fault.js'
import { processesBackend } from '../../../jepsen/nemesis/processes.js'
import { unregister } from '../../../jepsen/nemesis/requests.js'
import { Prng } from '../../../src/base/prng.js'
import { ClientError } from '../../../src/client/client-error.js'

class Node {
  readonly id: number
  readonly pid = undefined
  readonly address = '127.0.0.1:1'
  isRunning = true
  /** Which of its starts fail, from the first on. */
  readonly failing: boolean[]
  starts = 0
  failed = () => {}

  constructor(id: number, ...failing: readonly boolean[]) {
    this.id = id
    this.failing = [...failing]
  }

  async end(): Promise<void> {
    this.isRunning = false
  }

  async start(): Promise<void> {
    this.starts++
    if (this.failing.shift() === true) {
      this.failed()
      throw new Error(`node ${this.id} cannot be started`)
    }
    this.isRunning = true
  }
}

function scene(name: string, ...nodes: readonly Node[]) {
  const context = { find: async () => nodes, random: new Prng('processes') } as unknown as FaultContext
  const fault = processesBackend().faults.find((each) => each.name === name)!
  return { begin: () => fault.begin(context), end: () => fault.end(context) }
}

test('a node that could not be started when a fault ended is started when it is ended again', async () => {
  const [one, two] = [new Node(1), new Node(2, true)]
  const fault = scene('kill minority', one, two)
  await fault.begin()
  assert.deepEqual([one.isRunning, two.isRunning], [false, false])
  await assert.rejects(fault.end(), /node 2 cannot be started/)
  assert.deepEqual((await fault.end())?.nodes, [2])
  assert.deepEqual([one.starts, two.starts, two.isRunning], [1, 2, true])
  assert.equal(await fault.end(), undefined)
  assert.equal(two.starts, 2)
})

test('a rolling restart that came to a halt is over when the node that it had ended runs', async () => {
  const two = new Node(2, true, true)
  const fault = scene('rolling restart', two)
  await assert.rejects(fault.begin(), /node 2 cannot be started/)
  await assert.rejects(fault.end(), /node 2 cannot be started/)
  assert.deepEqual((await fault.end())?.nodes, [2])
  assert.equal(two.isRunning, true)
  assert.equal(await fault.end(), undefined)
})

test('after a restart storm the node runs, also where the storm or its end could not start it', async () => {
  const node = new Node(1, false, true, true)
  const fault = scene('restart storm', node)
  const halted = new Promise<void>((resolve) => {
    node.failed = resolve
  })
  await fault.begin()
  await halted
  await assert.rejects(fault.end(), /node 1 cannot be started/)
  assert.match((await fault.end())!.what, /^it could not go on after 1 kills: node 1 cannot be started$/)
  assert.deepEqual([node.isRunning, node.starts], [true, 4])
  assert.equal(await fault.end(), undefined)
  const never = new Node(2, true)
  const storm = scene('restart storm', never)
  await assert.rejects(storm.begin(), /node 2 cannot be started/)
  assert.equal((await storm.end())!.what, 'it had not begun')
  assert.equal(never.isRunning, true)
})

test('a broker that is not registered has been unregistered, and every other refusal is one', async () => {
  const answering = (error: ClientError['error']): Asked =>
    ({ admin: { unregisterBroker: () => Promise.reject(new ClientError(error, error)) } }) as unknown as Asked
  await unregister(answering('BROKER_ID_NOT_REGISTERED'), 4)
  await assert.rejects(unregister(answering('REQUEST_TIMED_OUT'), 4), /REQUEST_TIMED_OUT/)
})
