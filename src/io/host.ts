/** The host port: the process and the machine around it. */
export interface Host {
  /**
   * Identifies this boot of the operating system, undefined where it cannot be known. The same id as before a crash means
   * that the page cache has survived it.
   */
  readonly bootId: string | undefined
  /** The name that clients on other machines may reach this one by, if nothing else is configured. */
  readonly hostname: string
  /** Bytes that files below `path` can still take. */
  freeBytes(path: string): number
  /** Size of the volume that `path` is on; -1 where it cannot be known. */
  totalBytes(path: string): number
  /** What the process uses of the machine's memory. */
  memory(): MemoryUse
  /** Ends the process with this exit code, as soon as log lines are out. */
  exit(code: number): void
}

export interface MemoryUse {
  readonly residentBytes: number
  /** Of objects. */
  readonly heapUsedBytes: number
  /** Of buffers and other things outside of the heap. */
  readonly externalBytes: number
}
