/**
 * Programs that this one has started: each leads a group of processes, and none outlives it, however it ends. Ctrl-C in a terminal reaches only this program, which then decides.
 */
import type { ChildProcess } from 'node:child_process'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** With what it is ended. */
const running = new Map<ChildProcess, NodeJS.Signals>()
const leftovers = new Set<() => void>()
let isWatching = false

/** To be given a child that was spawned `detached`. One that has such children itself is to be told by a signal that it can hear. */
export function endsWithThis<Child extends ChildProcess>(child: Child, signal: NodeJS.Signals = 'SIGKILL'): Child {
  watch()
  running.set(child, signal)
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
  return [...running.keys()].flatMap(({ pid }) => pid ?? [])
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
    for (const [child, signal] of running) signalGroup(child, signal)
    for (const clean of leftovers) clean()
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Who listens, too, ends by itself.
      if (process.listenerCount(signal) === 1) process.exit(EXIT_CODES[signal])
    })
  }
}
