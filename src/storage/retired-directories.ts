/**
 * Directories of partitions that are not in use any more. They get another name at once, so that a topic of the same name can be made; those of deleted
 * topics are removed after a while, file by file, so that a large one does not hold up the node. A crash leaves some behind: their names tell the
 * next start what they are.
 *
 * Who retires one does not wait for the device: if a power loss takes the new name back, the directory is one that the metadata does not know, and says
 * so itself. That is why the new name is made durable before any of the files goes: a log that came back without `partition.metadata` would be taken
 * for that of the next topic of that name.
 */
import type { Timer } from '../io/clock.js'
import type { Ports } from '../io/ports.js'
import { asDiskError } from './atomic-file.js'
import type { LogDirectory } from './log-directory.js'
import { type Retired, retiredDirectoryName } from './log-files.js'

/** Between two files, for other work. */
const BETWEEN_FILES_MS = 1
/** After a flush for which there was no descriptor, say. */
const RETRY_MS = 1000

export class RetiredDirectories {
  readonly #ports: Ports
  readonly #directory: LogDirectory
  #delayMs: number
  /** To be removed, and since when, in order of time. */
  readonly #doomed = new Map<string, number>()
  /** Of those, the names that no power loss takes back. */
  readonly #named = new Set<string>()
  #timer: Timer | undefined
  #stopped = false

  constructor(ports: Ports, directory: LogDirectory, delayMs: number) {
    this.#ports = ports
    this.#directory = directory
    this.#delayMs = delayMs
  }

  /** Also of those that wait already. */
  set delayMs(delayMs: number) {
    if (delayMs === this.#delayMs) return
    this.#delayMs = delayMs
    this.#timer?.cancel()
    this.#schedule()
  }

  /** Gives the directory, if there is one, a name that says why nobody uses it. */
  retire(name: string, why: Retired): void {
    const { disk, random, logger } = this.#ports
    const { path } = this.#directory
    try {
      if (disk.stat(`${path}/${name}`) === undefined) return
      const retired = retiredDirectoryName(name, Buffer.from(random.bytes(16)).toString('hex'), why)
      disk.rename(`${path}/${name}`, `${path}/${retired}`)
      if (why === 'delete') this.removeLater(retired)
      else logger.warn({ directory: `${path}/${retired}` }, 'a partition that the metadata does not know was put aside')
    } catch (error) {
      this.#directory.report(asDiskError(error))
    }
  }

  /** Removes a directory of that kind when the delay is over. */
  removeLater(name: string): void {
    if (this.#stopped || this.#doomed.has(name)) return
    this.#doomed.set(name, this.#ports.clock.monotonicMs())
    if (this.#doomed.size === 1) this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #schedule(leastMs = BETWEEN_FILES_MS): void {
    const [first] = this.#doomed
    if (first === undefined || this.#stopped) return
    const [name, sinceMs] = first
    const delayMs = Math.max(leastMs, sinceMs + this.#delayMs - this.#ports.clock.monotonicMs())
    this.#timer = this.#ports.clock.timer(delayMs, () => {
      if (this.#directory.offline) return
      if (!this.#named.has(name)) return this.#makeNamesDurable()
      if (this.#removeSome(name)) {
        this.#doomed.delete(name)
        this.#named.delete(name)
      }
      this.#schedule()
    })
  }

  #makeNamesDurable(): void {
    const names = [...this.#doomed.keys()]
    this.#ports.disk.flushDirectory(this.#directory.path, (error) => {
      if (error === undefined) for (const name of names) this.#named.add(name)
      else this.#directory.report(error)
      this.#schedule(error === undefined ? BETWEEN_FILES_MS : RETRY_MS)
    })
  }

  /** True: nothing is left of it, or nothing can be done about it now. */
  #removeSome(name: string): boolean {
    const { disk } = this.#ports
    const path = `${this.#directory.path}/${name}`
    try {
      const file = disk.stat(path) === undefined ? undefined : disk.list(path)[0]
      disk.remove(file === undefined ? path : `${path}/${file}`)
      return file === undefined
    } catch (error) {
      this.#directory.report(asDiskError(error))
      return true
    }
  }
}
