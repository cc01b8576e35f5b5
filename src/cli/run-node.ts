/** A node in this process, until it is told to stop: its signals, its greeting, its end. */
import { Node, type NodeError } from '../broker/node.js'
import { namedController } from '../config/named-controllers.js'
import type { NodeConfig } from '../config/node-config.js'
import { nodePorts } from '../io/node/ports.js'
import { VERSION } from './version.js'

/** A stop that takes longer has met something that will not end. */
const LONGEST_STOP_MS = 60_000

/** What whoever started the node wants to know. */
export interface Told {
  readonly serves: () => void
  /** It runs, and waits for the controllers of its cluster. */
  readonly waits: () => void
}

export function runNode(config: NodeConfig, told: Told = { serves() {}, waits() {} }): void {
  const ports = nodePorts(config.settings['log.level'])
  const ended = (error: NodeError | undefined): void => {
    if (error !== undefined) process.stderr.write(`lograft: ${error.message}\n`)
    ports.host.exit(error === undefined ? 0 : 1)
  }
  const started = (): void => {
    greet(node, config)
    told.serves()
  }
  const waits = (): void => {
    const named = config.named.map(namedController).join(', ')
    process.stdout.write(`lograft ${VERSION}, node ${config.settings['node.id']}, waits for its cluster: ${named}\n`)
    told.waits()
  }
  const node: Node = new Node(config, ports, { started, waits, ended })
  process.on('uncaughtException', (error) => node.crashed(error))
  const stop = (): void => {
    process.once('SIGINT', () => ports.host.exit(130))
    process.once('SIGTERM', () => ports.host.exit(143))
    process.stderr.write('stopping (once more to stop at once) ...\n')
    ports.clock.timer(LONGEST_STOP_MS, () => {
      process.stderr.write('lograft: the stop takes too long: the data is left as after a crash\n')
      ports.host.exit(1)
    })
    node.stop()
  }
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      if (stopping) return
      stopping = true
      stop()
    })
  }
  node.start()
}

function greet(node: Node, { settings, listeners }: NodeConfig): void {
  const where = listeners.map(({ name, host, serves }) => {
    const { port } = node.addresses.get(name)!
    return `${host === '' ? 'localhost' : host}:${port}${serves === 'controller' ? ' (controller)' : ''}`
  })
  const everywhere = listeners.some(({ host, serves }) => host === '' && serves === 'broker')
  const client = where.find((address) => !address.endsWith(')'))
  const metrics = node.metricsAddress
  const lines = [
    `lograft ${VERSION} serves Kafka clients on ${where.join(', ')}${everywhere ? ', and on every other address of this machine' : ''}`,
    `node ${settings['node.id']}, ${[...settings['process.roles']].join(' and ')}, data in ${settings['log.dirs'].join(', ')}`,
    ...(metrics === undefined
      ? []
      : [
          `metrics on http://${metrics.host.includes(':') ? `[${metrics.host}]` : metrics.host}:${metrics.port}/metrics`,
        ]),
    ...(client === undefined
      ? []
      : ['', `try   echo hello | kcat -P -b ${client} -t greetings`, `      kcat -C -b ${client} -t greetings -e`]),
    '',
    'Ctrl-C stops it.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
