/** The disk port on node:fs. */
import fs from 'node:fs'
import { dirname } from 'node:path'
import { type Disk, type DiskDone, DiskError, type DiskFile, type DiskLock, type DiskOperation } from '../disk.js'
import { lockDirectory } from './directory-lock.js'

/** A synchronous write that took this long met a full write-back queue: the next ones go through the thread pool. */
const STALLED_WRITE_MS = 20
/** For how long after such a write. */
const STALL_LASTS_MS = 1000

export class NodeDisk implements Disk {
  #stalledUntilMs = 0

  makeDirectory(path: string): void {
    attempt('make directory', path, () => makeDirectories(path))
  }

  list(path: string): string[] {
    return attempt('list', path, () => fs.readdirSync(path).sort())
  }

  stat(path: string): { kind: 'file' | 'directory'; sizeBytes: number } | undefined {
    const stats = attempt('stat', path, () => fs.statSync(path, { throwIfNoEntry: false }))
    return stats && { kind: stats.isDirectory() ? 'directory' : 'file', sizeBytes: stats.size }
  }

  open(path: string, { create }: { create: boolean }): DiskFile {
    // Positions are ours, not the kernel's (O_APPEND would ignore them), so that bytes can be written again in place.
    const flags = fs.constants.O_RDWR | (create ? fs.constants.O_CREAT : 0)
    return attempt('open', path, () => {
      const fd = fs.openSync(path, flags, 0o644)
      return new NodeFile(this, path, fd, fs.fstatSync(fd).size)
    })
  }

