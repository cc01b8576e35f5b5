/**
 * Stop markers: what stands in a data directory of how it was left, and of which registration of the broker everything is there that it has reported
 * (KIP-966).
 *
 *   - `.lograft_running` stands while a node uses the directory. It names the boot of the operating system: in the same one the page cache has outlived the
 *     process, and with it all that was written.
 *   - `.kafka_cleanshutdown` stands after a stop in order. It goes, durably, before anything is read: a start that comes to no end must not look like that
 *     stop.
 */
import type { Disk, DiskDone } from '../io/disk.js'
import { asDiskError, writeAtomically } from './atomic-file.js'

/** Kafka's. */
export const CLEAN_MARKER = '.kafka_cleanshutdown'
const RUNNING_MARKER = '.lograft_running'
const NO_EPOCH = -1

/**
 * How the directory was left. `clean`: everything was flushed and written down. `processCrash`: the process died, the page cache lived.
 * `unclean`: what was not flushed may be gone.
 */
export type LastStop = 'new' | 'clean' | 'processCrash' | 'unclean'

export interface Markers {
  readonly lastStop: LastStop
  /** Of the broker's registration of which nothing is missing; -1: something may be, or it is not known. */
  readonly brokerEpoch: number
}

export interface Running {
  /** Undefined where it cannot be known. */
  readonly bootId: string | undefined
  /** As in `Markers`. */
  readonly brokerEpoch: number
}

/** Of a directory that has been in use. Throws `DiskError`. */
export function readMarkers(disk: Disk, path: string, bootId: string | undefined): Markers {
  const running = disk.readFile(`${path}/${RUNNING_MARKER}`)
  // Both markers: the crash came while one took the other's place. The one of the stop may not have been durable.
  if (running === undefined) {
    const clean = disk.readFile(`${path}/${CLEAN_MARKER}`)
    return clean === undefined ? UNCLEAN : { lastStop: 'clean', brokerEpoch: epochIn(clean) }
  }
  const sameBoot = bootId !== undefined && fieldsOf(running).bootId === bootId
  return sameBoot ? { lastStop: 'processCrash', brokerEpoch: epochIn(running) } : UNCLEAN
}

/** The directory is in use from now on; nothing may be appended before. */
export function markRunning(disk: Disk, path: string, running: Running, done: DiskDone): void {
  writeRunning(disk, path, running, (error) => {
    if (error !== undefined) return done(error)
    removeThenFlush(disk, path, CLEAN_MARKER, done)
  })
}

/** The same, under another registration. */
export function writeRunning(disk: Disk, path: string, { bootId, brokerEpoch }: Running, done: DiskDone): void {
  const marker = { version: 0, bootId: bootId ?? null, brokerEpoch }
  writeAtomically(disk, path, RUNNING_MARKER, Buffer.from(JSON.stringify(marker)), done)
}

/** What was written may be gone although the machine goes on: as far as the disk still does what it is asked, nothing is said of it. */
export function unmark(disk: Disk, path: string): void {
  try {
    disk.remove(`${path}/${RUNNING_MARKER}`)
  } catch {
    // It has failed already.
  }
}

/** Everything is flushed and written down. */
export function markClean(disk: Disk, path: string, brokerEpoch: number, done: DiskDone): void {
  const marker = Buffer.from(JSON.stringify({ version: 0, brokerEpoch }))
  writeAtomically(disk, path, CLEAN_MARKER, marker, (error) => {
    if (error !== undefined) return done(error)
    removeThenFlush(disk, path, RUNNING_MARKER, done)
  })
}

const UNCLEAN: Markers = { lastStop: 'unclean', brokerEpoch: NO_EPOCH }

function removeThenFlush(disk: Disk, path: string, name: string, done: DiskDone): void {
  try {
    disk.remove(`${path}/${name}`)
  } catch (cause) {
    return done(asDiskError(cause))
  }
  disk.flushDirectory(path, done)
}

function epochIn(marker: Uint8Array): number {
  const { brokerEpoch } = fieldsOf(marker)
  return typeof brokerEpoch === 'number' && Number.isSafeInteger(brokerEpoch) ? brokerEpoch : NO_EPOCH
}

function fieldsOf(marker: Uint8Array): { readonly bootId?: unknown; readonly brokerEpoch?: unknown } {
  try {
    const fields: unknown = JSON.parse(Buffer.from(marker).toString('utf8'))
    return typeof fields === 'object' && fields !== null ? fields : {}
  } catch {
    return {}
  }
}
