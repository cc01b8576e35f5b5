/**
 * A proxy that knows Kafka's frames, in front of listeners: all links between nodes and to clients go through it, each connection on its own. It does to bytes what a bad network does, and to
 * single requests what no network does at will: they come late behind newer ones, come twice, or lose their answers.
 */
import net from 'node:net'
import type { Prng } from '../../../src/base/prng.js'
import { RealTime, until } from '../../beds/time.js'
import { type Among, type Applied, type Effect, type End, type Link, type Links, nameOf } from './links.js'
import type { Way } from './pipe.js'
import { type ConnectionTarget, type Decision, ProxiedConnection, type Switchboard } from './proxied-connection.js'
import type { SeenRequest } from './requests.js'

export interface Front {
  /** Where it listens; the port is a free one. */
  readonly host: string
  readonly to: number
  readonly target: ConnectionTarget
  /** Who has connected; undefined: nobody can say. */
  readonly sourceOf: (socket: net.Socket) => End | undefined
}

interface Held {
  readonly connection: ProxiedConnection
  readonly request: SeenRequest
  readonly frame: Buffer
}

const BLOCKING: readonly Effect['kind'][] = ['cut', 'reset']

class Rule {
  readonly effect: Effect
  readonly random: Prng
  readonly held: Held[] = []
  /** What it has been done to, and the first that is told of it. */
  count = 0
  first = ''
  left: number
  readonly #links: ReadonlySet<string>

  constructor(links: readonly Link[], effect: Effect, random: Prng) {
    this.effect = effect
    this.random = random
    this.left = 'requests' in effect ? effect.requests : 0
    this.#links = new Set(links.map(keyOf))
  }

  isOf(link: Link): boolean {
    return this.#links.has(keyOf(link))
  }

  wants({ name }: SeenRequest, link: Link): boolean {
    return this.left > 0 && this.isOf(link) && (name !== 'Fetch' || this.random.chance(FETCH_SHARE))
  }

  shows(sentence: string): void {
    this.count++
    if (this.first === '') this.first = sentence
  }
}

/** All that is sent goes through here: what does not show by then had nothing to be done to. */
const SHOWS_LIMIT_MS = 5_000
/** As TCP waits before it sends again what was lost: then twice as long. */
const RETRANSMISSION_MS = 200
const MOST_RETRANSMISSIONS = 4
/** From a newer request to the held one. */
const LONGEST_LATE_MS = 300
/** Replicas fetch all the time: others are to have their turn. */
const FETCH_SHARE = 0.1
/** For who has just connected to be seen. */
const ASK_AGAIN_MS = 20

export class KafkaProxy implements Links, Switchboard {
  readonly #servers = new Set<net.Server>()
  readonly #connections = new Set<ProxiedConnection>()
  readonly #rules = new Set<Rule>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #time = new RealTime()

