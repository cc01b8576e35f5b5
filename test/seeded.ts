/** Loaded before every test file by `run.ts`: the cases that fast-check draws follow from the seed of the run. */
import fc from 'fast-check'
import { SEED_VARIABLE, seedNumber } from './seed.js'

const seed = process.env[SEED_VARIABLE]
if (seed !== undefined) fc.configureGlobal({ seed: seedNumber(seed) })
// What tests start is not a test.
process.env['NODE_OPTIONS'] = process.env['NODE_OPTIONS']?.replace(/ ?--import=\S*\/seeded\.js$/, '')
