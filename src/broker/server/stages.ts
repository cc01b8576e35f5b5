/**
 * The stages of a request between its decoding and its handler: who asks, at which cost, for what. As long as security and quotas are not
 * built they let everything pass, but every request goes through them.
 */
export interface Principal {
  /** `User` and the like. */
  readonly type: string
  readonly name: string
}

export const ANONYMOUS: Principal = { type: 'User', name: 'ANONYMOUS' }

/** `User:ANONYMOUS` */
export function principalText({ type, name }: Principal): string {
  return `${type}:${name}`
}

export type Operation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'CLUSTER_ACTION'
  | 'IDEMPOTENT_WRITE'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER_CONFIGS'

/** What a request needs to be allowed: Kafka's operations on Kafka's resources. */
export interface Need {
  readonly operation: Operation
  readonly resource: Resource
}

const NOTHING_AT_ONCE: readonly Need[] = Object.freeze([])

/** For `authorize`: the handler asks for each thing that the request names by itself, and answers the rest (`Call.allows`). */
export const eachForItself = (): readonly Need[] => NOTHING_AT_ONCE

export type Resource = { readonly type: 'CLUSTER' } | { readonly type: 'TOPIC' | 'GROUP'; readonly name: string }

export const CLUSTER: Resource = { type: 'CLUSTER' }

export function topic(name: string): Resource {
  return { type: 'TOPIC', name }
}

export function group(name: string): Resource {
  return { type: 'GROUP', name }
}

/** Where a request came in. */
export interface ListenerContext {
  readonly name: string
  readonly serves: 'broker' | 'controller'
  /** A listener of a broker that serves controllers, too. */
  readonly both?: boolean
}

/** The state of one connection's authentication. */
export interface Authentication {
  /** Undefined: not authenticated yet, and only what leads there may be asked. */
  readonly principal: Principal | undefined
}

export interface Authenticator {
  begin(listener: ListenerContext): Authentication
}

export interface Quotas {
  /** Counts a request; returns how long the connection is not to be read, in milliseconds. */
  charge(principal: Principal, clientId: string | null, listener: ListenerContext, requestBytes: number): number
}

export interface Authorizer {
  /** Whether the principal may do all of it. */
  allows(principal: Principal, listener: ListenerContext, needs: readonly Need[]): boolean
}

export interface Stages {
  readonly authenticator: Authenticator
  readonly quotas: Quotas
  readonly authorizer: Authorizer
}

/** Everybody is ANONYMOUS, nothing costs, everything is allowed: Kafka without a security configuration. */
export const OPEN_STAGES: Stages = {
  authenticator: { begin: () => ({ principal: ANONYMOUS }) },
  quotas: { charge: () => 0 },
  authorizer: { allows: () => true },
}
