/** What the suite knows of a client: where it comes from, what it needs, and what it has to show. */
import { join } from 'node:path'
import { ROOT } from '../../jepsen/beds/installed.js'

export { cachePath, installOnce } from '../../jepsen/beds/installed.js'

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
