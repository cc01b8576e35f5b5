/** Outbox: what a membership has for its shell, until the shell takes it; and how long it holds back after failures. */
import type { Random } from '../../../io/random.js'
import { type BackoffOptions, backoffMs } from '../../backoff.js'
import type {
  MembershipApi,
  MembershipEvent,
  MembershipReady,
  MembershipRequest,
  MembershipRequestOf,
} from './membership.js'

export class Outbox {
  #requests: MembershipRequest[] = []
  #events: MembershipEvent[] = []
  #nextId = 1

  /** Gives the request's id. */
  send<Api extends MembershipApi>(api: Api, body: MembershipRequestOf<Api>['body'], waitsMs?: number): number {
    const id = this.#nextId++
    this.#requests.push({ id, api, body, ...(waitsMs === undefined ? {} : { waitsMs }) } as MembershipRequest)
    return id
  }

  tell(event: MembershipEvent): void {
    this.#events.push(event)
  }

  take(): MembershipReady {
    const ready = { requests: this.#requests, events: this.#events }
    this.#requests = []
    this.#events = []
    return ready
  }
}

/** When the next attempt may be made. */
export class Retries {
  readonly #options: BackoffOptions
  readonly #random: Random
  #failures = 0
  #notBeforeMs = Number.NEGATIVE_INFINITY

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  get notBeforeMs(): number {
    return this.#notBeforeMs
  }

  failed(nowMs: number): void {
    this.#failures++
    this.#notBeforeMs = nowMs + backoffMs(this.#failures, this.#options, this.#random)
  }

  succeeded(): void {
    this.#failures = 0
    this.#notBeforeMs = Number.NEGATIVE_INFINITY
  }
}
