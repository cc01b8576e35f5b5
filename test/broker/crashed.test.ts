/** A node in which something goes wrong leaves its flight record in the data directory, complete before it ends, and ends once. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Node, type NodeError } from '../../src/broker/node.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { Disk, DiskDone } from '../../src/io/disk.js'
import type { Ports } from '../../src/io/ports.js'
import { replayFlight } from '../../src/sim/replay-flight.js'
import { nodePorts, temporaryDirectory } from '../node-ports.js'

interface Crashed {
  readonly errors: readonly (NodeError | undefined)[]
  readonly record: string | undefined
}

/** Starts a node, tells it of a failure twice, and looks at its directory at the moment in which it says that it has ended. */
async function crash(change: (ports: Ports) => Ports = (ports) => ports): Promise<Crashed> {
  const data = temporaryDirectory('crashed')
  const errors: (NodeError | undefined)[] = []
  let record: string | undefined
  try {
    const config = nodeConfig({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': data })
    await new Promise<void>((resolve) => {
      const started = (): void => {
        node.crashed(new Error('planted'))
        node.crashed(new Error('and again'))
      }
      const ended = (error: NodeError | undefined): void => {
        errors.push(error)
        try {
          record = readFileSync(join(data, 'flight-recorder.jsonl'), 'utf8')
        } catch {
          record = undefined
        }
        setImmediate(resolve)
      }
      const node = new Node(config, change(nodePorts()), { started, ended })
      node.start()
    })
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
  return { errors, record }
}

/** The real disk, with another way to append to the flight record. */
function withDump(ports: Ports, append: (write: () => void, done: DiskDone) => void): Ports {
  const disk = new Proxy(ports.disk, {
    get: (target, name) => {
      if (name !== 'open') return Reflect.get(target, name).bind(target) as unknown
      return (...[path, options]: Parameters<Disk['open']>) => {
        const file = target.open(path, options)
        if (!path.endsWith('flight-recorder.jsonl')) return file
        const write = file.append.bind(file)
        file.append = (chunks, done) => append(() => write(chunks, done), done)
        return file
      }
    },
  })
  return { ...ports, disk }
}

test('the record is there when the node ends, and can be replayed', async () => {
  const { errors, record } = await crash()
  assert.equal(errors.length, 1)
  assert.match(errors[0]!.message, /^something went wrong that never should: Error: planted/)
  const { byKind, mismatches, thrown } = replayFlight(record!)
  assert.deepEqual([...byKind.keys()].sort(), ['controller', 'raft'])
  for (const { states } of byKind.values()) assert.ok(states > 0)
  assert.deepEqual([mismatches, thrown], [[], []])
})

test('a disk that takes its time is waited for', async () => {
  const { errors, record } = await crash((ports) =>
    withDump(ports, (write) => {
      setTimeout(write, 50)
    }),
  )
  assert.equal(errors.length, 1)
  assert.ok(replayFlight(record!).states > 0)
})

test('a disk that never answers is not waited for, and one that fails is no other failure', {
  timeout: 30_000,
}, async () => {
  const stuck = await crash((ports) => withDump(ports, () => {}))
  assert.deepEqual([stuck.errors.length, stuck.record], [1, ''])
  const failing = await crash((ports) =>
    withDump(ports, () => {
      throw new Error('no disk')
    }),
  )
  assert.equal(failing.errors.length, 1)
  assert.match(failing.errors[0]!.message, /planted/)
})
