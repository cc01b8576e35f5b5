/** The writes of a log that are on their way to its files, and who waits for their end. */
import type { DiskError } from '../io/disk.js'
import type { LogSegment } from './log-segment.js'

interface Write {
  readonly segment: LogSegment
  readonly endBytes: number
  readonly endOffset: number
  state: 'pending' | 'done' | 'failed'
}

export class LogWrites {
  /** Oldest first. */
  #writes: Write[] = []
  #waiting: (() => void)[] = []

  /** A write of what `segment` has got so far begins; says how it ended. */
  begin(segment: LogSegment, endOffset: number): (error: DiskError | undefined) => void {
    const write: Write = { segment, endBytes: segment.sizeBytes, endOffset, state: 'pending' }
    this.#writes.push(write)
    return (error) => {
      write.state = error === undefined ? 'done' : 'failed'
    }
  }

  /** Those that are done and have none in front of them that is not. */
  *takeDone(): Generator<Write> {
    while (this.#writes[0]?.state === 'done') yield this.#writes.shift()!
  }

  /** Calls back when none is on its way. */
  afterAll(callback?: () => void): void {
    if (callback !== undefined) this.#waiting.push(callback)
    if (this.#writes.some(({ state }) => state === 'pending')) return
    for (const each of this.#waiting.splice(0)) each()
  }

  /** The log was built again from its files. */
  forget(): void {
    this.#writes = []
  }
}
