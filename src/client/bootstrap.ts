/** `bootstrap.servers`: the addresses at which a client begins. */
import type { Address } from '../io/network.js'
import { ClientError } from './client-error.js'

/** As in Kafka, the name of a listener's protocol may stand in front. */
const PATTERN = /^(?:[A-Za-z0-9_]+:\/\/)?(?:\[([\w:.%]+)\]|([^:[\]/\s]+)):(\d+)$/

/** Reads `host:port,host:port`; an IPv6 address stands in brackets. Throws `ClientError` INVALID_CONFIG. */
export function parseBootstrapServers(text: string): Address[] {
  const addresses = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item): Address => {
      const match = PATTERN.exec(item)
      const port = Number(match?.[3])
      if (match === null || port < 1 || port > 65_535) throw refused(item, match !== null)
      return { host: (match[1] ?? match[2])!, port }
    })
  if (addresses.length === 0) throw new ClientError('INVALID_CONFIG', 'no server is named: it must be host:port')
  return addresses
}

function refused(item: string, isPort: boolean): ClientError {
  const allowed = isPort
    ? 'the port must be from 1 to 65535'
    : /^[0-9A-Fa-f]*:[0-9A-Fa-f.]*:/.test(item)
      ? 'an IPv6 address stands in brackets, with a port behind it, as [::1]:9092'
      : 'it must be host:port, as localhost:9092'
  return new ClientError('INVALID_CONFIG', `${item} is no server's address: ${allowed}`)
}

/** As `parseBootstrapServers` reads it. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
