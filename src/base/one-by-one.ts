/**
 * Does something with each item, with the next one when the last is done, and calls `done` after all. Where completions come at once, which they
 * may, thousands of them do not pile up on the stack. Who does not call `next` stops there.
 */
export function oneByOne<T>(items: Iterable<T>, action: (item: T, next: () => void) => void, done: () => void): void {
  const iterator = items[Symbol.iterator]()
  let running = false
  let wanted = false
  const next = (): void => {
    wanted = true
    if (running) return
    running = true
    while (wanted) {
      wanted = false
      const result = iterator.next()
      if (result.done === true) return done()
      action(result.value, next)
    }
    running = false
  }
  next()
}
