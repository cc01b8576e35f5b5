/**
 * Programs that this one has started: each leads a group of processes, and none outlives it, however it ends. Ctrl-C in a terminal reaches only this program, which then decides.
 */
import type { ChildProcess } from 'node:child_process'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

const running = new Set<ChildProcess>()
const leftovers = new Set<() => void>()
let isWatching = false

/** To be given a child that was spawned `detached`. */
export function endsWithThis<Child extends ChildProcess>(child: Child): Child {
  watch()
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** What is to be done at the latest when this program ends, after its children; says how to forget it. Nothing can be waited for by then. */
export function cleansUp(clean: () => void): () => void {
  watch()
  leftovers.add(clean)
  return () => void leftovers.delete(clean)
}

/** Of those that run. */
export function childPids(): readonly number[] {
  return [...running].flatMap(({ pid }) => pid ?? [])
}

/** Also to what it has started in turn: the words in front of a command may stay its parent. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    child.kill(signal)
  }
}

function watch(): void {
  if (isWatching) return
  isWatching = true
  process.once('exit', () => {
    for (const child of running) signalGroup(child, 'SIGKILL')
    for (const clean of leftovers) clean()
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Who listens, too, ends by itself.
      if (process.listenerCount(signal) === 1) process.exit(EXIT_CODES[signal])
    })
  }
}
