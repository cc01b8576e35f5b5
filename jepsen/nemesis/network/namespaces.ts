/**
 * A network for each node: a namespace with an address of its own, all on one bridge, to which clients in this process come by its gateway. The bridge is in a namespace, too, away from
 * what a firewall of the machine does to bridges; with it all cables go. Everything carries the number of this process: two runs do not meet, and what a killed one has left is found.
 */
import { execFile, spawnSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import type { Surroundings } from '../../beds/bed.js'
import { cleansUp } from '../../beds/children.js'
import type { Backend } from '../fault.js'
import { flakyFault, partitionFaults, resetFault } from './link-faults.js'
import { NamespaceLinks } from './namespace-links.js'

const BACKEND = 'network namespaces'
/** Of the network back-ends a run uses one. */
export const NETWORK_FAMILY = 'network'
const COMMAND_LIMIT_MS = 20_000
/** Names of namespaces: `lograft-PID-hub`, `lograft-PID-NODE`. */
const NAME = /^lograft-(\d+)-(?:hub|probe|\d+)$/
/** For measurements, never on the Internet: 198.18.0.0/15 (RFC 2544). */
const NETWORKS = 512
const GATEWAY = 254

const run = promisify(execFile)

export function namespacesBackend(): Backend {
  const links = new NamespaceLinks()
  let forget: (() => void) | undefined
  return {
    name: BACKEND,
    family: NETWORK_FAMILY,
    probe,
    prepare: async (nodes, surroundings) => {
      await sweep()
      forget = cleansUp(() => removeNow(ownNames(nodes)))
      const network = freeNetwork(process.pid)
      await layCables(network, nodes)
      for (const id of nodes) {
        const given = surroundings.get(id)!
        const prefix = ['ip', 'netns', 'exec', nameOf(id), ...given.prefix]
        const changed: Surroundings = { ...given, prefix, host: `${network}.${id}` }
        surroundings.set(id, changed)
        links.add(id, {
          namespace: nameOf(id),
          host: changed.host,
          port: changed.ports.controllers,
          gateway: `${network}.${GATEWAY}`,
        })
      }
    },
    faults: [...partitionFaults(BACKEND, links), flakyFault(BACKEND, links), resetFault(BACKEND, links)],
    restore: async () => {
      forget?.()
      for (const name of await namespaces()) if (NAME.exec(name)?.[1] === String(process.pid)) await remove(name)
    },
  }
}

async function probe(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it needs root'
  const name = `lograft-${process.pid}-probe`
  try {
    await run('ip', ['netns', 'add', name], { timeout: COMMAND_LIMIT_MS })
    await run('ip', ['-n', name, 'link', 'add', 'bridge', 'type', 'bridge'], { timeout: COMMAND_LIMIT_MS })
    await run('ip', ['-n', name, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other'], {
      timeout: COMMAND_LIMIT_MS,
    })
    const rules = ['numgen random mod 1000 < 500 counter drop', 'tcp flags & rst == 0 counter reject with tcp reset']
    const table = `table inet lograft { chain input { type filter hook input priority 0; ${rules.join('; ')}; }; }`
    await run('ip', ['netns', 'exec', name, 'nft', table], { timeout: COMMAND_LIMIT_MS })
    return undefined
  } catch (error) {
    return whyNot(error as NodeJS.ErrnoException & { readonly stderr?: string })
  } finally {
    await remove(name).catch(() => {})
  }
}

function whyNot({ code, message, stderr = '' }: NodeJS.ErrnoException & { readonly stderr?: string }): string {
  if (code === 'ENOENT') return 'there is no ip: apt-get install iproute2'
  if (/exec of "?nft"? failed/.test(stderr)) return 'there is no nft: apt-get install nftables'
  return (stderr.trim() || message).split('\n')[0]!
}

function nameOf(id: number | 'hub'): string {
  return `lograft-${process.pid}-${id}`
}

function ownNames(nodes: readonly number[]): string[] {
  return [nameOf('hub'), ...nodes.map(nameOf)]
}

/** The first three numbers of addresses: one that no interface of this machine is in. */
function freeNetwork(from: number): string {
  const taken = new Set(
    Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ address }) => address.split('.', 3).join('.')),
    ),
  )
  for (let n = 0; n < NETWORKS; n++) {
    const number = (from + n) % NETWORKS
    const network = `198.${18 + Math.floor(number / 256)}.${number % 256}`
    if (!taken.has(network)) return network
  }
  throw new Error('all networks for tests are taken')
}

async function layCables(network: string, nodes: readonly number[]): Promise<void> {
  const most = Math.max(...nodes)
  if (most >= GATEWAY) throw new Error(`node ${most} has no address: at most ${GATEWAY - 1}`)
  const hub = nameOf('hub')
  const outside = `lg${process.pid}`
  for (const name of ownNames(nodes)) await run('ip', ['netns', 'add', name], { timeout: COMMAND_LIMIT_MS })
  await ip(hub, [
    'link add bridge type bridge',
    'link set bridge up',
    `link add clients type veth peer name ${outside} netns ${process.pid}`,
  ])
  await run('ip', ['address', 'add', `${network}.${GATEWAY}/24`, 'dev', outside], { timeout: COMMAND_LIMIT_MS })
  await run('ip', ['link', 'set', outside, 'up'], { timeout: COMMAND_LIMIT_MS })
  await ip(hub, ['link set clients master bridge', 'link set clients up'])
  for (const id of nodes) {
    const port = `node${id}`
    await ip(hub, [
      `link add ${port} type veth peer name eth0 netns ${nameOf(id)}`,
      `link set ${port} master bridge`,
      `link set ${port} up`,
    ])
    await ip(nameOf(id), [`address add ${network}.${id}/24 dev eth0`, 'link set lo up', 'link set eth0 up'])
  }
}

/** Commands within a namespace. */
async function ip(namespace: string, commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    await run('ip', ['-n', namespace, ...command.split(' ')], { timeout: COMMAND_LIMIT_MS })
  }
}

async function namespaces(): Promise<readonly string[]> {
  const { stdout } = await run('ip', ['netns', 'list'], { timeout: COMMAND_LIMIT_MS })
  return stdout.split('\n').flatMap((line) => line.split(' ', 1)[0] || [])
}

/** What runs that were killed have left, with the nodes that still run in it. */
async function sweep(): Promise<void> {
  for (const name of await namespaces()) {
    const pid = Number(NAME.exec(name)?.[1] ?? 0)
    if (pid === 0 || pid === process.pid || isAlive(pid)) continue
    const { stdout } = await run('ip', ['netns', 'pids', name], { timeout: COMMAND_LIMIT_MS })
    for (const left of stdout.split('\n').filter((line) => line !== '')) {
      try {
        process.kill(Number(left), 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }
    await remove(name)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function remove(name: string): Promise<void> {
  await run('ip', ['netns', 'delete', name], { timeout: COMMAND_LIMIT_MS })
}

/** Without waiting for anything: this program ends. */
function removeNow(names: readonly string[]): void {
  for (const name of names) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore', timeout: COMMAND_LIMIT_MS })
}
