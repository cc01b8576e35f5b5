import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../src/io/compute.js'
import { NodeCompute } from '../../../src/io/node/compute.js'

export const double: Job<{ values: number[] }, number[]> = {
  module: import.meta.url,
  name: 'double',
  run: ({ values }) => {
    if (values.length === 0) throw new Error('nothing to double')
    return values.map((value) => 2 * value)
  },
}

const missing: Job<number, number> = { module: 'file:///no/such/module.js', name: 'missing', run: (value) => value }

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
