/**
 * The disk port of one simulated process. Operations with a completion finish at once or after a while, as the seed has it; those without take
 * the process's time. Any of them can be the one in which the process dies: done, done in part, or not done.
 */
import { type Disk, type DiskDone, DiskError, type DiskFile, type DiskLock, type DiskOperation } from '../io/disk.js'
import { type CrashPoint, type DiskDevice, partsOf } from './disk-device.js'
import { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'
import { ProcessDead, type SimulatedProcess } from './process.js'

interface Label {
  readonly own: string
  /** With the name of the process. */
  readonly ofProcess: string
}

export class SimulatedDisk implements Disk {
  readonly device: DiskDevice
  readonly process: SimulatedProcess
  /** How likely an operation finishes within the call. */
  readonly #atOnceChance: number
  /** What the death of the process leaves of operations on their way. */
  readonly #unfinished = new Set<() => void>()
  /** What operations are called, by path: there are few paths and many operations. */
  readonly #labels = new Map<string, Map<DiskOperation, Label>>()

  constructor(device: DiskDevice, process: SimulatedProcess) {
    this.device = device
    this.process = process
    this.#atOnceChance = process.random.pick([0, 0.5, 0.95])
    process.whenDead(() => {
      for (const abandon of this.#unfinished) abandon()
      for (const [path, lock] of device.locks) if (lock.process === process) device.locks.delete(path)
    })
  }

  makeDirectory(path: string): void {
    this.#now('make directory', path, () => {
      let at = this.device.root
      for (const part of partsOf(path)) {
        let next = at.get(part)
        if (next === undefined) at.set(part, (next = new SimulatedDirectory()))
        if (!(next instanceof SimulatedDirectory)) throw new DiskError('ENOTDIR', 'make directory', path)
        at = next
      }
    })
  }

  list(path: string): string[] {
    this.process.assertAlive()
    const entry = this.device.find(path)
    if (!(entry instanceof SimulatedDirectory)) throw new DiskError('ENOENT', 'list', path)
    return entry.names
  }

  stat(path: string): { kind: 'file' | 'directory'; sizeBytes: number } | undefined {
    this.process.assertAlive()
    const entry = this.device.find(path)
    if (entry === undefined) return undefined
    return entry instanceof SimulatedFile
      ? { kind: 'file', sizeBytes: entry.sizeBytes }
      : { kind: 'directory', sizeBytes: 0 }
  }

  open(path: string, { create }: { create: boolean }): DiskFile {
    this.process.assertAlive()
    let entry = this.device.find(path)
    if (entry === undefined && create) {
      this.#now('open', path, () => {
        const { parent, name } = this.device.parentOf(path, 'open')
        entry = new SimulatedFile()
        parent.set(name, entry)
      })
    }
    if (!(entry instanceof SimulatedFile)) throw new DiskError(entry === undefined ? 'ENOENT' : 'EISDIR', 'open', path)
    this.takeDescriptor('open', path)
    return new SimulatedDiskFile(this, path, entry)
  }

  /** Throws EMFILE if the process holds as many as it may. */
  takeDescriptor(operation: DiskOperation, path: string): void {
    const { process } = this
    if (process.descriptors >= this.device.faults.descriptorLimit) {
      this.device.strike('few-descriptors')
      throw new DiskError('EMFILE', operation, path)
    }
    process.descriptors++
    process.mostDescriptors = Math.max(process.mostDescriptors, process.descriptors)
  }

  readFile(path: string): Uint8Array | undefined {
    this.process.assertAlive()
    const entry = this.device.find(path)
    if (entry === undefined) return undefined
    if (!(entry instanceof SimulatedFile)) throw new DiskError('EISDIR', 'read', path)
    this.device.mayFail('read', path)
    return Buffer.from(entry.content)
  }

  rename(from: string, to: string): void {
    this.#now('rename', from, () => {
      const source = this.device.parentOf(from, 'rename')
      const target = this.device.parentOf(to, 'rename')
      if (source.parent.get(source.name) === undefined) throw new DiskError('ENOENT', 'rename', from)
      if (source.parent !== target.parent) throw new DiskError('EXDEV', 'rename', to)
      source.parent.rename(source.name, target.name)
    })
  }

  remove(path: string): void {
    this.#now('remove', path, () => {
      if (this.device.find(path) === undefined) return
      const { parent, name } = this.device.parentOf(path, 'remove')
      parent.remove(name)
    })
  }

  flushDirectory(path: string, done: DiskDone): void {
    this.process.assertAlive()
    const entry = this.device.find(path)
    if (!(entry instanceof SimulatedDirectory)) return done(new DiskError('ENOENT', 'flush', path))
    try {
      this.takeDescriptor('open', path)
    } catch (error) {
      return done(error as DiskError)
    }
    const changes = entry.beginFlush()
    this.later('flush', path, (fate) => {
      const error = fate === 'done' ? this.flushError(path) : undefined
      this.process.descriptors--
      if (fate === 'done') entry.endFlush(changes, error === undefined)
      return () => done(error)
    })
  }

  lock(path: string, done: (error: DiskError | undefined, lock: DiskLock | undefined) => void): void {
    this.process.assertAlive()
    const key = partsOf(path).join('/')
    this.process.after(this.process.random.float(), 'arrival', `lock ${path}`, () => {
      if (this.device.locks.has(key)) return done(new DiskError('EBUSY', 'lock', path), undefined)
      const lock = {
        process: this.process,
        release: () => {
          // Somebody else's by now, if it was let go before.
          if (this.device.locks.get(key) === lock) this.device.locks.delete(key)
        },
      }
      this.device.locks.set(key, lock)
      done(undefined, lock)
    })
  }

  /** Why a flush fails, if it is this one's turn. */
  flushError(path: string): DiskError | undefined {
    const { device } = this
    if (!device.random.chance(device.faults.failedFlushChance)) return undefined
    device.strike('failed-flush')
    return new DiskError('EIO', 'flush', path)
  }

  /**
   * An operation with a completion. `action` takes effect and returns what to tell the process; it is told whether the operation was done,
   * or in which state the death of the process has left it.
   */
  later(operation: DiskOperation, path: string, action: (fate: Fate) => () => void): void {
    const { process, device } = this
    process.assertAlive()
    const crash = device.takeCrashPoint()
    if (crash !== undefined) {
      action(device.random.pick(['done', 'partly done', 'not done']))
      return this.#die(crash)
    }
    const abandon = (): void => void action(device.random.pick(['partly done', 'not done']))
    const label = this.#labelOf(operation, path)
    const finish = (): void => {
      this.#unfinished.delete(abandon)
      const tell = action('done')
      process.simulation.note(label.ofProcess)
      tell()
    }
    const latencyMs = device.latencyMs(process.nowMs)
    if (latencyMs < 5 && process.random.chance(this.#atOnceChance)) return finish()
    this.#unfinished.add(abandon)
    process.after(latencyMs, 'arrival', label.own, finish)
  }

  #labelOf(operation: DiskOperation, path: string): Label {
    let labels = this.#labels.get(path)
    if (labels === undefined) this.#labels.set(path, (labels = new Map()))
    let label = labels.get(operation)
    if (label === undefined) {
      const own = `${operation} ${path}`
      labels.set(operation, (label = { own, ofProcess: `${this.process.name}: ${own}` }))
    }
    return label
  }

  /** An operation that the process waits for. */
  #now(operation: DiskOperation, path: string, action: () => void): void {
    const { process, device } = this
    process.assertAlive()
    process.pause(device.latencyMs(process.nowMs))
    device.mayFail(operation, path)
    const crash = device.takeCrashPoint()
    if (crash === undefined || device.random.chance(0.5)) {
      process.simulation.note(this.#labelOf(operation, path).ofProcess)
      action()
    }
    if (crash !== undefined) this.#die(crash)
  }

  #die(crash: CrashPoint): never {
    crash.strike()
    throw new ProcessDead(this.process.name)
  }
}

