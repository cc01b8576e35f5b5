/** Makes figures out of samples. */
import type { Figure } from '../benchmark.js'
import { median } from './statistics.js'

export function figure(name: string, unit: Figure['unit'], samples: readonly number[]): Figure {
  return { name, unit, value: median(samples), samples }
}
