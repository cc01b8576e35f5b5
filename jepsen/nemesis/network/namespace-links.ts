/**
 * Links between namespaces, changed by rules of nftables in the namespace of who receives; what goes to clients is stopped where it is sent, so that nothing is changed outside of namespaces.
 * It shows in an attempt to connect from inside, and in the counters of the rules.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { RealTime, until } from '../../beds/time.js'
import { connectionTo } from '../process-state.js'
import { type Among, type Applied, type Effect, type End, isOpen, type Link, type Links, nameOf } from './links.js'

export interface Place {
  readonly namespace: string
  readonly host: string
  /** Where an attempt to connect from another node goes. */
  readonly port: number
  /** As whom clients come. */
  readonly gateway: string
}

interface Rule {
  readonly tag: number
  readonly links: readonly Link[]
  readonly effect: Effect
  /** Packets, by tables that have been replaced. */
  met: number
}

const SHOWS_LIMIT_MS = 15_000
const COMMAND_LIMIT_MS = 20_000
const TABLE = 'lograft'
const CONNECT_LIMIT_MS = 1_500
/** Says how it ended: in the namespace nothing but Node is sure to be there. */
const ATTEMPT = `const [host, port] = process.argv.slice(1)
const socket = require('node:net').connect({ host, port })
const ends = (how) => { console.log(how); process.exit() }
socket.setTimeout(${CONNECT_LIMIT_MS}, () => ends('not answered'))
socket.once('connect', () => ends('accepted'))
socket.once('error', ({ code }) => ends(code === 'ECONNREFUSED' ? 'refused' : code))`

const run = promisify(execFile)

export class NamespaceLinks implements Links {
  readonly #places = new Map<number, Place>()
  readonly #rules = new Set<Rule>()
  /** As it stands, by node. */
  readonly #tables = new Map<number, string>()
  #tags = 0
  readonly #time = new RealTime()

  add(id: number, place: Place): void {
    this.#places.set(id, place)
  }

  async apply(links: readonly Link[], effect: Effect, among: Among): Promise<Applied> {
    const open = links.filter((link) => isOpen(this, link))
    const rule: Rule = { tag: ++this.#tags, links, effect, met: 0 }
    this.#rules.add(rule)
    try {
      await this.#write()
    } catch (error) {
      this.#rules.delete(rule)
      await this.#write()
      throw error
    }
    return {
      seen: () =>
        until(this.#time, SHOWS_LIMIT_MS, 'a packet that a rule has met', async () => {
          // Of what is lost by chance an attempt may meet nothing.
          const attempt = await this.#attempt(open, among)
          const packets = await this.#packets(rule)
          return packets > 0 ? `${attempt}${packets} packets have met the rules` : undefined
        }),
      lift: async () => {
        const packets = await this.#packets(rule)
        this.#rules.delete(rule)
        await this.#write()
        return `${packets} packets have met the rules; ${await this.#attempt(open, among)}the rules are gone`
      },
    }
  }

  isBlocked(link: Link): boolean {
    return [...this.#rules].some(
      ({ effect, links }) =>
        effect.kind !== 'flaky' && links.some(({ from, to }) => from === link.from && to === link.to),
    )
  }

