/** `lograft start`: one node in this process, until it is told to stop. */
import fs from 'node:fs'
import type { CommandModule } from 'yargs'
import { Node, type NodeError } from '../broker/node.js'
import { movePort } from '../config/move-port.js'
import { lineOf, meantSetting, type NodeConfig, nodeConfig, readConfigText } from '../config/node-config.js'
import { ConfigError } from '../config/setting.js'
import { nodePorts } from '../io/node/ports.js'
import { fail, misuse } from './fail.js'
import { VERSION } from './version.js'

/** A stop that takes longer has met something that will not end. */
const LONGEST_STOP_MS = 60_000

interface StartOptions {
  readonly config: string | undefined
  readonly data: string | undefined
  readonly port: string | undefined
  readonly set: readonly string[]
}

export const startCommand: CommandModule<object, StartOptions> = {
  command: 'start',
  describe: 'Run a node: broker and controller in one process, with nothing to set up',
  builder: (yargs) =>
    yargs
      .option('config', {
        type: 'string',
        requiresArg: true,
        describe: "A file in the notation of Kafka's server.properties",
      })
      .option('data', {
        type: 'string',
        requiresArg: true,
        describe: 'Where the data is kept (log.dirs); default: ./data',
      })
      .option('port', {
        type: 'string',
        requiresArg: true,
        describe: 'The port for clients, 0: any free one; default: as in the file, else 9092',
      })
      .option('set', {
        type: 'string',
        array: true,
        default: [],
        requiresArg: true,
        describe: 'A setting, as key=value; goes before the file',
      })
      .example('$0 start', 'A broker on localhost:9092, data in ./data')
      .example('$0 start --data /var/lib/lograft --port 19092', 'Elsewhere')
      .example('$0 start --config server.properties --set num.partitions=6', 'With a file of Kafka settings'),
  handler: (options) => run(configOf(options)),
}

function configOf({ config, data, port, set }: StartOptions): NodeConfig {
  const text = config === undefined ? '' : readText(config)
  try {
    const entries = readConfigText(text)
    if (data !== undefined) entries.set('log.dirs', data)
    if (port !== undefined) {
      if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
        misuse(`--port ${port} is not allowed: it must be a whole number from 0 to 65535`)
      }
      movePort(entries, Number(port))
    }
    for (const setting of set) {
      const cut = setting.indexOf('=')
      if (cut <= 0) misuse(`--set ${setting} is not allowed: it must be key=value`)
      entries.set(setting.slice(0, cut), setting.slice(cut + 1))
    }
    const typed = nodeConfig(entries)
    const isTyped = (key: string): boolean => set.some((setting) => setting.startsWith(`${key}=`))
    const mistyped = typed.unknownKeys.find(isTyped)
    // In a file it may be of another program's; who types it means it.
    if (mistyped !== undefined) {
      const meant = meantSetting(mistyped)
      misuse(`--set ${mistyped} is not a setting${meant === undefined ? '' : `; did you mean ${meant}?`}`)
    }
    const unused = [...typed.withoutEffect, ...typed.withoutProtection].find(isTyped)
    if (unused !== undefined) misuse(`--set ${unused} is a setting of Kafka that has no effect here: leave it out`)
    return typed
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const line = set.some((setting) => setting.startsWith(`${error.key}=`)) ? undefined : lineOf(text, error.key)
    if (line === undefined) misuse(error.message)
    fail(`${config}: ${error.message.startsWith('line ') ? '' : `line ${line}: `}${error.message}`)
  }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    return fail(`cannot read the configuration: ${(error as Error).message}`)
  }
}

function run(config: NodeConfig): void {
  const ports = nodePorts(config.settings['log.level'])
  const ended = (error: NodeError | undefined): void => {
    if (error !== undefined) process.stderr.write(`lograft: ${error.message}\n`)
    ports.host.exit(error === undefined ? 0 : 1)
  }
  const node: Node = new Node(config, ports, { started: () => greet(node, config), ended })
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
