/**
 * A cluster under test. What runs it is not the suite's business; what can be done to its nodes from outside is. Of a bed by an address nothing can be: only faults remain that clients can make, and those of their links.
 */
import type { ClientPorts } from '../../src/client/cluster-client.js'

export interface TestBed {
  readonly kind: 'lograft' | 'kafka' | 'address' | 'simulated'
  /** As the report has it, with version and commit. */
  readonly target: string
  /** For clients. */
  readonly bootstrap: string
  readonly nodes: readonly BedNode[]
  readonly time: BedTime
  /** Until all nodes serve. */
  start(): Promise<void>
  /** In order, with the nodes that still run. */
  stop(): Promise<void>
  /** Ends that nobody asked for, crashes and failed assertions among them: each fails the run. */
  readonly unasked: readonly UnaskedEnd[]
  /** What a driver in this process runs on: real sockets, or simulated ones. */
  readonly ports: ClientPorts
}

/** Real or virtual. */
export interface BedTime {
  /** Milliseconds since the bed was made; never goes back. */
  nowMs(): number
  wait(ms: number): Promise<void>
}

export interface UnaskedEnd {
  readonly node: number
  readonly atMs: number
  /** Exit code or signal, and the last that it said. */
  readonly detail: string
}

export interface BedNode {
  readonly id: number
  readonly roles: readonly ('broker' | 'controller')[]
  /** `host:port`, as clients know it; of a controller by itself, as other nodes know it. */
  readonly address: string
  /** Where other nodes find it as a controller: its listener as voters have it. Undefined: it is none. */
  readonly quorumListener: { readonly name: string; readonly host: string; readonly port: number } | undefined
  /** Undefined: it does not run, or has none. */
  readonly pid: number | undefined
  /** Its data, while it does not run. */
  readonly dataPath: string
  readonly logPath: string
  readonly isRunning: boolean
  /** Set by a fault that makes nodes end, as one of disks does: an end is then neither counted nor mended. */
  mayEnd: boolean
  /** Until its process runs; it need not serve. */
  start(): Promise<void>
  /** SIGKILL or SIGTERM, and waits for the end; it is asked for. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/** What a node is started within; made by back-ends of faults before a bed starts. */
export interface Surroundings {
  /** Words in front of the command: `ip netns exec NAME`. */
  readonly prefix: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Where it listens; 127.0.0.1 if nothing else is said. */
  readonly host: string
  /** Of its listeners: fixed before anything starts, so that something can be put in front. */
  readonly ports: { readonly clients: number; readonly nodes: number; readonly controllers: number }
  /** `host:port`, as others know its listeners, where something stands between: see `nemesis/fault.ts`. */
  readonly advertised: { readonly clients?: string; readonly nodes?: string; readonly controllers?: string }
  readonly dataPath: string
}
