/** Work that writes files of the logs of a data directory, other than appends and flushes: one thing at a time, at one log at a time. */
import type { DiskDone } from '../io/disk.js'
import type { LogDirectory } from './log-directory.js'
import type { PartitionLog } from './partition-log.js'

export type WorkName = 'checkpoint' | 'retention' | 'cleaning' | 'cut' | 'front' | 'mending'

interface Waiting {
  readonly work: (done: DiskDone) => void
  readonly dropped: (() => void) | undefined
}

export class LogWork {
  readonly #directory: LogDirectory
  #work: WorkName | undefined
  readonly #waiting = new Map<WorkName, Waiting>()
  /** The log that the work is at. */
  #workingOn: PartitionLog | undefined
  #whenLeft: (() => void)[] = []
  #stopped = false
  #afterWork: (() => void) | undefined

  constructor(directory: LogDirectory) {
    this.#directory = directory
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Begins nothing any more. */
  stop(): void {
    this.#stopped = true
  }

  /** After `stop`: calls back when what is under way has come to its end. */
  whenDone(callback: () => void): void {
    if (this.#work === undefined) callback()
    else this.#afterWork = callback
  }

  /**
   * Now, or when what is under way has come to its end. What waits already is not done twice. `dropped`: it is not done, because the directory is offline.
   */
  do(name: WorkName, work: (done: DiskDone) => void, dropped?: () => void): void {
    if (this.#stopped) return
    if (this.#directory.offline) return dropped?.()
    if (this.#work !== undefined) {
      if (this.#work !== name) this.#waiting.set(name, { work, dropped })
      return
    }
    this.#work = name
    work((error) => {
      this.#work = undefined
      if (error !== undefined) this.#directory.report(error)
      if (this.#stopped) return this.#afterWork?.()
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const [nextName, next] of waiting) this.do(nextName, next.work, next.dropped)
    })
  }

  /** Does something to a log that is in use, which stays so meanwhile. */
  at(log: PartitionLog, action: (left: DiskDone) => void, done: DiskDone): void {
    if (this.#stopped || log.closed) return done(undefined)
    this.#workingOn = log
    action((error) => {
      this.#workingOn = undefined
      for (const each of this.#whenLeft.splice(0)) each()
      done(error)
    })
  }

  /** Calls back when the work is not at this log. */
  whenLeft(log: PartitionLog, callback: () => void): void {
    if (log === this.#workingOn) this.#whenLeft.push(callback)
    else callback()
  }
}
