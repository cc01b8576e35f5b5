import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../src/io/compute.js'
import { NodeCompute } from '../../../src/io/node/compute.js'
import { double, held, quick } from './jobs.js'

const missing: Job<number, number> = {
  module: 'file:///no/such/module.js',
  name: 'missing',
  lane: 'request',
  run: (value) => value,
}

test('jobs run elsewhere and answer in their own time; a failing job is an error', { timeout: 20_000 }, async () => {
  const compute = new NodeCompute()
  const run = <I, O>(job: Job<I, O>, input: I): Promise<O> =>
    new Promise((resolve, reject) =>
      compute.run(job, input, (error, output) => (error ? reject(error) : resolve(output!))),
    )
  const results = await Promise.all([run(double, { values: [1, 2] }), run(double, { values: [3] })])
  assert.deepEqual(results, [[2, 4], [6]])
  await assert.rejects(run(double, { values: [] }), /nothing to double/)
  await assert.rejects(run(missing, 1), /no\/such\/module/)
  assert.deepEqual(await run(double, { values: [4] }), [8])
})

test('a job that a client waits for is done while a long one of the background is not', {
  timeout: 60_000,
}, async () => {
  const compute = new NodeCompute()
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const order: unknown[] = []
  await new Promise<void>((resolve, reject) => {
    const done =
      (then: () => void) =>
      (error: Error | undefined, output: unknown): void => {
        if (error !== undefined) return reject(error)
        order.push(output)
        then()
      }
    compute.run(
      held,
      { flag, longestMs: 20_000 },
      done(() => {}),
    )
    compute.run(quick, 5, done(resolve))
    const release = (): void => {
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
    }
    compute.run(
      double,
      { values: [1] },
      done(() => {}),
    )
    compute.run(double, { values: [2] }, done(release))
  })
  const [first, second, long, behind] = order
  assert.deepEqual([first, second, behind], [[2], [4], 5], 'within a lane one after the other')
  assert.notEqual(long, 'timed-out', 'it ended because it was let go')
})

test('a worker is let go when it is idle, never while it has a job', { timeout: 60_000 }, async () => {
  const compute = new NodeCompute(1)
  const run = <I, O>(job: Job<I, O>, input: I): Promise<O> =>
    new Promise((resolve, reject) =>
      compute.run(job, input, (error, output) => (error ? reject(error) : resolve(output!))),
    )
  const flag = new Int32Array(new SharedArrayBuffer(4))
  for (let round = 0; round < 3; round++) {
    // What follows in the same turn finds the worker at rest.
    assert.equal(await run(quick, round), round)
    assert.equal(await run(held, { flag, longestMs: 100 }), 'timed-out')
  }
})
