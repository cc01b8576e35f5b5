/**
 * PooledFile: a file that is open for whoever has it, and takes a descriptor only while something is done with it, and until others need one more.
 * A flush that failed is remembered: no descriptor that is opened later is asked again.
 */
import { type DiskDone, DiskError, type DiskFile, type DiskOperation } from '../io/disk.js'
import { asDiskError } from './atomic-file.js'

/** Who gives descriptors out. */
export interface FileSlots {
  /**
   * Opens now; `passing`: there is no slot for it, or none is wanted, and it has to be closed within the call. Throws `DiskError`.
   */
  openNow(
    file: PooledFile,
    create: boolean,
    wantsSlot: boolean,
  ): { readonly descriptor: DiskFile; readonly passing: boolean }
  /** Calls back when there is a slot, which is then taken: `openInSlot` or `release` comes next. */
  acquire(granted: () => void): void
  release(): void
  /** Throws `DiskError`, and then the slot is not taken any more. */
  openInSlot(file: PooledFile): DiskFile
  /** Something is done with the file's descriptor. */
  used(file: PooledFile): void
  /** Nothing is done with it any more. */
  idle(): void
  /** The file was closed by its owner, with its descriptor. */
  gaveBack(file: PooledFile): void
  /** The file was closed by its owner. */
  closed(file: PooledFile): void
}

interface Waiting {
  readonly go: (descriptor: DiskFile) => void
  readonly fail: (error: DiskError) => void
}

export class PooledFile implements DiskFile {
  /** Changes with its name. */
  path: string
  readonly #slots: FileSlots
  #sizeBytes: number
  #descriptor: DiskFile | undefined
  /** Not done yet; those that wait for a descriptor are among them. */
  #operations = 0
  #waiting: Waiting[] = []
  #writesAsked = 0
  #writesDone = 0
  #writesFlushed = 0
  /** Of an append. */
  #failure: DiskError | undefined
  #flushFailure: DiskError | undefined
  #closed = false
  #isGone = false

