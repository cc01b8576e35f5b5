/** What every command that talks to a cluster has in common: how the cluster is named, what fails, and how that is told. */
import { ClientError } from '../client/client-error.js'
import { ClusterClient } from '../client/cluster-client.js'
import { NodeClock } from '../io/node/clock.js'
import { NodeNetwork } from '../io/node/network.js'
import { NodeRandom } from '../io/node/random.js'
import { type ClientSettings, clientSettings, settingsOf } from './client-settings.js'
import { misuse } from './fail.js'

/** Somebody waits for the answer: less than the minute that Kafka's tools try. */
const API_TIMEOUT_MS = 10_000

const DEFAULT_SERVER = 'localhost:9092'

/** An option with a text. */
export const text = { type: 'string', requiresArg: true } as const
/** An option that may be repeated, one text each. */
export const texts = { type: 'string', requiresArg: true, array: true, nargs: 1 } as const
export const flag = { type: 'boolean', default: false } as const

export const clusterOptions = {
  'bootstrap-server': {
    ...text,
    alias: 'broker-list',
    describe: `Where to begin: host:port, several with commas between; default: ${DEFAULT_SERVER}`,
  },
  'command-config': {
    ...text,
    describe: `A file of client settings: ${settingsOf('client')}`,
  },
  zookeeper: { ...text, hidden: true },
} as const

export interface ClusterOptions {
  readonly 'bootstrap-server': string | undefined
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

/** Runs the work with a client, set up as `--command-config` says. What goes wrong with the cluster becomes a sentence and exit code 1. */
export async function withCluster(
  options: ClusterOptions,
  work: (client: ClusterClient) => Promise<void>,
  settings: ClientSettings = clientSettings('client', [options['command-config']]),
): Promise<void> {
  endQuietlyWithReader()
  let client: ClusterClient | undefined
  try {
    client = openClient(options, settings)
    await work(client)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    process.stderr.write(`lograft: ${error.message}\n`)
    process.exitCode = 1
  } finally {
    client?.close()
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

function openClient(options: ClusterOptions, settings: ClientSettings): ClusterClient {
  const { 'client.id': clientId = 'lograft-cli', 'request.timeout.ms': requestTimeoutMs = 30_000 } = settings
  const { address, saidBy } = bootstrapOf(options, settings)
  try {
    return new ClusterClient({
      ports: { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() },
      bootstrapServers: address,
      clientId,
      requestTimeoutMs,
      apiTimeoutMs: settings['default.api.timeout.ms'] ?? API_TIMEOUT_MS,
    })
  } catch (error) {
    if (error instanceof ClientError && error.error === 'INVALID_CONFIG') misuse(`${saidBy}: ${error.message}`)
    throw error
  }
}

interface Bootstrap {
  readonly address: string
  /** For messages. */
  readonly saidBy: string
}

/** There is no ZooKeeper: with LOGRAFT_ZK_COMPAT=1 old commands find a broker on the same host. */
function bootstrapOf({ 'bootstrap-server': typed, zookeeper }: ClusterOptions, settings: ClientSettings): Bootstrap {
  if (zookeeper === undefined) {
    const inFile = settings['bootstrap.servers']
    if (typed === undefined && inFile !== undefined) return { address: inFile, saidBy: 'bootstrap.servers' }
    return { address: typed ?? DEFAULT_SERVER, saidBy: '--bootstrap-server' }
  }
  const host = /^([^:,/]+)(?::\d+)?/.exec(zookeeper)?.[1]
  if (process.env['LOGRAFT_ZK_COMPAT'] === '1' && host !== undefined)
    return { address: `${host}:9092`, saidBy: '--zookeeper' }
  return misuse(
    `--zookeeper ${zookeeper} names a ZooKeeper, and this cluster has none: say --bootstrap-server ${host ?? 'localhost'}:9092, a broker's address`,
  )
}