/** What became of an operation. */
export type Fate = 'done' | 'partly done' | 'not done'

class SimulatedDiskFile implements DiskFile {
  readonly path: string
  readonly #disk: SimulatedDisk
  readonly #file: SimulatedFile
  /** With the appends that are still on their way. */
  #endBytes: number
  #failure: DiskError | undefined
  /** Appends on their way, oldest first: they take effect in this order. */
  readonly #queue: { readonly start: () => void }[] = []
  #closed = false

  constructor(disk: SimulatedDisk, path: string, file: SimulatedFile) {
    this.#disk = disk
    this.path = path
    this.#file = file
    this.#endBytes = file.sizeBytes
  }

  get sizeBytes(): number {
    return this.#endBytes
  }

  append(chunks: readonly Uint8Array[], done: DiskDone): void {
    this.#check('append')
    if (this.#failure !== undefined) return done(this.#failure)
    const position = this.#endBytes
    const bytes = Buffer.concat(chunks)
    this.#endBytes += bytes.length
    this.#enqueue(() => this.#write('append', position, bytes, chunks, done), done)
  }

  rewrite(position: number, bytes: Uint8Array, done: DiskDone): void {
    this.#check('rewrite')
    this.#enqueue(() => this.#write('rewrite', position, Buffer.from(bytes), [bytes], done), done)
  }

  readSync(position: number, target: Uint8Array): number {
    this.#check('read')
    this.#disk.device.mayFail('read', this.path)
    return this.#file.read(position, target)
  }

  read(position: number, target: Uint8Array, done: (error: DiskError | undefined, bytesRead: number) => void): void {
    this.#check('read')
    this.#disk.later('read', this.path, (fate) => {
      if (fate !== 'done') return () => {}
      let error: DiskError | undefined
      let length = 0
      try {
        // Not readSync: the file may have been closed meanwhile, and a read that has begun is seen through.
        this.#disk.device.mayFail('read', this.path)
        length = this.#file.read(position, target)
      } catch (cause) {
        if (!(cause instanceof DiskError)) throw cause
        error = cause
      }
      return () => done(error, length)
    })
  }

  truncate(sizeBytes: number): void {
    this.#check('truncate')
    if (this.#queue.length > 0) throw new Error(`truncate of ${this.path} while an append is on its way`)
    this.#disk.device.mayFail('truncate', this.path)
    this.#file.truncate(sizeBytes)
    this.#endBytes = sizeBytes
    this.#failure = undefined
  }

  flush(done: DiskDone): void {
    this.#check('flush')
    const pending = this.#file.beginFlush()
    this.#disk.later('flush', this.path, (fate) => {
      const error = fate === 'done' ? this.#disk.flushError(this.path) : undefined
      if (fate === 'done') this.#file.endFlush(pending, error === undefined)
      return () => done(error)
    })
  }

  close(): void {
    if (!this.#closed) this.#disk.process.descriptors--
    this.#closed = true
  }

  #check(operation: DiskOperation): void {
    this.#disk.process.assertAlive()
    if (this.#closed) throw new DiskError('EBADF', operation, this.path)
  }

  #enqueue(start: () => void, done: DiskDone): void {
    const entry = {
      start: () => (this.#failure === undefined ? start() : this.#finish(() => done(this.#failure))),
    }
    this.#queue.push(entry)
    if (this.#queue.length === 1) entry.start()
  }

  #finish(tell: () => void): void {
    this.#queue.shift()
    this.#queue[0]?.start()
    tell()
  }

  #write(
    operation: 'append' | 'rewrite',
    position: number,
    bytes: Buffer,
    chunks: readonly Uint8Array[],
    done: DiskDone,
  ): void {
    const { device, process } = this.#disk
    this.#disk.later(operation, this.path, (fate) => {
      if (fate !== 'done') {
        const part = fate === 'not done' ? 0 : device.random.below(bytes.length + 1)
        if (part > 0 && part < bytes.length) device.strike('torn-write')
        this.#file.write(position, bytes.subarray(0, part))
        return () => {}
      }
      if (!isMadeOf(bytes, chunks)) throw new Error(`bytes changed while they were written to ${this.path}`)
      const error = this.#writeError(operation, position, bytes)
      process.simulation.hash.bytes(bytes)
      return () => this.#finish(() => done(error))
    })
  }

  /** Writes, or a part of it and says why not all. */
  #writeError(operation: 'append' | 'rewrite', position: number, bytes: Buffer): DiskError | undefined {
    const { device } = this.#disk
    const growth = Math.max(0, position + bytes.length - this.#file.sizeBytes)
    let code: string | undefined
    if (growth > device.freeBytes) {
      device.strike('disk-full')
      code = 'ENOSPC'
    } else if (device.faults.ioErrorChance > 0 && device.random.chance(device.faults.ioErrorChance)) {
      device.strike('io-error')
      code = 'EIO'
    }
    if (code === undefined) {
      this.#file.write(position, bytes)
      return undefined
    }
    const fits = code === 'ENOSPC' ? Math.min(bytes.length, Math.floor(device.freeBytes)) : bytes.length
    this.#file.write(position, bytes.subarray(0, device.random.below(fits + 1)))
    this.#failure = new DiskError(code, operation, this.path)
    return this.#failure
  }
}

function isMadeOf(bytes: Buffer, chunks: readonly Uint8Array[]): boolean {
  let at = 0
  for (const chunk of chunks) {
    if (bytes.compare(chunk, 0, chunk.length, at, at + chunk.length) !== 0) return false
    at += chunk.length
  }
  return at === bytes.length
}
