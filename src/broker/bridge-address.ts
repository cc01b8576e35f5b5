/**
 * The address that a client is told without `advertised.listeners` is the one by which it came. Behind a container's bridge that is an address of
 * the bridge's network, to which clients outside have no way: their first connection is forwarded, the next is not.
 */

/**
 * Whether a connection seems to have been forwarded to a container: it arrives at an address out of those that Docker and Podman give to
 * containers, from the gateway of that network (its first address) or from outside of it.
 */
export function cameOverBridge(local: string, remote: string): boolean {
  const at = octets(local)
  const from = octets(remote)
  if (at === undefined || from === undefined) return false
  const [a, b] = at
  const isDocker = a === 172 && b >= 17 && b <= 31
  const isPodman = a === 10 && b === 88
  if (!isDocker && !isPodman) return false
  const isNeighbour = from[0] === a && from[1] === b
  return !isNeighbour || (from[2] === 0 && from[3] === 1 && local !== remote)
}

type Octets = readonly [number, number, number, number]

/** Also of an IPv4 address written as an IPv6 one, as sockets of both families have it. */
function octets(address: string): Octets | undefined {
  const match = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(address)
  return match === null ? undefined : (match.slice(1).map(Number) as unknown as Octets)
}
