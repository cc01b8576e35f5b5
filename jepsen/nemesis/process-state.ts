/** What the operating system says of a process and of those in its group: what was done to it shows here. */
import { readdirSync, readFileSync } from 'node:fs'
import net from 'node:net'

export interface ProcessState {
  readonly pid: number
  /** As in `ps`: R, S, D, T (stopped), Z ... */
  readonly state: string
  readonly group: number
}

const CONNECT_LIMIT_MS = 1_000

/** Undefined: there is none. */
export function processState(pid: number): ProcessState | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name may have anything in it, also parentheses.
    const [state = '', , group = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { pid, state, group: Number(group) }
  } catch {
    return undefined
  }
}

/** Whether there is a place to look. */
export function showsProcesses(): boolean {
  return processState(process.pid) !== undefined
}

/** Those that a node consists of: its own, and what the words in front of it have started. */
export function groupStates(group: number): readonly ProcessState[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processState(Number(name)) ?? [])
    .filter((each) => each.group === group && each.state !== 'Z')
}

/** How an attempt to connect ends: `accepted`, `refused`, ... */
export function connectionTo(address: string): Promise<string> {
  const colon = address.lastIndexOf(':')
  return new Promise((resolve) => {
    const socket = net.connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) })
    const ends = (how: string): void => {
      socket.destroy()
      resolve(how)
    }
    socket.setTimeout(CONNECT_LIMIT_MS, () => ends('not answered'))
    socket.once('connect', () => ends('accepted'))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      ends(error.code === 'ECONNREFUSED' ? 'refused' : (error.code ?? error.message))
    })
  })
}
