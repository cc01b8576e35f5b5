/** What a fuzz target is: something that draws an input from a seed, and judges what the code under test makes of it. */
import { Prng } from '../../src/base/prng.js'

/** How many inputs (parts of a case count each) were tried, and how many got past the first check of the code under test. */
export interface Outcome {
  readonly tried: number
  readonly past: number
}

export interface Target<Input = unknown> {
  readonly name: string
  /** The least share of inputs that must get past the first check, or the target only knocks at the door. */
  readonly floor: number
  /** The same numbers give the same input. */
  draw(random: Prng): Input
  /** The bytes that the code under test is given; for a failure's report. */
  bytesOf(input: Input): Uint8Array
  /** Throws where the code under test does what it must not. Depends on nothing but the input. */
  run(input: Input): Outcome
}

export const REJECTED: Outcome = { tried: 1, past: 0 }
export const ACCEPTED: Outcome = { tried: 1, past: 1 }

/** Of one case: the seed of the run, and which case it is. */
export function caseSeed(seed: string, index: number): string {
  return `${seed}:${index}`
}

/** The seed of the run and the case that it names; without a case it names a run. */
export function parseSeed(text: string): { readonly seed: string; readonly index: number | undefined } {
  const match = /^(.*):(\d{1,15})$/.exec(text)
  return match === null ? { seed: text, index: undefined } : { seed: match[1]!, index: Number(match[2]) }
}

export function randomOf(target: string, seed: string, index: number): Prng {
  return new Prng(`fuzz ${target} ${caseSeed(seed, index)}`)
}
