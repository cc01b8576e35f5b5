/**
 * How a node asks the active controller: by message, also where both are in one process, and again for as long as there is time while
 * nobody is active.
 */
import type { ControllerApi, ControllerReply, ControllerRequest } from '../controller/controller-core.js'
import type { Clock, Timer } from '../io/clock.js'
import type { Controller } from './controller.js'

const RETRY_MS = 10

/** Undefined: no controller has answered in time. */
export type ChannelDone<Api extends ControllerApi> = (
  answer: { readonly reply: ControllerReply<Api>; readonly endOffset: number } | undefined,
) => void

export class ControllerChannel {
  readonly #clock: Clock
  readonly #controller: Controller
  readonly #retries = new Set<Timer>()
  #stopped = false

  constructor(clock: Clock, controller: Controller) {
    this.#clock = clock
    this.#controller = controller
  }

  send<Api extends ControllerApi>(
    api: Api,
    request: ControllerRequest<Api>,
    principal: string,
    timeoutMs: number,
    done: ChannelDone<Api>,
  ): void {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs
    const attempt = (): void => {
      if (this.#stopped) return
      this.#controller.handle(api, request, principal, (answer) => {
        if (answer !== undefined) return done(answer)
        const leftMs = deadlineMs - this.#clock.monotonicMs()
        if (leftMs <= 0) return done(undefined)
        const retry = this.#clock.timer(Math.min(RETRY_MS, leftMs), () => {
          this.#retries.delete(retry)
          attempt()
        })
        this.#retries.add(retry)
      })
    }
    this.#clock.defer(attempt)
  }

  /** Asks nothing any more; who waits for an answer is not told. */
  stop(): void {
    this.#stopped = true
    for (const retry of this.#retries) retry.cancel()
    this.#retries.clear()
  }
}
