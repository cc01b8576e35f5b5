/**
 * ConnectionLimits: how many connections a node takes, in all and from one address, and how fast new ones come (KIP-402, KIP-612). What is too
 * many is closed at once; what is too fast is read later.
 */
import type { NodeSettings } from '../../config/node-settings.js'

export interface ConnectionLimitsOptions {
  readonly max: number
  readonly maxPerIp: number
  /** By address, instead of `maxPerIp`. */
  readonly perIpOverrides: ReadonlyMap<string, number>
  /** New connections a second. */
  readonly maxPerSecond: number
}

export function connectionLimits(settings: NodeSettings): ConnectionLimitsOptions {
  return {
    max: settings['max.connections'],
    maxPerIp: settings['max.connections.per.ip'],
    perIpOverrides: settings['max.connections.per.ip.overrides'],
    maxPerSecond: settings['max.connection.creation.rate'],
  }
}

/** How many connections may come at once before they are slowed down, in seconds of the rate. */
const BURST_SECONDS = 1

export class ConnectionLimits {
  readonly #optionsNow: () => ConnectionLimitsOptions
  readonly #byIp = new Map<string, number>()
  #open = 0
  #refused = 0
  /** When the rate would allow the next, if there were no bursts. */
  #nextMs = Number.NEGATIVE_INFINITY

  /** `optionsNow` is asked for each connection: they change while a node runs. Those that are open stay. */
  constructor(optionsNow: () => ConnectionLimitsOptions) {
    this.#optionsNow = optionsNow
  }

  get count(): number {
    return this.#open
  }

  /** Connections that were closed as too many, since the start. */
  get refused(): number {
    return this.#refused
  }

  /** Counts a connection, which is to be read after a delay; or says why it must be closed. */
  open(ip: string, nowMs: number): { readonly delayMs: number } | string {
    const { max, maxPerIp, perIpOverrides, maxPerSecond } = this.#optionsNow()
    const ofThisIp = this.#byIp.get(ip) ?? 0
    const maxOfThisIp = perIpOverrides.get(ip) ?? maxPerIp
    if (this.#open >= max) return this.#refuse(`max.connections=${max} are open`)
    if (ofThisIp >= maxOfThisIp) return this.#refuse(`${maxOfThisIp} connections from this address are open`)
    this.#open++
    this.#byIp.set(ip, ofThisIp + 1)
    this.#nextMs = Math.max(this.#nextMs, nowMs - BURST_SECONDS * 1000) + 1000 / maxPerSecond
    return { delayMs: Math.max(0, this.#nextMs - nowMs) }
  }

  /** A connection that was counted is gone. */
  closed(ip: string): void {
    this.#open--
    const left = this.#byIp.get(ip)! - 1
    if (left > 0) this.#byIp.set(ip, left)
    else this.#byIp.delete(ip)
  }

  #refuse(reason: string): string {
    this.#refused++
    return reason
  }
}
