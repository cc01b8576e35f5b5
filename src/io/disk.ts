/**
 * The disk port: files that grow at their end, directories, flushes.
 *
 * What is cheap and rare (open, rename, list ...) is synchronous and throws `DiskError`; what can wait for a device takes
 * a completion. A completion may come before the call returns. Nothing is durable until a flush says so: a file's bytes
 * by `flush` of the file, its name (also after a rename or a removal) by `flushDirectory` of the directory it stands in.
 *
 * Not here: retries. A flush that failed has lost what it was to keep, whatever a second one answers.
 */
export interface Disk {
  /** Creates the directory and those above it; fine if it exists. */
  makeDirectory(path: string): void
  /** Names of the entries, sorted. Throws ENOENT. */
  list(path: string): string[]
  /** Undefined if nothing is there. */
  stat(path: string): { readonly kind: 'file' | 'directory'; readonly sizeBytes: number } | undefined
  /** Opens for reading and appending; creates an empty file where `create` says so and there is none. Throws ENOENT. */
  open(path: string, options: { readonly create: boolean }): DiskFile
  /** The whole content of a small file. Undefined if there is none. */
  readFile(path: string): Uint8Array | undefined
  /** Atomic for those who look meanwhile and replaces a file at `to`; durable only after `flushDirectory`. */
  rename(from: string, to: string): void
  /** Removes a file, or a directory with all that is in it. Fine if there is none. */
  remove(path: string): void
  flushDirectory(path: string, done: DiskDone): void
  /** Takes the directory for this process until `release` or its death; refused with EBUSY while another one holds it. */
  lock(path: string, done: (error: DiskError | undefined, lock: DiskLock | undefined) => void): void
}

export interface DiskFile {
  readonly path: string
  /** The end of the file, with every append counted that was asked for and has not failed. */
  readonly sizeBytes: number
  /**
   * Writes the chunks at the end, one after the other, after all appends asked for before. The chunks must not change
   * until `done`. After an error an unknown part of them stands at the end, nothing queued behind it was written, and
   * every further append fails until `truncate` has cut the file back.
   */
  append(chunks: readonly Uint8Array[], done: DiskDone): void
  /**
   * Writes bytes that stand there already once more, so that the next flush takes them to the device whatever became of an earlier
   * one: after a flush that failed, the kernel counts what it could not write as clean.
   */
  rewrite(position: number, bytes: Uint8Array, done: DiskDone): void
  /** Reads from the page cache or waits for the device; returns the number of bytes, fewer than asked at the end. */
  readSync(position: number, target: Uint8Array): number
  /** The same off the event loop, for what is probably cold. */
  read(position: number, target: Uint8Array, done: (error: DiskError | undefined, bytesRead: number) => void): void
  /** Cuts the file. Not while an append is on its way. */
  truncate(sizeBytes: number): void
  /** Done: all bytes whose append was done when this was called are durable. An error is final: see the top. */
  flush(done: DiskDone): void
  /** Flushes nothing. Completions on their way still come. */
  close(): void
}

export interface DiskLock {
  release(): void
}

export type DiskDone = (error: DiskError | undefined) => void

export type DiskOperation =
  | 'make directory'
  | 'list'
  | 'stat'
  | 'open'
  | 'read'
  | 'append'
  | 'rewrite'
  | 'truncate'
  | 'flush'
  | 'rename'
  | 'remove'
  | 'lock'

/** What the operating system refused. `code` is errno's name: ENOSPC, EIO, ENOENT, EBUSY, EMFILE, EACCES ... */
export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: string
  readonly operation: DiskOperation
  readonly path: string

  constructor(code: string, operation: DiskOperation, path: string) {
    super(`${operation} ${path}: ${code}`)
    this.code = code
    this.operation = operation
    this.path = path
  }
}