  /** One that uses such a link, of those between nodes that run. */
  async #attempt(links: readonly Link[], { nodes }: Among): Promise<string> {
    const runs = (end: End): boolean => nodes.some(({ id, isRunning }) => id === end && isRunning)
    const link =
      links.find(({ from, to }) => runs(from) && runs(to)) ??
      links.find(({ from, to }) => from === 'clients' && runs(to))
    if (link === undefined) return ''
    const { from, to } = link
    const { host, port } = this.#places.get(to as number)!
    const node = nodes.find(({ id }) => id === to)!
    const target = node.roles.includes('controller') ? `${host}:${port}` : node.address
    const how = from === 'clients' ? await connectionTo(node.address) : await this.#from(from, target)
    return `a connection from ${nameOf(from)} to ${nameOf(to)} is ${how}; `
  }

  async #from(id: number, target: string): Promise<string> {
    const colon = target.lastIndexOf(':')
    const command = [process.execPath, '-e', ATTEMPT, target.slice(0, colon), target.slice(colon + 1)]
    const { namespace } = this.#places.get(id)!
    const { stdout } = await run('ip', ['netns', 'exec', namespace, ...command], { timeout: COMMAND_LIMIT_MS })
    return stdout.trim()
  }

  async #packets(rule: Rule): Promise<number> {
    const listed = await Promise.all([...this.#tables.keys()].map((id) => this.#listed(id)))
    return listed.reduce((sum, text) => sum + packetsOf(text, rule.tag), rule.met)
  }

  /** The table of a node, with its counters. */
  async #listed(id: number): Promise<string> {
    const command = ['netns', 'exec', this.#places.get(id)!.namespace, 'nft', 'list', 'table', 'inet', TABLE]
    return (await run('ip', command, { timeout: COMMAND_LIMIT_MS })).stdout
  }

  /** Makes the tables what the rules say: each changes at once, or not at all. */
  async #write(): Promise<void> {
    for (const [id, { namespace, gateway }] of this.#places) {
      const table = tableOf(id, [...this.#rules].reverse(), (end) => this.#hostOf(end, gateway))
      if (table === this.#tables.get(id) || (table === undefined && !this.#tables.has(id))) continue
      if (this.#tables.has(id)) {
        const listed = await this.#listed(id)
        for (const rule of this.#rules) rule.met += packetsOf(listed, rule.tag)
      }
      const script = `add table inet ${TABLE}\ndelete table inet ${TABLE}\n${table ?? ''}`
      await run('ip', ['netns', 'exec', namespace, 'nft', script], { timeout: COMMAND_LIMIT_MS })
      if (table === undefined) this.#tables.delete(id)
      else this.#tables.set(id, table)
    }
  }

  #hostOf(end: End, gateway: string): string {
    return end === 'clients' ? gateway : this.#places.get(end)!.host
  }
}

/** Of one node, the first rule that says what becomes of a packet before the others; undefined: there is no rule for it. */
export function tableOf(
  id: number,
  rules: readonly { readonly tag: number; readonly links: readonly Link[]; readonly effect: Effect }[],
  hostOf: (end: End) => string,
): string | undefined {
  const lines = (chain: 'input' | 'output'): string[] =>
    rules.flatMap(({ tag, links, effect }) =>
      links
        .filter(({ from, to }) => (chain === 'input' ? to === id : from === id && to === 'clients'))
        .map(({ from, to }) => {
          const match = chain === 'input' ? `ip saddr ${hostOf(from)}` : `ip daddr ${hostOf(to)}`
          return `${match} ${verdictOf(effect)} comment "${tag}";`
        }),
    )
  const chains = (['input', 'output'] as const).map((chain) => {
    return `chain ${chain} { type filter hook ${chain} priority 0; policy accept; ${lines(chain).join(' ')} };`
  })
  return lines('input').length + lines('output').length === 0
    ? undefined
    : `table inet ${TABLE} { ${chains.join(' ')} }`
}

function verdictOf(effect: Effect): string {
  switch (effect.kind) {
    case 'cut':
      return 'counter drop'
    case 'reset':
      // Where both directions are reset, resets of the one have to pass the other.
      return 'tcp flags & rst == 0 counter reject with tcp reset'
    case 'flaky':
      return `numgen random mod 1000 < ${Math.round(effect.chance * 1000)} counter drop`
    default:
      throw new Error(`rules cannot do this: ${effect.kind}`)
  }
}

/** What the rules with this tag have met, in what `nft list` says. */
export function packetsOf(listed: string, tag: number): number {
  return listed
    .split('\n')
    .filter((line) => line.includes(`comment "${tag}"`))
    .reduce((sum, line) => sum + Number(/counter packets (\d+)/.exec(line)?.[1] ?? 0), 0)
}
