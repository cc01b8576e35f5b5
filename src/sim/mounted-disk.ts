/** The disk port of a process on a machine with several devices: a path belongs to the device that is mounted at its beginning. */
import { type Disk, type DiskDone, DiskError, type DiskFile, type DiskLock } from '../io/disk.js'

export interface Mount {
  /** '' for the device of everything else. */
  readonly path: string
  readonly disk: Disk
}

export class MountedDisk implements Disk {
  readonly #mounts: readonly Mount[]

  /** The first is that of everything else. */
  constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts
  }

  makeDirectory(path: string): void {
    this.#at(path).makeDirectory(path)
  }

  list(path: string): string[] {
    return this.#at(path).list(path)
  }

  stat(path: string): ReturnType<Disk['stat']> {
    return this.#at(path).stat(path)
  }

  open(path: string, options: { readonly create: boolean }): DiskFile {
    return this.#at(path).open(path, options)
  }

  readFile(path: string): Uint8Array | undefined {
    return this.#at(path).readFile(path)
  }

  rename(from: string, to: string): void {
    const disk = this.#at(from)
    if (disk !== this.#at(to)) throw new DiskError('EXDEV', 'rename', to)
    disk.rename(from, to)
  }

  remove(path: string): void {
    this.#at(path).remove(path)
  }

  flushDirectory(path: string, done: DiskDone): void {
    this.#at(path).flushDirectory(path, done)
  }

  lock(path: string, done: (error: DiskError | undefined, lock: DiskLock | undefined) => void): void {
    this.#at(path).lock(path, done)
  }

  #at(path: string): Disk {
    return this.#mounts[mountOf(this.#mounts, path)]!.disk
  }
}

/** The number of the mount that a path is on. */
export function mountOf(mounts: readonly { readonly path: string }[], path: string): number {
  const at = mounts.findLastIndex((mount) => mount.path !== '' && `${path}/`.startsWith(`${mount.path}/`))
  return Math.max(0, at)
}
