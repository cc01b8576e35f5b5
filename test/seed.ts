/**
 * The seed of a run of the properties. A commit is looked at with the same cases wherever and however often that is done, so that
 * what was seen to pass passes; every change has cases of its own, and a working tree that is not committed others each time.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'

export const SEED_VARIABLE = 'LOGRAFT_TEST_SEED'

/** Any text as the 32-bit seed that fast-check wants. */
export function seedNumber(text: string): number {
  return createHash('sha256').update(text).digest().readInt32LE()
}

function git(folder: string, ...args: string[]): string | undefined {
  const done = spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim() : undefined
}

/** The hash of the committed tree that `folder` holds unchanged; otherwise one of a moment. */
export function seedOf(folder: string): string {
  const tree = git(folder, 'status', '--porcelain') === '' ? git(folder, 'rev-parse', 'HEAD^{tree}') : undefined
  return tree ?? Date.now().toString(36)
}
