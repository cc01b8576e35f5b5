/** Jobs for tests of the compute port, in a file of their own: a worker that imported the tests would run them as well. */
import type { Job } from '../../../src/io/compute.js'

export const double: Job<{ values: number[] }, number[]> = {
  module: import.meta.url,
  name: 'double',
  lane: 'request',
  run: ({ values }) => {
    if (values.length === 0) throw new Error('nothing to double')
    return values.map((value) => 2 * value)
  },
}

/** Does not end before the flag is set, or the time is up. */
export const held: Job<{ flag: Int32Array<SharedArrayBuffer>; longestMs: number }, string> = {
  module: import.meta.url,
  name: 'held',
  lane: 'background',
  run: ({ flag, longestMs }) => Atomics.wait(flag, 0, 0, longestMs),
}

export const quick: Job<number, number> = {
  module: import.meta.url,
  name: 'quick',
  lane: 'background',
  run: (value) => value,
}
