/**
 * What a process uses, as the operating system counts it. On Linux from /proc; elsewhere memory comes from `ps` and processor time is not
 * known.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const NS_PER_MS = 1e6
const BYTES_PER_KIB = 1024

export interface ProcessorTime {
  /** Of the main thread, which is the event loop's. */
  readonly loopMs: number
  /** Of all threads. */
  readonly allMs: number
}

/** Undefined where it is not known. Threads that have ended are not in it. */
export function processorTime(pid: number): ProcessorTime | undefined {
  if (process.platform !== 'linux') return undefined
  let allMs = 0
  let loopMs = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    // `schedstat` counts nanoseconds; `stat` would round to clock ticks.
    const [runNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
    const ms = Number(runNs) / NS_PER_MS
    allMs += ms
    if (thread === String(pid)) loopMs = ms
  }
  return { loopMs, allMs }
}

/** Resident memory. Throws if there is no such process. */
export function residentBytes(pid: number): number {
  if (process.platform !== 'linux') {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * BYTES_PER_KIB
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * BYTES_PER_KIB
}
