/** A program that uses the disk of a simulated machine, in many worlds. */
import assert from 'node:assert/strict'
import { type DiskDone, DiskError } from '../../src/io/disk.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { type Computer, Computers } from './computers.js'

export const SEEDS = 60

export function inManyWorlds(action: (computers: Computers, computer: Computer, seed: number) => void): void {
  for (let seed = 0; seed < SEEDS; seed++) {
    const computers = new Computers(seed)
    action(computers, computers.add('a'), seed)
  }
}

/** Remembers what each operation was told. */
export class Told {
  readonly lines: string[] = []

  by(name: string): DiskDone {
    return (error) => this.lines.push(`${name}: ${error === undefined ? 'done' : error.code}`)
  }
}

export const text = (content: string): Buffer[] => [Buffer.from(content)]

export function contentOf({ machine }: Computer, path: string): string | undefined {
  const found = machine.device.find(path)
  return found instanceof SimulatedFile ? found.content.toString('latin1') : undefined
}

export function refuses(code: string, action: () => unknown): void {
  assert.throws(action, (error) => error instanceof DiskError && error.code === code, code)
}
