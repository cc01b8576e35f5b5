/** Which node has opened a connection, where all have the same address: the operating system knows whose socket it is. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { childPids } from '../../beds/children.js'

/** In the environment of a node: its id. */
export const NODE_VARIABLE = 'JEPSEN_NODE'

const COLUMNS = { local: 1, remote: 2, inode: 9 } as const

/** Whether there is a place to look. */
export function showsOwners(): boolean {
  return tables().length > 0
}

/** Undefined: nobody, or nobody yet. */
export function nodeOf(accepted: Socket): number | undefined {
  const inode = inodeOf(accepted.remotePort ?? 0, accepted.localPort ?? 0)
  if (inode === undefined) return undefined
  return childPids().flatMap((pid) => (owns(pid, inode) ? (nodeOfProcess(pid) ?? []) : []))[0]
}

/** Of the other end of a connection on this machine. */
function inodeOf(theirPort: number, ourPort: number): string | undefined {
  for (const table of tables()) {
    for (const line of table.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/)
      if (portOf(columns[COLUMNS.local]) === theirPort && portOf(columns[COLUMNS.remote]) === ourPort) {
        return columns[COLUMNS.inode]
      }
    }
  }
  return undefined
}

/** Java's sockets are of IPv6, also where they speak IPv4. */
function tables(): readonly string[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
    try {
      return [readFileSync(path, 'latin1')]
    } catch {
      return []
    }
  })
}

function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(':')[1] ?? '', 16)
}

function owns(pid: number, inode: string): boolean {
  try {
    const path = `/proc/${pid}/fd`
    return readdirSync(path).some((fd) => linkOf(`${path}/${fd}`) === `socket:[${inode}]`)
  } catch {
    // It has just ended.
    return false
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function nodeOfProcess(pid: number): number | undefined {
  const entry = readFileSync(`/proc/${pid}/environ`, 'latin1')
    .split('\0')
    .find((each) => each.startsWith(`${NODE_VARIABLE}=`))
  return entry === undefined ? undefined : Number(entry.slice(NODE_VARIABLE.length + 1))
}
