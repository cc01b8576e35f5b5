/**
 * The requests that a member has under way, at most one of a kind to each other member, and whom it leaves alone for a while. An answer is
 * taken only under the id of its request: what belongs to an earlier role or epoch finds nothing.
 */
import type { OutgoingRequest, PeerRequest } from './messages.js'

type Kind = PeerRequest['kind']

export interface InFlight {
  readonly id: number
  readonly to: number
  readonly request: PeerRequest
  readonly sentAtMs: number
}

export interface RequestsState {
  readonly nextId: number
  readonly inFlight: readonly InFlight[]
  readonly restUntilMs: readonly (readonly [place: string, untilMs: number])[]
}

export class Requests {
  #nextId = 1
  readonly #inFlight = new Map<string, InFlight>()
  /** By kind and member. */
  readonly #restUntilMs = new Map<string, number>()
  #outgoing: OutgoingRequest[] = []

  capture(): RequestsState {
    return { nextId: this.#nextId, inFlight: [...this.#inFlight.values()], restUntilMs: [...this.#restUntilMs] }
  }

  static restore({ nextId, inFlight, restUntilMs }: RequestsState): Requests {
    const requests = new Requests()
    requests.#nextId = nextId
    for (const each of inFlight) requests.#inFlight.set(placeOf(each.request.kind, each.to), each)
    for (const [place, untilMs] of restUntilMs) requests.#restUntilMs.set(place, untilMs)
    return requests
  }

  /** Whether such a request may go to this member. */
  mayAsk(kind: Kind, to: number, nowMs: number): boolean {
    const place = placeOf(kind, to)
    return !this.#inFlight.has(place) && nowMs >= (this.#restUntilMs.get(place) ?? nowMs)
  }

  send(to: number, request: PeerRequest, nowMs: number): void {
    const id = this.#nextId++
    this.#inFlight.set(placeOf(request.kind, to), { id, to, request, sentAtMs: nowMs })
    this.#outgoing.push({ id, to, request })
  }

  /** The request has come to its end. Undefined: nobody waits for it any more. */
  finish(id: number): InFlight | undefined {
    for (const [place, each] of this.#inFlight) {
      if (each.id !== id) continue
      this.#inFlight.delete(place)
      return each
    }
    return undefined
  }

  /** No such request goes there before then. */
  rest(kind: Kind, to: number, untilMs: number): void {
    this.#restUntilMs.set(placeOf(kind, to), untilMs)
  }

  /** Those that have waited longer than this for their answer; they are finished with it. */
  takeOverdue(nowMs: number, timeoutMs: number): InFlight[] {
    for (const [place, untilMs] of this.#restUntilMs) if (nowMs >= untilMs) this.#restUntilMs.delete(place)
    const overdue = [...this.#inFlight.values()].filter(({ sentAtMs }) => nowMs - sentAtMs >= timeoutMs)
    for (const { id } of overdue) this.finish(id)
    return overdue
  }

  /** This process stood still for so long: nobody else was late. */
  forgive(stalledMs: number, nowMs: number): void {
    for (const [place, each] of this.#inFlight) {
      this.#inFlight.set(place, { ...each, sentAtMs: Math.min(each.sentAtMs + stalledMs, nowMs) })
    }
  }

  /** Nobody waits for any answer any more; requests that have not left stay here. */
  forget(): void {
    this.#inFlight.clear()
    this.#outgoing = []
  }

  get hasOutgoing(): boolean {
    return this.#outgoing.length > 0
  }

  takeOutgoing(): readonly OutgoingRequest[] {
    const outgoing = this.#outgoing
    this.#outgoing = []
    return outgoing
  }
}

function placeOf(kind: Kind, to: number): string {
  return `${kind} ${to}`
}
