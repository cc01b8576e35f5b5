/** What every command that talks to a cluster has in common: how the cluster is named, what fails, and how that is told. */
import fs from 'node:fs'
import { ClientError } from '../client/client-error.js'
import { ClusterClient } from '../client/cluster-client.js'
import { parseProperties } from '../config/properties.js'
import { NodeClock } from '../io/node/clock.js'
import { NodeNetwork } from '../io/node/network.js'
import { NodeRandom } from '../io/node/random.js'
import { fail, misuse } from './fail.js'

/** Somebody waits for the answer: less than the minute that Kafka's tools try. */
const API_TIMEOUT_MS = 10_000

/** An option with a text. */
export const text = { type: 'string', requiresArg: true } as const
/** An option that may be repeated, one text each. */
export const texts = { type: 'string', requiresArg: true, array: true, nargs: 1 } as const
export const flag = { type: 'boolean', default: false } as const

export const clusterOptions = {
  'bootstrap-server': {
    ...text,
    alias: 'broker-list',
    default: 'localhost:9092',
    describe: 'Where to begin: host:port, several with commas between',
  },
  'command-config': {
    ...text,
    describe: 'A file of client settings: client.id, request.timeout.ms, default.api.timeout.ms',
  },
  zookeeper: { ...text, hidden: true },
} as const

export interface ClusterOptions {
  readonly 'bootstrap-server': string
  readonly 'command-config': string | undefined
  readonly zookeeper: string | undefined
}

/** `key=value` texts; `option` is for the message. */
export function keyValues(option: string, given: readonly string[] | undefined): Map<string, string> {
  const entries = new Map<string, string>()
  for (const entry of given ?? []) {
    const cut = entry.indexOf('=')
    if (cut <= 0) misuse(`--${option} ${entry} is not allowed: it must be key=value`)
    entries.set(entry.slice(0, cut).trim(), entry.slice(cut + 1))
  }
  return entries
}

/** A whole number; `option` is for the message. */
export function wholeNumber(option: string, given: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^-?\d+$/.test(given) ? Number(given) : Number.NaN
  if (value >= min && value <= max) return value
  const above = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`
  return misuse(`--${option} ${given} is not allowed: it must be a whole number ${above}`)
}

/** Runs the work with a client. What goes wrong with the cluster becomes a sentence and exit code 1. */
export async function withCluster(
  options: ClusterOptions,
  work: (client: ClusterClient) => Promise<void>,
  properties: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  endQuietlyWithReader()
  let client: ClusterClient | undefined
  try {
    client = openClient(options, properties)
    await work(client)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    process.stderr.write(`lograft: ${error.message}\n`)
    process.exitCode = 1
  } finally {
    client?.close()
  }
}

/** Settings of `--command-config`, if there is one. */
export function clientProperties(path: string | undefined): Map<string, string> {
  if (path === undefined) return new Map()
  try {
    return new Map(parseProperties(fs.readFileSync(path, 'utf8')).map(({ key, value }) => [key, value]))
  } catch (error) {
    return fail(`cannot read the configuration: ${(error as Error).message}`)
  }
}

/** Whoever read the output (`| head`) has seen enough. */
export function endQuietlyWithReader(): void {
  if (process.stdout.listenerCount('error') > 0) return
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

function openClient(options: ClusterOptions, given: ReadonlyMap<string, string>): ClusterClient {
  const properties = new Map([...clientProperties(options['command-config']), ...given])
  const number = (key: string, otherwise: number): number => {
    const value = properties.get(key)
    return value === undefined ? otherwise : wholeNumber(`command-config: ${key}`, value, 1)
  }
  const clientOptions = {
    ports: { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() },
    bootstrapServers: bootstrapOf(options),
    clientId: properties.get('client.id') ?? 'lograft-cli',
    requestTimeoutMs: number('request.timeout.ms', 30_000),
    apiTimeoutMs: number('default.api.timeout.ms', API_TIMEOUT_MS),
  }
  try {
    return new ClusterClient(clientOptions)
  } catch (error) {
    if (error instanceof ClientError && error.error === 'INVALID_CONFIG') misuse(`--bootstrap-server: ${error.message}`)
    throw error
  }
}

/** There is no ZooKeeper: with LOGRAFT_ZK_COMPAT=1 old commands find a broker on the same host. */
function bootstrapOf({ 'bootstrap-server': bootstrap, zookeeper }: ClusterOptions): string {
  if (zookeeper === undefined) return bootstrap
  const host = /^([^:,/]+)(?::\d+)?/.exec(zookeeper)?.[1]
  if (process.env['LOGRAFT_ZK_COMPAT'] === '1' && host !== undefined) return `${host}:9092`
  return misuse(
    `--zookeeper ${zookeeper} names a ZooKeeper, and this cluster has none: say --bootstrap-server ${host ?? 'localhost'}:9092, a broker's address`,
  )
}