  /** Answers the port. */
  async listen({ host, to, target, sourceOf }: Front): Promise<number> {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {})
      const source = sourceOf(socket)
      if (source !== undefined) this.#accept(socket, source, to, target)
      else this.#later(ASK_AGAIN_MS, () => this.#accept(socket, sourceOf(socket), to, target))
    })
    this.#servers.add(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port: 0 }, resolve)
    })
    return (server.address() as net.AddressInfo).port
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#rules.clear()
    for (const connection of this.#connections) connection.reset()
    await Promise.all([...this.#servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
    this.#servers.clear()
  }

  async apply(links: readonly Link[], effect: Effect, { random }: Among): Promise<Applied> {
    const rule = new Rule(links, effect, random)
    this.#rules.add(rule)
    if (effect.kind === 'reset') this.#reset(rule)
    this.#changed()
    return {
      seen: () => {
        const first = async (): Promise<string | undefined> => rule.first || undefined
        return until(this.#time, SHOWS_LIMIT_MS, effect.kind, first).catch(() => undefined)
      },
      lift: async () => {
        this.#rules.delete(rule)
        const late = rule.held.splice(0).filter((held) => held.connection.deliver(held.frame)).length
        this.#changed()
        const atEnd = late === 0 ? '' : `, ${late} requests come only now`
        return `was done ${rule.count} times${atEnd}; bytes pass`
      },
    }
  }

  isBlocked(link: Link): boolean {
    return [...this.#rules].some((rule) => BLOCKING.includes(rule.effect.kind) && rule.isOf(link))
  }

  wayOf(link: Link): Way {
    const rules = (...kinds: readonly Effect['kind'][]): Rule[] =>
      [...this.#rules].filter((rule) => kinds.includes(rule.effect.kind) && rule.isOf(link))
    return {
      isCut: () => rules('cut').length > 0,
      delaysMs: (bytes) => {
        let latencyMs = 0
        let transmissionMs = 0
        for (const { effect, random } of rules('slow', 'flaky', 'narrow')) {
          if (effect.kind === 'slow') latencyMs += effect.delayMs + random.below(effect.jitterMs + 1)
          else if (effect.kind === 'narrow') transmissionMs += (bytes / effect.bytesPerSecond) * 1000
          else if (effect.kind === 'flaky') latencyMs += retransmissionMs(effect.chance, random)
        }
        return { latencyMs, transmissionMs }
      },
      waits: (bytes) => {
        const what = bytes === 0 ? 'a connection' : `${bytes} bytes`
        const sentence = `${what} from ${nameOf(link.from)} to ${nameOf(link.to)} had to wait`
        for (const rule of rules('cut', 'slow', 'flaky', 'narrow')) rule.shows(sentence)
      },
    }
  }

  decide(connection: ProxiedConnection, request: SeenRequest, frame: Buffer): Decision {
    const { from, to } = connection
    this.#releaseBehind(connection, request)
    const rule = [...this.#rules].find((each) => each.wants(request, { from, to }))
    if (rule === undefined) return 'pass'
    rule.left--
    const { kind } = rule.effect
    if (kind === 'hold') {
      rule.held.push({ connection, request, frame })
      rule.shows(`${described(connection, request)} is held back, its connection reset`)
    }
    return kind as Decision
  }

  answered(connection: ProxiedConnection, request: SeenRequest, decision: Decision): void {
    const { from, to } = connection
    const rule = [...this.#rules].find((each) => each.effect.kind === decision && each.isOf({ from, to }))
    const how = decision === 'swallow' ? 'was done, its answer is swallowed' : 'was answered twice'
    rule?.shows(`${described(connection, request)} ${how}`)
  }

  closed(connection: ProxiedConnection): void {
    this.#connections.delete(connection)
  }

  #accept(socket: net.Socket, from: End | undefined, to: number, target: Front['target']): void {
    const resets = [...this.#rules].filter(
      (rule) => rule.effect.kind === 'reset' && from !== undefined && isOn(rule, from, to),
    )
    for (const rule of resets) rule.shows(`a new connection from ${nameOf(from!)} to ${nameOf(to)} is reset`)
    if (from === undefined || resets.length > 0) socket.resetAndDestroy()
    else this.#connections.add(new ProxiedConnection(socket, from, to, target, this))
  }

  #reset(rule: Rule): void {
    for (const connection of this.#connections) {
      const { from, to } = connection
      if (!isOn(rule, from, to)) continue
      connection.reset()
      rule.shows(`a connection from ${nameOf(from)} to ${nameOf(to)} is reset`)
    }
  }

  /** What was held comes behind the next of its kind, on another connection: the same one, tried again. */
  #releaseBehind(newer: ProxiedConnection, { apiKey, clientId }: SeenRequest): void {
    for (const rule of this.#rules) {
      const behind = rule.held.filter(
        ({ connection, request }) =>
          connection !== newer &&
          connection.to === newer.to &&
          request.apiKey === apiKey &&
          request.clientId === clientId,
      )
      for (const held of behind) {
        rule.held.splice(rule.held.indexOf(held), 1)
        this.#later(rule.random.below(LONGEST_LATE_MS), () => held.connection.deliver(held.frame))
      }
    }
  }

  #changed(): void {
    for (const connection of this.#connections) connection.changed()
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }
}

function isOn(rule: Rule, from: End, to: End): boolean {
  return rule.isOf({ from, to }) || rule.isOf({ from: to, to: from })
}

function keyOf({ from, to }: Link): string {
  return `${from}>${to}`
}

function described({ from, to }: ProxiedConnection, { name, clientId }: SeenRequest): string {
  return `${name} of ${clientId ?? 'nobody'} from ${nameOf(from)} to ${nameOf(to)}`
}

function retransmissionMs(chance: number, random: Prng): number {
  let ms = 0
  for (let times = 0; times < MOST_RETRANSMISSIONS && random.chance(chance); times++)
    ms += RETRANSMISSION_MS * 2 ** times
  return ms
}
