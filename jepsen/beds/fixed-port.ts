/** Ports of this machine for servers that are stopped and started again. */
import { readFileSync } from 'node:fs'
import net from 'node:net'
import type { Prng } from '../../src/base/prng.js'

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: while the server is down no client may get it
 * as its own (and then be connected with itself).
 */
export async function fixedPort(random: Prng): Promise<number> {
  const lowest = lowestEphemeralPort()
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = random.between(Math.max(1024, lowest - 20_000), lowest - 1)
    if (await isFree(port)) return port
  }
  throw new Error('no free port')
}

function lowestEphemeralPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0])
  } catch {
    // Where the range cannot be read it is IANA's.
    return 49_152
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.on('error', () => resolve(false))
    server.listen({ port }, () => server.close(() => resolve(true)))
  })
}
