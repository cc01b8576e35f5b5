/** A directory of a runner, which goes when that ends, however it ends: after the programs that it has started, which may be writing until then. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleansUp } from '../jepsen/beds/children.js'

const TRIES = 20
const AGAIN_MS = 100
/** What somebody has written into it meanwhile says so. */
const STILL_WRITTEN = 'ENOTEMPTY'

export function runDirectory(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `lograft-${name}-`))
  cleansUp(() => {
    if (!removeWritten(path)) process.stderr.write(`${path} is left: it is still written to\n`)
  })
  return path
}

/** False: it was written to again and again. Nothing can be waited for at the end of a process but like this. */
export function removeWritten(path: string, remove = removeAll, againMs = AGAIN_MS): boolean {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againMs)
    try {
      remove(path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== STILL_WRITTEN) throw error
    }
  }
  return false
}

function removeAll(path: string): void {
  rmSync(path, { recursive: true, force: true })
}
