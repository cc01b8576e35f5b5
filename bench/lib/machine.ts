/** What the figures were measured on: without it they say nothing. */
import { readFileSync, statfsSync } from 'node:fs'
import os from 'node:os'

export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryBytes: number
  readonly node: string
  readonly kernel: string
  /** Of TCP on loopback; undefined where it is not known. */
  readonly congestionControl: string | undefined
  /** Where the data of the benchmarks is. */
  readonly dataPath: string
  readonly freeBytes: number
  /** Processes that wanted to run in the minute before: above 0.5 somebody else is at work, and the figures are too low. */
  readonly loadBefore: number
}

export function describeMachine(dataPath: string): Machine {
  const cpus = os.cpus()
  const { bavail, bsize } = statfsSync(dataPath)
  return {
    cores: cpus.length,
    processor: cpus[0]?.model.trim() ?? 'unknown',
    memoryBytes: os.totalmem(),
    node: process.version,
    kernel: `${os.type()} ${os.release()}`,
    congestionControl: congestionControl(),
    dataPath,
    freeBytes: bavail * bsize,
    loadBefore: os.loadavg()[0]!,
  }
}

function congestionControl(): string | undefined {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()
  } catch {
    return undefined
  }
}
