/**
 * Meters how much memory our own code reserves, so that a bound holds exactly, on every machine: every way in which a Buffer is made with a size is
 * counted, and every array that is made with a length. What the engine and native code keep for themselves is bounded by the process that a target runs in.
 */
let reservedBytes = 0
let installed = false

/** From now on reservations are counted. */
export function installMeter(): void {
  if (installed) return
  installed = true
  const buffers = Buffer as unknown as Record<string, (...args: unknown[]) => Buffer>
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow']) {
    const original = buffers[name]!
    buffers[name] = (...args: unknown[]): Buffer => {
      reservedBytes += Number(args[0])
      return original.apply(Buffer, args)
    }
  }
}

const BYTES_OF_ELEMENT = 8
const PlainArray = Array
const CountedArray: ArrayConstructor = new Proxy(PlainArray, {
  construct(target, args: unknown[], made): object {
    if (args.length === 1 && typeof args[0] === 'number') reservedBytes += BYTES_OF_ELEMENT * args[0]
    return Reflect.construct(target, args, made === CountedArray ? target : made) as object
  },
})

/** What was reserved while `action` ran; throws if that is more than `limitBytes`, whatever else `action` did. */
export function withinMemory<T>(what: string, limitBytes: number, action: () => T): T {
  installMeter()
  const before = reservedBytes
  const outside = globalThis.Array
  globalThis.Array = CountedArray
  try {
    return action()
  } finally {
    globalThis.Array = outside
    const used = reservedBytes - before
    // An error of the action would hide what matters more.
    // biome-ignore lint/correctness/noUnsafeFinally: see above
    if (used > limitBytes) throw new Error(`${what} reserved ${used} bytes, ${limitBytes} are allowed`)
  }
}
