/**
 * Traps: while a simulation runs, the ambient clock, timers and randomness of the process are replaced by functions that throw, so that code
 * which reaches around its ports fails the run at the place where it does it.
 *
 * Not trapped: what Node itself may use while it runs our code and what cannot decide anything (garbage collection, the order of Maps), and
 * WebAssembly's or native code's own randomness, of which there is none here.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

/** The code asked for something that must come through a port. */
export class TrapError extends Error {
  override readonly name = 'TrapError'
}

type Restore = () => void

/** Runs `action` with the traps set; they are gone afterwards, whatever happens. */
export function withTraps<T>(action: () => T): T {
  const restores: Restore[] = []
  try {
    setTraps(restores)
    return action()
  } finally {
    for (const restore of restores.reverse()) restore()
    syncBuiltinESMExports()
  }
}

function setTraps(restores: Restore[]): void {
  const globals = globalThis as unknown as Record<string, unknown>
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) {
    replace(globals, name, trap(name, 'timers come from the clock port'), restores)
  }
  replace(globals, 'Date', trappedDate(Date), restores)
  replace(Math as unknown as Record<string, unknown>, 'random', trap('Math.random', RANDOMNESS), restores)
  replace(performance as unknown as Record<string, unknown>, 'now', trap('performance.now', TIME), restores)
  const own = process as unknown as Record<string, unknown>
  const hrtime = trap('process.hrtime', TIME)
  replace(own, 'hrtime', Object.assign(hrtime, { bigint: trap('process.hrtime.bigint', TIME) }), restores)
  replace(own, 'nextTick', trap('process.nextTick', 'what is deferred goes through the clock port'), restores)
  const random = crypto as unknown as Record<string, unknown>
  for (const name of ['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync']) {
    replace(random, name, trap(`crypto.${name}`, RANDOMNESS), restores)
  }
  const webCrypto = Object.getPrototypeOf(globalThis.crypto) as Record<string, unknown>
  for (const name of ['randomUUID', 'getRandomValues']) {
    replace(webCrypto, name, trap(`crypto.${name}`, RANDOMNESS), restores)
  }
  syncBuiltinESMExports()
}

const TIME = 'time comes from the clock port'
const RANDOMNESS = 'randomness comes from the random port'

function trap(name: string, rule: string): () => never {
  return () => {
    throw new TrapError(`${name} was called inside a simulation: ${rule}`)
  }
}

/** Dates of a given time are harmless. */
function trappedDate(original: DateConstructor): DateConstructor {
  const now = trap('Date.now', TIME)
  return new Proxy(original, {
    construct: (target, args: unknown[]) =>
      args.length === 0 ? trap('new Date()', TIME)() : (Reflect.construct(target, args) as object),
    apply: trap('Date()', TIME),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  })
}

function replace(target: Record<string, unknown>, name: string, value: unknown, restores: Restore[]): void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
  })
  restores.push(() => {
    if (before === undefined) delete target[name]
    else Object.defineProperty(target, name, before)
  })
}
