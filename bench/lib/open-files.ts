/** How many files this process may have open, and what it starts: a connection is one in each of its two processes. */
import { readFileSync } from 'node:fs'

/** Throws, with what to do, where the limit is lower. Node itself takes as many as the hard limit allows. */
export function requireOpenFiles(count: number): void {
  if (process.platform !== 'linux') return
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
  if (limit >= count) return
  throw new Error(
    `this needs ${count} open files in a process, and ${limit} are allowed: run it in a shell that allows more, with "ulimit -Hn ${count}" ` +
      'as root, or with "nofile" in /etc/security/limits.conf',
  )
}
