/** Simulated machines with an empty process on each, whose ports a test uses as a program would: within turns of that process. */
import type { Ports } from '../../src/io/ports.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import type { SimulatedProcess } from '../../src/sim/process.js'
import { Simulation } from '../../src/sim/simulation.js'

const LONGEST_MS = 600_000

export interface Computer {
  readonly machine: Machine
  readonly process: SimulatedProcess
  readonly ports: Ports
}

export class Computers {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork

  constructor(seed: string | number) {
    this.simulation = new Simulation(seed)
    this.network = new SimulatedNetwork(this.simulation)
  }

  add(host: string): Computer {
    return this.boot(new Machine(this.simulation, this.network, host))
  }

  /** The next process of the machine. */
  boot(machine: Machine): Computer {
    let ports: Ports | undefined
    const process = machine.boot(
      (given) => {
        ports = given
      },
      () => {},
    )
    return { machine, process, ports: ports! }
  }

  /** A turn of the process, now; true: it has come to its end. */
  turn({ process }: Computer, action: () => void): boolean {
    let ended = false
    process.begin(() => {
      action()
      ended = true
    })
    return ended
  }

  /** Lets everything happen that is on its way. */
  settle(): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + LONGEST_MS)
  }

  /** Lets so many events happen, if there are as many. */
  step(events: number): void {
    const { simulation } = this
    const last = simulation.events + events
    simulation.runUntil(() => simulation.events >= last, simulation.nowMs + LONGEST_MS)
  }

  /** Lets time pass. */
  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }
}
