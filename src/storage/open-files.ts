/**
 * OpenFiles: the disk of the logs, on which any number of files may be open and only so many descriptors are taken. A file gets one when it is
 * needed, and gives it back when others need it more: the one that was not used for longest goes first.
 *
 * What was written through a descriptor is flushed before the descriptor is given back: whether the kernel has lost something of it on the way to
 * the device is told to a flush of a descriptor that was open then, and perhaps to no other. Who waits for a descriptor meanwhile waits in order.
 */
import { type Disk, type DiskDone, DiskError, type DiskFile, type DiskLock } from '../io/disk.js'
import { asDiskError } from './atomic-file.js'
import { parentOf } from './durable-directory.js'
import { type FileSlots, PooledFile } from './pooled-file.js'

/** Flushes that make room: as many as the thread pool of Node does at once. */
const FLUSHES_AT_ONCE = 4
/** There is no descriptor to be had. */
const NO_DESCRIPTOR: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE'])

type Granted = () => void

export class OpenFiles implements Disk, FileSlots {
  readonly #disk: Disk
  readonly #limit: number
  readonly #watchers: ((error: DiskError) => void)[] = []
  /** Those with a descriptor, the least recently used first. */
  readonly #withDescriptor = new Set<PooledFile>()
  #newest: PooledFile | undefined
  /** Descriptors that are taken, by files and for flushes of directories. */
  #taken = 0
  #flushing = 0
  #serving = false
  readonly #waiting: Granted[] = []
  /** Files that somebody has open, by directory: a rename takes them along. */
  readonly #open = new Map<string, Set<PooledFile>>()

  /** At most `limit` descriptors are held, and one more for as long as a call takes. */
  constructor(disk: Disk, limit: number) {
    this.#disk = disk
    this.#limit = limit
  }

  /** Tells of flushes that nobody asked for and that failed. */
  whenFlushFails(watcher: (error: DiskError) => void): void {
    this.#watchers.push(watcher)
  }

  get descriptors(): number {
    return this.#taken
  }

  makeDirectory(path: string): void {
    this.#disk.makeDirectory(path)
  }

  list(path: string): string[] {
    return this.#disk.list(path)
  }

  stat(path: string): ReturnType<Disk['stat']> {
    return this.#disk.stat(path)
  }

  /** A descriptor is taken at once only to make a file. */
  open(path: string, options: { readonly create: boolean }): DiskFile {
    const found = this.#disk.stat(path)
    if (found === undefined && !options.create) throw new DiskError('ENOENT', 'open', path)
    if (found?.kind === 'directory') throw new DiskError('EISDIR', 'open', path)
    const file = new PooledFile(this, path, found?.sizeBytes ?? 0)
    if (found === undefined) file.create()
    this.#named(file)
    return file
  }

  readFile(path: string): Uint8Array | undefined {
    return this.#disk.readFile(path)
  }

  rename(from: string, to: string): void {
    this.#disk.rename(from, to)
    for (const file of this.#openAt(to)) file.gone()
    for (const file of this.#openAt(from)) {
      this.closed(file)
      file.path = to + file.path.slice(from.length)
      this.#named(file)
    }
  }

  remove(path: string): void {
    this.#disk.remove(path)
    for (const file of this.#openAt(path)) file.gone()
  }

  flushDirectory(path: string, done: DiskDone): void {
    this.acquire(() =>
      this.#disk.flushDirectory(path, (error) => {
        this.release()
        done(error)
      }),
    )
  }

  lock(path: string, done: (error: DiskError | undefined, lock: DiskLock | undefined) => void): void {
    this.#disk.lock(path, done)
  }

  openNow(
    file: PooledFile,
    create: boolean,
    wantsSlot: boolean,
  ): { readonly descriptor: DiskFile; readonly passing: boolean } {
    const passing = !wantsSlot || (this.#taken >= this.#limit && !this.#evict())
    const descriptor = this.#opened(file.path, create)
    if (!passing) {
      this.#taken++
      this.#list(file)
    }
    return { descriptor, passing }
  }

  openInSlot(file: PooledFile): DiskFile {
    try {
      const descriptor = this.#opened(file.path, false)
      this.#list(file)
      return descriptor
    } catch (error) {
      this.release()
      throw error
    }
  }

  acquire(granted: Granted): void {
    if (this.#waiting.length === 0 && (this.#taken < this.#limit || this.#evict())) {
      this.#taken++
      return granted()
    }
    this.#waiting.push(granted)
    this.#makeRoom()
  }

  release(): void {
    this.#taken--
    this.#serve()
  }

  used(file: PooledFile): void {
    if (this.#newest === file) return
    this.#newest = file
    this.#withDescriptor.delete(file)
    this.#withDescriptor.add(file)
  }

  idle(): void {
    this.#serve()
  }

  gaveBack(file: PooledFile): void {
    this.#withDescriptor.delete(file)
    if (this.#newest === file) this.#newest = undefined
    this.release()
  }

  closed(file: PooledFile): void {
    const directory = parentOf(file.path)
    const files = this.#open.get(directory)
    files?.delete(file)
    if (files?.size === 0) this.#open.delete(directory)
  }

  /** The open file of this name, or all in the directory of this name. */
  #openAt(path: string): PooledFile[] {
    const beside = [...(this.#open.get(parentOf(path)) ?? [])]
    return [...beside.filter((file) => file.path === path), ...(this.#open.get(path) ?? [])]
  }

  #named(file: PooledFile): void {
    const directory = parentOf(file.path)
    const files = this.#open.get(directory)
    if (files === undefined) this.#open.set(directory, new Set([file]))
    else files.add(file)
  }

  /** The system may have fewer than the limit, or others in this process have taken many. Throws `DiskError`. */
  #opened(path: string, create: boolean): DiskFile {
    try {
      return this.#disk.open(path, { create })
    } catch (error) {
      if (!NO_DESCRIPTOR.has(asDiskError(error).code) || !this.#evict()) throw error
      return this.#disk.open(path, { create })
    }
  }

  #list(file: PooledFile): void {
    this.#withDescriptor.add(file)
    this.#newest = file
  }

  /** One after the other, also where what is served comes to its end at once: there may be thousands. */
  #serve(): void {
    if (this.#serving) return
    this.#serving = true
    while (this.#waiting.length > 0 && (this.#taken < this.#limit || this.#evict())) {
      this.#taken++
      this.#waiting.shift()!()
    }
    this.#serving = false
    this.#makeRoom()
  }

  /** Has the file closed that nothing is done with and was not used for longest, if that takes no flush. */
  #evict(): boolean {
    for (const file of this.#withDescriptor) {
      if (!file.canRest) continue
      this.#withDescriptor.delete(file)
      if (this.#newest === file) this.#newest = undefined
      this.#taken--
      file.rest()
      return true
    }
    return false
  }

  #makeRoom(): void {
    for (const file of this.#withDescriptor) {
      if (this.#flushing >= Math.min(FLUSHES_AT_ONCE, this.#waiting.length)) return
      if (!file.canRestFlushed) continue
      this.#flushing++
      file.flush((error) => {
        this.#flushing--
        if (error !== undefined) for (const watcher of this.#watchers) watcher(error)
        this.#serve()
      })
    }
  }
}
