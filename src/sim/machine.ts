/**
 * Machine: a simulated computer: a disk that outlives everything, a boot id that changes with every power loss, clocks of its own, and at most one
 * process, which gets the machine's ports.
 */
import type { Prng } from '../base/prng.js'
import { uuidFromBytes } from '../base/uuid.js'
import type { Clock } from '../io/clock.js'
import type { Disk } from '../io/disk.js'
import { LeveledLogger, type Logger, type LoggerName, LogLevels, ROOT_LOGGER, type Severity } from '../io/logger.js'
import type { Ports } from '../io/ports.js'
import { SimulatedCompute } from './compute.js'
import { type CrashPoint, DiskDevice } from './disk-device.js'
import { SimulatedDisk } from './disk-port.js'
import { LocalTime } from './local-time.js'
import { MountedDisk, mountOf } from './mounted-disk.js'
import type { SimulatedNetwork } from './network.js'
import { SimulatedProcess } from './process.js'
import type { Simulation } from './simulation.js'

/** When the simulated world begins, in wall time. */
const WALL_START_MS = 1_800_000_000_000

/** A timer with any delay does not fire before the clock has moved. */
const SHORTEST_MS = 1 / 1024

export class Machine {
  readonly host: string
  /** Of every path on which none is mounted. */
  readonly device: DiskDevice
  readonly #mounts: { readonly path: string; readonly device: DiskDevice }[]
  /** Added to the wall clock; may change at any time. */
  wallOffsetMs = 0
  /** How its monotonic clock goes. */
  readonly time: LocalTime
  /** Without power it tells nobody that its connections are gone; otherwise they are reset, as if only the processes had died. */
  goesSilently = false
  /** Not every system tells its processes which boot they run in. */
  knowsBootId = true
  /** It says after a loss of power what it said before. */
  keepsBootId = false
  readonly #simulation: Simulation
  readonly #network: SimulatedNetwork
  readonly #random: Prng
  #bootId: string
  #process: SimulatedProcess | undefined
  #starts = 0

  constructor(simulation: Simulation, network: SimulatedNetwork, host: string) {
    this.#simulation = simulation
    this.#network = network
    this.host = host
    this.device = new DiskDevice(simulation, host)
    this.#mounts = [{ path: '', device: this.device }]
    this.#random = simulation.random(`machine ${host}`)
    this.time = new LocalTime(simulation)
    this.#bootId = this.#newBootId()
  }

  get process(): SimulatedProcess | undefined {
    return this.#process
  }

  get bootId(): string {
    return this.#bootId
  }

  /** What its clock shows, in ms since 1970, at this moment of the simulation. */
  wallMsAt(nowMs: number): number {
    return Math.floor(WALL_START_MS + nowMs + this.wallOffsetMs)
  }

  get devices(): readonly DiskDevice[] {
    return this.#mounts.map(({ device }) => device)
  }

