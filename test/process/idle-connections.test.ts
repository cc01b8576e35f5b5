/**
 * Five thousand clients that have said who they are and then say nothing: what each costs a broker in memory that stays, as the operating system counts it. How fast
 * the machine is does not matter; how many files a process may have open does.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import net from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { requireOpenFiles } from '../../bench/lib/open-files.js'
import { residentBytes } from '../../bench/lib/process-usage.js'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { within } from '../../jepsen/beds/within.js'
import { Prng } from '../../src/base/prng.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { requestFrame, WireClient } from '../broker/wire-client.js'
import { temporaryDirectory } from '../node-ports.js'
import { SEED_VARIABLE } from '../seed.js'
import { withoutLinux } from './linux.js'
import { collected, SERVES, startServer } from './server-process.js'

const CONNECTIONS = 5000
const MOST_BYTES_EACH = 30 * 1024
/** Beside the connections, and more than that. */
const OTHER_FILES = 500
/** So many are made at once, that none has to wait until the system lets it in. */
const AT_ONCE = 100
const LONGEST_MS = 60_000
const LONGEST_TEST_MS = 240_000

const seed = process.env[SEED_VARIABLE] ?? 'idle connections'

test('5,000 idle connections hold 30 KB of memory each at most, and another client is served', {
  timeout: LONGEST_TEST_MS,
  skip: withoutLinux,
}, async (context) => {
  requireOpenFiles(CONNECTIONS + OTHER_FILES)
  const data = temporaryDirectory('idle-connections')
  const port = await fixedPort(new Prng(seed))
  const node = ['--expose-gc', '--import', fileURLToPath(new URL('./collect-garbage.js', import.meta.url))]
  const server = startServer({ data, port, node })
  context.after(async () => {
    if (server.running) await server.end('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  })
  await server.says(SERVES)
  const hello = requestFrame(ApiVersions, 3, 1, { clientSoftwareName: 'idle', clientSoftwareVersion: '1' })
  // What the first ones cost that the next do not: code that is compiled, pools that are filled.
  for (const socket of await connectAll(port, AT_ONCE, hello)) socket.destroy()
  await collected(server, () => residentBytes(server.pid))
  const beforeBytes = await collected(server, () => residentBytes(server.pid))
  const sockets = await connectAll(port, CONNECTIONS, hello)
  const withBytes = await collected(server, () => residentBytes(server.pid))
  const eachBytes = (withBytes - beforeBytes) / CONNECTIONS
  context.diagnostic(
    `${CONNECTIONS} connections: ${(eachBytes / 1024).toFixed(1)} KB each; resident ${Math.round(beforeBytes / 1024)} KB before, ${Math.round(withBytes / 1024)} KB with them`,
  )
  assert.ok(
    sockets.every((socket) => !socket.destroyed && socket.readable),
    'all of them are there',
  )
  assert.ok(eachBytes <= MOST_BYTES_EACH, `${eachBytes} bytes each`)
  const client = await WireClient.connect({ host: '127.0.0.1', port })
  const { errorCode } = await client.request(ApiVersions, 3, {
    clientSoftwareName: 'other',
    clientSoftwareVersion: '1',
  })
  assert.equal(errorCode, 0)
  client.close()
  for (const socket of sockets) socket.destroy()
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
})

/** They have been answered, and stay. */
async function connectAll(port: number, count: number, hello: Uint8Array): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, () => connected(port, hello))
    sockets.push(...(await within(LONGEST_MS, `${AT_ONCE} connections`, Promise.all(some))))
  }
  return sockets
}

function connected(port: number, hello: Uint8Array): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write(hello))
    socket.once('data', () => resolve(socket))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server has closed a connection')))
  })
}
