/**
 * Links between nodes and to clients, each in one direction, and what can be done to them. Whoever makes it says how it shows at the victim.
 */
import type { Prng } from '../../../src/base/prng.js'
import type { BedNode } from '../../beds/bed.js'

/** A node by its id, or all clients. */
export type End = number | 'clients'

/** What is sent by one to the other, whoever has asked. */
export interface Link {
  readonly from: End
  readonly to: End
}

export type Effect =
  /** Nothing comes through, and nobody is told. */
  | { readonly kind: 'cut' }
  /** Connections end with a reset, also new ones. */
  | { readonly kind: 'reset' }
  /** A part of what is sent is lost on its way, and has to be sent again. */
  | { readonly kind: 'flaky'; readonly chance: number }
  | { readonly kind: 'slow'; readonly delayMs: number; readonly jitterMs: number }
  | { readonly kind: 'narrow'; readonly bytesPerSecond: number }
  /** So many requests come after what was sent later, on another connection. */
  | { readonly kind: 'hold'; readonly requests: number }
  /** So many requests are done, but nobody is told. */
  | { readonly kind: 'swallow'; readonly requests: number }
  /** So many requests come twice. */
  | { readonly kind: 'repeat'; readonly requests: number }

export interface Links {
  /** Rejects with nothing done. */
  apply(links: readonly Link[], effect: Effect, among: Among): Promise<Applied>
  /** Whether nothing comes through already: what else is done to it has no effect. */
  isBlocked(link: Link): boolean
}

export interface Among {
  readonly nodes: readonly BedNode[]
  readonly random: Prng
}

export interface Applied {
  /** Waits until it shows; rejects where it does not. Undefined: nothing came that it could have been done to. */
  seen(): Promise<string | undefined>
  /** Takes it back, once; answers how that shows. */
  lift(): Promise<string>
}

/** Both directions. */
export function between(some: readonly End[], others: readonly End[]): Link[] {
  return [...oneWay(some, others), ...oneWay(others, some)]
}

export function oneWay(from: readonly End[], to: readonly End[]): Link[] {
  return from.flatMap((source) =>
    to.filter((target) => target !== source).map((target) => ({ from: source, to: target })),
  )
}

export function nameOf(end: End): string {
  return end === 'clients' ? 'clients' : `node ${end}`
}

/** Connections need both directions. */
export function isOpen(links: Links, { from, to }: Link): boolean {
  return !links.isBlocked({ from, to }) && !links.isBlocked({ from: to, to: from })
}
