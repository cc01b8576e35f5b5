/** What the suite knows of a client: where it comes from, what it needs, and what it has to show. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the clone; this file runs from <root>/<build>/test/interop/. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CACHE = join(ROOT, '.interop')

/** One broker, or three with three replicas of everything. */
export type BrokerCount = 'one' | 'three'

export interface Client {
  readonly name: string
  readonly about: string
  /** What the client needs and this machine has not; undefined if it can be tried. May install what the machine's own packages give. */
  readonly missing: () => Promise<string | undefined> | string | undefined
  /** Brings the pinned version into the cache. */
  readonly install?: () => Promise<void>
  readonly checks: readonly Check[]
  /** What it is tried on; `own`: on brokers that its checks start. */
  readonly brokers: BrokerCount | 'own'
  /** It fetches in sessions (KIP-227), which is looked at behind its checks. */
  readonly fetchesInSessions?: true
}

export interface Check {
  readonly name: string
  /** As of the client, for one check. */
  readonly missing?: () => Promise<string | undefined> | string | undefined
  /** It starts brokers of its own, and runs beside what is tried on others. */
  readonly ownBrokers?: true
  /** Throws, or says what it compared. */
  readonly run: (context: Context) => Promise<string>
}

export interface Context {
  /** host:port; of three brokers with commas. Empty where the checks start their own. */
  readonly bootstrap: string
  /** Where the broker keeps its data; three do in directories there. */
  readonly dataPath: string
  /** A path for a file of the suite, in a directory that is removed with it. */
  readonly file: (name: string) => string
}

/** A file of the suite's sources: pins, programs in other languages. */
export function sourcePath(...names: readonly string[]): string {
  return join(ROOT, 'test', 'interop', ...names)
}

export function cachePath(...names: readonly string[]): string {
  return join(CACHE, ...names)
}

/**
 * Installs into a folder of the cache unless that was done with the same `pins`: the files that name the versions, and the version of what
 * runs it. A half-done installation counts as none.
 */
export async function installOnce(
  folder: string,
  pins: { readonly files: readonly string[]; readonly runtime: string },
  install: (path: string) => Promise<void>,
): Promise<void> {
  const digest = createHash('sha256').update(pins.runtime)
  for (const file of pins.files) digest.update(readFileSync(file))
  const wanted = digest.digest('hex')
  const path = cachePath(folder)
  const stamp = join(path, '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  await install(path)
  writeFileSync(stamp, wanted)
}