  readFile(path: string): Uint8Array | undefined {
    return attempt('read', path, () => {
      try {
        return fs.readFileSync(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    })
  }

  rename(from: string, to: string): void {
    attempt('rename', from, () => fs.renameSync(from, to))
  }

  remove(path: string): void {
    attempt('remove', path, () => fs.rmSync(path, { recursive: true, force: true }))
  }

  flushDirectory(path: string, done: DiskDone): void {
    // Windows has no such thing; its file systems keep names in their journal.
    if (process.platform === 'win32') return done(undefined)
    fs.open(path, 'r', (openError, fd) => {
      if (openError) return done(diskError('open', path, openError))
      fs.fsync(fd, (error) => {
        fs.closeSync(fd)
        done(error ? diskError('flush', path, error) : undefined)
      })
    })
  }

  lock(path: string, done: (error: DiskError | undefined, lock: DiskLock | undefined) => void): void {
    lockDirectory(path, done)
  }

  /** Whether writes should leave the event loop for now. */
  get stalled(): boolean {
    return performance.now() < this.#stalledUntilMs
  }

  /** Reports how long a write on the event loop took. */
  wrote(elapsedMs: number): void {
    if (elapsedMs > STALLED_WRITE_MS) this.#stalledUntilMs = performance.now() + STALL_LASTS_MS
  }
}

interface PendingWrite {
  readonly position: number
  readonly chunks: readonly Uint8Array[]
  readonly done: DiskDone
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #disk: NodeDisk
  readonly #fd: number
  #sizeBytes: number
  /** Writes given to the thread pool, the first of them under way. */
  readonly #pooled: PendingWrite[] = []
  /** Flushes, reads and pooled writes that are not done; the descriptor is closed after the last. */
  #operations = 0
  #closed = false
  #failure: DiskError | undefined

  constructor(disk: NodeDisk, path: string, fd: number, sizeBytes: number) {
    this.#disk = disk
    this.path = path
    this.#fd = fd
    this.#sizeBytes = sizeBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  append(chunks: readonly Uint8Array[], done: DiskDone): void {
    this.#check('append')
    if (this.#failure !== undefined) return done(this.#failure)
    const position = this.#sizeBytes
    for (const chunk of chunks) this.#sizeBytes += chunk.length
    this.#write({ position, chunks, done })
  }

  rewrite(position: number, bytes: Uint8Array, done: DiskDone): void {
    this.#check('rewrite')
    this.#write({ position, chunks: [bytes], done })
  }

  readSync(position: number, target: Uint8Array): number {
    this.#check('read')
    return attempt('read', this.path, () => fs.readSync(this.#fd, target, 0, target.length, position))
  }

  read(position: number, target: Uint8Array, done: (error: DiskError | undefined, bytesRead: number) => void): void {
    this.#check('read')
    this.#operations++
    fs.read(this.#fd, target, 0, target.length, position, (error, bytesRead) => {
      this.#finished()
      done(error ? diskError('read', this.path, error) : undefined, error ? 0 : bytesRead)
    })
  }

  truncate(sizeBytes: number): void {
    this.#check('truncate')
    attempt('truncate', this.path, () => fs.ftruncateSync(this.#fd, sizeBytes))
    this.#sizeBytes = sizeBytes
    this.#failure = undefined
  }

  flush(done: DiskDone): void {
    this.#check('flush')
    this.#operations++
    fs.fdatasync(this.#fd, (error) => {
      this.#finished()
      done(error ? diskError('flush', this.path, error) : undefined)
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#operations === 0) fs.closeSync(this.#fd)
  }

  /** The number of a descriptor that was closed may be that of another file by now. */
  #check(operation: DiskOperation): void {
    if (this.#closed) throw new DiskError('EBADF', operation, this.path)
  }

  #finished(operations = 1): void {
    this.#operations -= operations
    if (this.#closed && this.#operations === 0) fs.closeSync(this.#fd)
  }

  /** Synchronously while the page cache takes it at once: a hand-off to the pool costs twenty times a small write. */
  #write(write: PendingWrite): void {
    if (this.#pooled.length > 0 || this.#disk.stalled) {
      this.#operations++
      this.#pooled.push(write)
      if (this.#pooled.length === 1) this.#writePooled(write.position, write.chunks)
      return
    }
    const startMs = performance.now()
    let error: DiskError | undefined
    try {
      let { position, chunks } = write
      while (chunks.length > 0) {
        const written = fs.writevSync(this.#fd, chunks as NodeJS.ArrayBufferView[], position)
        position += written
        chunks = without(chunks, written)
      }
    } catch (cause) {
      error = diskError('append', this.path, cause as NodeJS.ErrnoException)
      this.#failure = error
    }
    this.#disk.wrote(performance.now() - startMs)
    write.done(error)
  }

  #writePooled(position: number, chunks: readonly Uint8Array[]): void {
    fs.writev(this.#fd, chunks as NodeJS.ArrayBufferView[], position, (cause, written) => {
      if (cause) return this.#failPooled(diskError('append', this.path, cause))
      const rest = without(chunks, written)
      if (rest.length > 0) return this.#writePooled(position + written, rest)
      const { done } = this.#pooled.shift()!
      const next = this.#pooled[0]
      if (next !== undefined) this.#writePooled(next.position, next.chunks)
      this.#finished()
      done(undefined)
    })
  }

  #failPooled(error: DiskError): void {
    this.#failure = error
    const lost = this.#pooled.splice(0)
    this.#finished(lost.length)
    for (const { done } of lost) done(error)
  }
}

/** What is left of the chunks after `written` bytes. */
function without(chunks: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let at = 0
  while (at < chunks.length && written >= chunks[at]!.length) written -= chunks[at++]!.length
  if (at === chunks.length) return []
  return written === 0 ? chunks.slice(at) : [chunks[at]!.subarray(written), ...chunks.slice(at + 1)]
}

/** With its parents. Not with Node's `recursive`: where a file system has no directories to make (/proc), it asks for ever. */
function makeDirectories(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeDirectories(parent)
  try {
    fs.mkdirSync(path)
  } catch (error) {
    // Somebody else was faster, which is as good.
    if (!fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

function attempt<T>(operation: DiskOperation, path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw diskError(operation, path, error as NodeJS.ErrnoException)
  }
}

function diskError(operation: DiskOperation, path: string, cause: NodeJS.ErrnoException): DiskError {
  return new DiskError(cause.code ?? 'EIO', operation, path)
}