  constructor(slots: FileSlots, path: string, sizeBytes: number) {
    this.#slots = slots
    this.path = path
    this.#sizeBytes = sizeBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Whether the descriptor may be closed as it is. */
  get canRest(): boolean {
    return this.#operations === 0 && (!this.#isDirty || this.#flushFailure !== undefined)
  }

  /** Whether it may be closed after a flush. */
  get canRestFlushed(): boolean {
    return this.#operations === 0 && this.#isDirty && this.#flushFailure === undefined
  }

  /** Throws `DiskError`. */
  create(): void {
    const { descriptor, passing } = this.#slots.openNow(this, true, true)
    this.#sizeBytes = descriptor.sizeBytes
    if (passing) descriptor.close()
    else this.#descriptor = descriptor
  }

  /** Its name is that of another file, or of none, from now on. */
  gone(): void {
    this.#isGone = true
  }

  /** Closes the descriptor, whose slot is somebody else's. */
  rest(): void {
    this.#descriptor?.close()
    this.#descriptor = undefined
  }

  append(chunks: readonly Uint8Array[], done: DiskDone): void {
    this.#check('append')
    if (this.#failure !== undefined) return done(this.#failure)
    for (const chunk of chunks) this.#sizeBytes += chunk.length
    this.#writesAsked++
    const finish: DiskDone = (error) => {
      this.#writesDone++
      if (error !== undefined) this.#failure ??= error
      this.#finished()
      done(error)
    }
    this.#soon((descriptor) => descriptor.append(chunks, finish), finish)
  }

  rewrite(position: number, bytes: Uint8Array, done: DiskDone): void {
    this.#check('rewrite')
    this.#writesAsked++
    const finish: DiskDone = (error) => {
      this.#writesDone++
      this.#finished()
      done(error)
    }
    this.#soon((descriptor) => descriptor.rewrite(position, bytes, finish), finish)
  }

  readSync(position: number, target: Uint8Array): number {
    this.#check('read')
    return this.#now((descriptor) => descriptor.readSync(position, target))
  }

  read(position: number, target: Uint8Array, done: (error: DiskError | undefined, bytesRead: number) => void): void {
    this.#check('read')
    const finish = (error: DiskError | undefined, bytesRead: number): void => {
      this.#finished()
      done(error, bytesRead)
    }
    this.#soon(
      (descriptor) => descriptor.read(position, target, finish),
      (error) => finish(error, 0),
    )
  }

  truncate(sizeBytes: number): void {
    this.#check('truncate')
    this.#now((descriptor) => descriptor.truncate(sizeBytes))
    this.#sizeBytes = sizeBytes
    this.#failure = undefined
  }

  flush(done: DiskDone): void {
    this.#check('flush')
    if (this.#flushFailure !== undefined) return done(this.#flushFailure)
    const writes = this.#writesDone
    const finish: DiskDone = (error) => {
      this.#finished()
      done(error)
    }
    this.#soon((descriptor) => {
      descriptor.flush((error) => {
        if (error === undefined) this.#writesFlushed = Math.max(this.#writesFlushed, writes)
        else this.#flushFailure ??= error
        finish(this.#flushFailure)
      })
    }, finish)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#slots.closed(this)
    // An error knows where it was made, which takes a while.
    if (this.#waiting.length > 0) this.#failWaiting(new DiskError('EBADF', 'open', this.path))
    if (this.#operations === 0) this.#giveBack()
  }

  get #isDirty(): boolean {
    return this.#writesAsked > this.#writesFlushed
  }

  #check(operation: DiskOperation): void {
    if (this.#closed) throw new DiskError('EBADF', operation, this.path)
  }

  /** Does it with the descriptor that it has or gets for it. Throws `DiskError`. */
  #now<T>(action: (descriptor: DiskFile) => T): T {
    if (this.#descriptor !== undefined) {
      this.#slots.used(this)
      return action(this.#descriptor)
    }
    if (this.#isGone) throw new DiskError('EBADF', 'open', this.path)
    // What waits for a slot comes to it in its turn: a descriptor got in between could neither be used for it nor be taken away again.
    const { descriptor, passing } = this.#slots.openNow(this, false, this.#waiting.length === 0)
    if (!passing) {
      this.#descriptor = descriptor
      return action(descriptor)
    }
    try {
      return action(descriptor)
    } finally {
      descriptor.close()
    }
  }

  /** Does it as soon as there is a descriptor, in the order in which it was asked for. */
  #soon(go: (descriptor: DiskFile) => void, fail: (error: DiskError) => void): void {
    this.#operations++
    if (this.#waiting.length === 0 && this.#descriptor !== undefined) {
      this.#slots.used(this)
      return go(this.#descriptor)
    }
    this.#waiting.push({ go, fail })
    if (this.#waiting.length === 1) this.#slots.acquire(() => this.#slotGranted())
  }

  #slotGranted(): void {
    // A call that could not wait may have got a descriptor meanwhile, or the file was closed.
    if (this.#descriptor !== undefined || this.#waiting.length === 0) this.#slots.release()
    else if (this.#isGone) {
      this.#slots.release()
      return this.#failWaiting(new DiskError('EBADF', 'open', this.path))
    } else {
      try {
        this.#descriptor = this.#slots.openInSlot(this)
      } catch (error) {
        return this.#failWaiting(asDiskError(error))
      }
    }
    // What is done at once may have made room for others, and been followed by more.
    while (this.#descriptor !== undefined && this.#waiting.length > 0) this.#waiting.shift()!.go(this.#descriptor)
  }

  #failWaiting(error: DiskError): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { fail } of waiting) fail(error)
  }

  #finished(): void {
    this.#operations--
    if (this.#operations > 0) return
    if (this.#closed) this.#giveBack()
    else this.#slots.idle()
  }

  #giveBack(): void {
    if (this.#descriptor === undefined) return
    this.#descriptor.close()
    this.#descriptor = undefined
    this.#slots.gaveBack(this)
  }
}
