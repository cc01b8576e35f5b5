/** Nodes in processes of their own, brokers and controllers both, of lograft or of Apache Kafka: the same settings, started by their makers' commands. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Admin, pause } from './admin.js'
import { ended, watch } from './children.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const LOOK_AGAIN_MS = 10
const LONGEST_MS = 180_000
const MOST_OUTPUT = 8000

/** How a node is made ready and started with a file of settings. */
export interface Maker {
  readonly name: string
  prepare(configPath: string): void
  command(configPath: string): readonly [string, ...string[]]
}

export const LOGRAFT: Maker = {
  name: 'lograft',
  prepare() {},
  command: (configPath) => [process.execPath, MAIN, 'server-start', configPath],
}

/** `jars`: a folder with Apache Kafka and all that it needs. */
export function apacheKafka(jars: string): Maker {
  const java = (...args: readonly string[]): [string, ...string[]] => ['java', '-Xmx1g', '-cp', `${jars}/*`, ...args]
  // One cluster id for all nodes of a run.
  const clusterId = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url')
  return {
    name: 'Apache Kafka',
    prepare(configPath) {
      const [command, ...args] = java('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', configPath)
      const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(`a directory of Kafka could not be formatted:\n${stdout}${stderr}`)
    },
    command: (configPath) => java('kafka.Kafka', configPath),
  }
}

interface ClusterNode {
  readonly id: number
  readonly port: number
  readonly configPath: string
  child: ChildProcess | undefined
  said: string
}

export class ClusterProcesses {
  readonly #maker: Maker
  readonly #nodes: readonly ClusterNode[]

  private constructor(maker: Maker, nodes: readonly ClusterNode[]) {
    this.#maker = maker
    this.#nodes = nodes
  }

  /** Writes their settings; nothing runs yet. */
  static async prepare(maker: Maker, folder: string, count = 3): Promise<ClusterProcesses> {
    const ports = await freePorts(2 * count)
    const voters = Array.from({ length: count }, (_, at) => `${at + 1}@127.0.0.1:${ports[count + at]}`).join(',')
    const nodes: ClusterNode[] = []
    for (let at = 0; at < count; at++) {
      const home = join(folder, `node${at + 1}`)
      mkdirSync(home, { recursive: true })
      const configPath = join(home, 'server.properties')
      writeFileSync(configPath, settings(at + 1, ports[at]!, ports[count + at]!, voters, join(home, 'data')))
      maker.prepare(configPath)
      nodes.push({ id: at + 1, port: ports[at]!, configPath, child: undefined, said: '' })
    }
    return new ClusterProcesses(maker, nodes)
  }

  get ids(): readonly number[] {
    return this.#nodes.map(({ id }) => id)
  }

  /** For clients: all of them. */
  get bootstrap(): string {
    return this.#nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')
  }

  /** Makes the processes; `id`: only this one. */
  start(id?: number): void {
    for (const node of this.#nodes) {
      if (id !== undefined && node.id !== id) continue
      const [command, ...args] = this.#maker.command(node.configPath)
      const child = watch(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
      node.child = child
      for (const stream of [child.stdout!, child.stderr!]) {
        stream.on('data', (text) => {
          node.said = `${node.said}${text}`.slice(-MOST_OUTPUT)
        })
      }
    }
  }

  /** All of them, in order, as with Ctrl-C. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#nodes.map(async ({ child }) => {
        child?.kill('SIGTERM')
        if (child !== undefined) await ended(child)
      }),
    )
  }

  /** As with `kill -9`. */
  async kill(id: number): Promise<void> {
    const { child } = this.#nodes.find((node) => node.id === id)!
    child!.kill('SIGKILL')
    await ended(child!)
  }

  signal(id: number, signal: NodeJS.Signals): void {
    this.#nodes.find((node) => node.id === id)!.child!.kill(signal)
  }

  /** Which node is the active controller. */
  controller(): Promise<number> {
    return this.untilAny(async (admin) => {
      const leader = await admin.quorumLeader()
      return leader > 0 ? leader : undefined
    })
  }

  /** As `until`, of whichever node has the answer. */
  async untilAny<T>(ask: (admin: Admin) => Promise<T | undefined>): Promise<T> {
    const deadlineMs = performance.now() + LONGEST_MS
    while (performance.now() < deadlineMs) {
      for (const { port } of this.#nodes) {
        try {
          const admin = await Admin.connect(port)
          try {
            const answer = await ask(admin)
            if (answer !== undefined) return answer
          } finally {
            admin.close()
          }
        } catch {
          // Another one is asked.
        }
      }
      await pause(LOOK_AGAIN_MS)
    }
    const said = this.#nodes.map((node) => `node ${node.id}:\n${node.said.slice(-2000)}`).join('\n')
    throw new Error(`no node of ${this.#maker.name} answers as it should:\n${said}`)
  }

  /** Every broker knows a leader of so many partitions. */
  async untilKnown(partitions: number): Promise<void> {
    for (const id of this.ids) {
      await this.until(id, async (admin) => ((await admin.partitionsWithLeader()) >= partitions ? true : undefined))
    }
  }

  /** Asks until the answer is the one wanted, anew over another connection whenever one fails; returns the answer. */
  async until<T>(id: number, ask: (admin: Admin) => Promise<T | undefined>): Promise<T> {
    const node = this.#nodes.find((each) => each.id === id)!
    const deadlineMs = performance.now() + LONGEST_MS
    while (performance.now() < deadlineMs) {
      if (node.child === undefined || node.child.exitCode !== null) break
      try {
        const admin = await Admin.connect(node.port)
        try {
          for (; performance.now() < deadlineMs; await pause(LOOK_AGAIN_MS)) {
            const answer = await ask(admin)
            if (answer !== undefined) return answer
          }
        } finally {
          admin.close()
        }
      } catch {
        await pause(LOOK_AGAIN_MS)
      }
    }
    throw new Error(`node ${id} of ${this.#maker.name} does not answer as it should; it said last:\n${node.said}`)
  }
}

function settings(id: number, port: number, controllerPort: number, voters: string, data: string): string {
  return `${[
    'process.roles=broker,controller',
    `node.id=${id}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    `controller.quorum.voters=${voters}`,
    `log.dirs=${data}`,
  ].join('\n')}\n`
}

/** They are free now; nobody keeps them so until a node takes them. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', () => resolve(server))
      })
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
