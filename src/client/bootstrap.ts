/** `bootstrap.servers`: the addresses at which a client begins. */
import type { Address } from '../io/network.js'
import { ClientError } from './client-error.js'

const PATTERN = /^(?:[A-Za-z0-9_]+:\/\/)?(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/

/** Reads `host:port,host:port`; an IPv6 address stands in brackets. Throws `ClientError` INVALID_CONFIG. */
export function parseBootstrapServers(text: string): Address[] {
  const addresses = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item): Address => {
      const match = PATTERN.exec(item)
      const port = Number(match?.[3])
      if (match === null || port < 1 || port > 65_535) {
        throw new ClientError('INVALID_CONFIG', `${item} is no server's address: it must be host:port`)
      }
      return { host: (match[1] ?? match[2])!, port }
    })
  if (addresses.length === 0) throw new ClientError('INVALID_CONFIG', 'no server is named: it must be host:port')
  return addresses
}

/** As `parseBootstrapServers` reads it. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
