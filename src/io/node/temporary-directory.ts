/** A directory for data that nobody wants to keep. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  readonly path: string
  remove(): void
}

export function makeTemporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'lograft-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