  /** Another device, whose place in the tree is durable. Before the first process. */
  mount(path: string): DiskDevice {
    const device = new DiskDevice(this.#simulation, `${this.host} ${path}`)
    device.makeDurableDirectory(path)
    this.#mounts.push({ path, device })
    return device
  }

  deviceOf(path: string): DiskDevice {
    return this.#mounts[mountOf(this.#mounts, path)]!.device
  }

  find(path: string): ReturnType<DiskDevice['find']> {
    return this.deviceOf(path).find(path)
  }

  /** Ends the process in the middle of the n-th operation from now on, whichever device it is on. */
  set crashPoint(point: CrashPoint | undefined) {
    const clear = (): void => {
      for (const device of this.devices) device.crashPoint = undefined
    }
    clear()
    if (point === undefined) return
    const shared = {
      operationsLeft: point.operationsLeft,
      strike: () => {
        clear()
        point.strike()
      },
    }
    for (const device of this.devices) device.crashPoint = shared
  }

  /** Starts a process. `exited` is called when it ends itself. */
  boot(start: (ports: Ports) => void, exited: (code: number) => void): SimulatedProcess {
    const process = new SimulatedProcess(this.#simulation, `${this.host}#${this.#starts++}`)
    this.#process = process
    this.#network.setPower(this.host, true)
    const ports = this.#portsOf(process, exited)
    process.begin(() => start(ports))
    return process
  }

  /** `kill -9`: the page cache lives. */
  crash(): void {
    this.device.strike('process-crash')
    this.#process?.kill()
  }

  /** The page cache is gone, and the next boot is another one. */
  losePower(): void {
    this.device.strike('power-loss')
    if (this.goesSilently) this.#network.setPower(this.host, false)
    this.#process?.kill()
    for (const device of this.devices) device.losePower()
    if (!this.keepsBootId) this.#bootId = this.#newBootId()
  }

  /** The disk breaks while the machine runs, and an empty one takes its place. */
  replaceDisk(): void {
    this.losePower()
    this.device.strike('disk-replaced')
    for (const { path, device } of this.#mounts) {
      device.replace()
      device.makeDurableDirectory(path)
    }
  }

  /** It does not run for so long. `asleep`: its monotonic clock stands still, too, as that of a virtual machine that is moved. */
  suspend(durationMs: number, asleep: boolean): void {
    const process = this.#process
    if (process?.alive !== true || process.suspended) return
    this.device.strike('process-paused')
    process.suspend(durationMs)
    if (asleep) this.time.skip(durationMs)
  }

  /** It goes on now. */
  resume(): void {
    this.#process?.resume()
    this.time.go()
  }

  #newBootId(): string {
    return uuidFromBytes(this.#random.bytes(16))
  }

  #portsOf(process: SimulatedProcess, exited: (code: number) => void): Ports {
    return {
      clock: this.#clockOf(process),
      disk: this.#diskOf(process),
      network: this.#network.portOf(process, this.host),
      random: {
        below: (limit) => {
          process.assertAlive()
          return process.random.below(limit)
        },
        bytes: (length) => {
          process.assertAlive()
          return process.random.bytes(length)
        },
      },
      compute: new SimulatedCompute(process),
      host: {
        bootId: this.knowsBootId ? this.#bootId : undefined,
        hostname: this.host,
        freeBytes: (path) => this.deviceOf(path).freeBytes,
        totalBytes: (path) => this.deviceOf(path).usedBytes + this.deviceOf(path).freeBytes,
        // The process that simulates has memory, the simulated one has none of its own.
        memory: () => ({ residentBytes: 0, heapUsedBytes: 0, externalBytes: 0 }),
        exit: (code) => {
          this.#simulation.note(`${process.name}: exit ${code}`)
          process.kill()
          exited(code)
        },
      },
      logger: new SimulatedLogger(new LogLevels('INFO'), ROOT_LOGGER, this.#simulation, process.name),
    }
  }

  #diskOf(process: SimulatedProcess): Disk {
    const mounts = this.#mounts.map(({ path, device }) => ({ path, disk: new SimulatedDisk(device, process) }))
    return mounts.length === 1 ? mounts[0]!.disk : new MountedDisk(mounts)
  }

  #clockOf(process: SimulatedProcess): Clock {
    const { time } = this
    const bootedAtMs = time.at(this.#simulation.nowMs)
    return {
      monotonicMs: () => {
        process.assertAlive()
        return time.at(process.nowMs) - bootedAtMs
      },
      wallMs: () => {
        process.assertAlive()
        return this.wallMsAt(process.nowMs)
      },
      timer: (delayMs, callback) => {
        process.assertAlive()
        const dueMs = time.at(process.nowMs) + Math.max(0, delayMs)
        let cancelled = false
        let event: { cancel(): void }
        const arm = (): void => {
          const leftMs = time.until(dueMs, process.nowMs)
          // A delay that vanishes in the sum is one nevertheless.
          event = process.after(delayMs > 0 ? Math.max(leftMs, SHORTEST_MS) : leftMs, 'timer', 'timer', () => {
            if (cancelled) return
            const lateMs = time.at(this.#simulation.nowMs) - dueMs
            // The clock has slowed down meanwhile.
            if (lateMs < 0) arm()
            else callback(lateMs)
          })
        }
        arm()
        return {
          cancel: () => {
            cancelled = true
            event.cancel()
          },
        }
      },
      defer: (callback) => process.defer(callback),
    }
  }
}

class SimulatedLogger extends LeveledLogger {
  readonly #simulation: Simulation
  readonly #owner: string

  constructor(levels: LogLevels, name: LoggerName, simulation: Simulation, owner: string) {
    super(levels, name)
    this.#simulation = simulation
    this.#owner = owner
  }

  child(fields: object): Logger {
    return new SimulatedLogger(this.levels, this.name, this.#simulation, `${this.#owner} ${JSON.stringify(fields)}`)
  }

  named(name: LoggerName): Logger {
    return new SimulatedLogger(this.levels, name, this.#simulation, this.#owner)
  }

  protected write(severity: Severity, fields: object, message: string): void {
    this.#simulation.note(`${this.#owner}: ${severity}: ${message} ${JSON.stringify(fields)}`)
  }
}
