/** The host port: this process and the machine around it. */
import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Host, MemoryUse } from '../host.js'

export class NodeHost implements Host {
  readonly bootId = bootId()
  readonly hostname = hostname()

  freeBytes(path: string): number {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }

  totalBytes(path: string): number {
    const { blocks, bsize } = statfsSync(path)
    return blocks * bsize
  }

  memory(): MemoryUse {
    const { rss, heapUsed, external } = process.memoryUsage()
    return { residentBytes: rss, heapUsedBytes: heapUsed, externalBytes: external }
  }

  exit(code: number): void {
    process.exit(code)
  }
}

function bootId(): string | undefined {
  try {
    if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    if (process.platform === 'darwin') {
      return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
    }
  } catch {
    // Without an id every crash counts as one that lost the page cache, which is the safe reading.
  }
  return undefined
}
