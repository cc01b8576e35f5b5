/**
 * What a loss of power leaves of files, found from the journal of what was written: a write is durable when a flush of its file that began after it has succeeded, a name when a flush
 * of its directory has (or, on a file system with a journal, any flush). A flush that failed has lost what it was for: a later one does not bring that back.
 */
import type { DiskEvent, Inode } from './journal.js'

export interface LossOptions {
  /** `strict`: as POSIX promises. `journalled`: any flush also takes along all that was done to names before it, as on ext4 and XFS. */
  readonly names: 'strict' | 'journalled'
  /** Of the writes to one file that no flush covered, how many were written all the same, the first ones, and how much of the next; without it, none. */
  readonly survive?: (unsynced: readonly number[]) => { readonly writes: number; readonly bytesOfNext: number }
}

export interface Loss {
  /** In any order, before names. */
  readonly contents: readonly ContentLoss[]
  /** In this order. */
  readonly names: readonly NameLoss[]
}

export interface ContentLoss {
  readonly inode: Inode
  /** What it shrinks or grows to; what it grows by and is not in `patches` is zeros. */
  readonly size: number
  /** Whether it may get longer: a cut was lost. Else it is no longer than it is, whatever `size` says. */
  readonly mayGrow: boolean
  readonly patches: readonly { readonly at: number; readonly bytes: Uint8Array }[]
  /** Length of the beginning in which nothing was lost. */
  readonly intact: number
  readonly lostBytes: number
}

export type NameLoss =
  /** It never was: removed if this inode stands there. */
  | { readonly kind: 'uncreate'; readonly path: string; readonly inode: Inode; readonly isDirectory: boolean }
  | {
      readonly kind: 'rename back'
      readonly from: string
      readonly to: string
      readonly inode: Inode
      readonly kept?: string
    }
  /** It is there again: by its other name, or as an empty directory. */
  | {
      readonly kind: 'bring back'
      readonly path: string
      readonly isDirectory: boolean
      readonly kept?: string
    }

type NameEvent = Extract<DiskEvent, { kind: 'created' | 'renamed' | 'removed' }>
type ContentEvent = Extract<DiskEvent, { kind: 'written' | 'cut' }>

/** Content of one life of a file, with how many of its events a flush has covered. */
interface Life {
  readonly inode: Inode
  readonly events: { readonly event: ContentEvent; state: 'open' | 'durable' | 'lost' }[]
  /** None before it is open. */
  firstOpen: number
}

export function lossOf(events: readonly DiskEvent[], options: LossOptions): Loss {
  const lives = new Map<Inode, Life>()
  const flushes = new Map<bigint, { readonly position: number; readonly covered: number }>()
  const names: { readonly event: NameEvent; readonly position: number; isDurable: boolean }[] = []
  const lifeOf = (inode: Inode): Life => {
    const life = lives.get(inode) ?? { inode, events: [], firstOpen: 0 }
    lives.set(inode, life)
    return life
  }
  const settle = (inode: Inode, position: number): void => {
    for (const name of names) {
      if (name.position < position && (options.names === 'journalled' || name.event.parent === inode)) {
        name.isDurable = true
      }
    }
  }
  events.forEach((event, position) => {
    switch (event.kind) {
      case 'attached':
        break
      case 'written':
      case 'cut':
        lifeOf(event.inode).events.push({ event, state: 'open' })
        break
      case 'flush begins':
        flushes.set(event.flush, { position, covered: lifeOf(event.inode).events.length })
        break
      case 'flushed': {
        const flush = flushes.get(event.flush)
        if (flush === undefined) break
        flushes.delete(event.flush)
        close(lifeOf(event.inode), flush.covered, 'durable')
        settle(event.inode, flush.position)
        break
      }
      case 'flush failed': {
        const life = lifeOf(event.inode)
        close(life, life.events.length, 'lost')
        break
      }
      case 'created':
        // A number that was another file's once.
        lives.delete(event.inode)
        names.push({ event, position, isDurable: false })
        break
      case 'renamed':
      case 'removed':
        names.push({ event, position, isDurable: false })
        break
    }
  })
  const contents = [...lives.values()].flatMap((life) => contentLoss(life, options.survive) ?? [])
  return { contents, names: nameLosses(names) }
}

function close(life: Life, end: number, state: 'durable' | 'lost'): void {
  for (; life.firstOpen < end; life.firstOpen++) life.events[life.firstOpen]!.state = state
}

/** Undefined: nothing was lost. */
function contentLoss({ inode, events }: Life, survive: LossOptions['survive']): ContentLoss | undefined {
  if (events.every(({ state }) => state === 'durable')) return undefined
  const kept = survived(events, survive)
  const covered = new Ranges()
  const patches: { at: number; bytes: Uint8Array }[] = []
  let lostBytes = 0
  let intact = Number.POSITIVE_INFINITY
  for (const { event, isKept } of kept.toReversed()) {
    const [from, to, old] =
      event.kind === 'written'
        ? [event.at, event.at + event.length, event.old]
        : [event.size, event.sizeBefore, event.old]
    if (isKept) {
      if (event.kind === 'written') covered.add(from, to)
      continue
    }
    if (event.kind === 'written') lostBytes += event.length
    intact = Math.min(intact, from)
    for (const [start, end] of covered.without(from, to)) {
      const bytes = new Uint8Array(end - start)
      bytes.set(old.subarray(start - from, Math.min(end - from, old.length)))
      patches.push({ at: start, bytes })
    }
  }
  let size = kept[0]!.event.sizeBefore
  for (const { event, isKept } of kept) {
    if (isKept) size = event.kind === 'written' ? Math.max(size, event.at + event.length) : event.size
  }
  const mayGrow = kept.some(({ event, isKept }) => !isKept && event.kind === 'cut')
  return { inode, size, mayGrow, patches, intact: Math.min(intact, size), lostBytes }
}

interface Decided {
  readonly event: ContentEvent
  readonly isKept: boolean
}

/** Which events count; one that was written in part becomes two. */
function survived(events: Life['events'], survive: LossOptions['survive']): readonly Decided[] {
  const lengths = events.flatMap(({ event, state }) =>
    state === 'open' && event.kind === 'written' ? [event.length] : [],
  )
  const { writes, bytesOfNext } = survive?.(lengths) ?? { writes: 0, bytesOfNext: 0 }
  let seen = 0
  return events.flatMap(({ event, state }): Decided[] => {
    if (state !== 'open' || event.kind === 'cut') {
      return [{ event, isKept: state === 'durable' || (state === 'open' && seen < writes) }]
    }
    const order = seen++
    if (order < writes) return [{ event, isKept: true }]
    if (order > writes || bytesOfNext <= 0 || bytesOfNext >= event.length) return [{ event, isKept: false }]
    const { at, length, old, sizeBefore } = event
    return [
      { event: { ...event, length: bytesOfNext, old: old.subarray(0, bytesOfNext) }, isKept: true },
      {
        event: {
          ...event,
          at: at + bytesOfNext,
          length: length - bytesOfNext,
          old: old.subarray(Math.min(bytesOfNext, old.length)),
          sizeBefore: Math.max(sizeBefore, at + bytesOfNext),
        },
        isKept: false,
      },
    ]
  })
}

/** The last is undone first; what was done to a name and stays moves the paths of what is undone before it. */
function nameLosses(names: readonly { readonly event: NameEvent; readonly isDurable: boolean }[]): readonly NameLoss[] {
  const losses: NameLoss[] = []
  const stayed: { readonly from: string; readonly to: string }[] = []
  const now = (path: string): string =>
    stayed.reduce((found, { from, to }) => {
      return found === from || found.startsWith(`${from}/`) ? to + found.slice(from.length) : found
    }, path)
  for (const { event, isDurable } of names.toReversed()) {
    if (isDurable) {
      if (event.kind === 'renamed') stayed.unshift(event)
      continue
    }
    const { inode } = event
    const kept = event.kind === 'created' || event.kept === undefined ? {} : { kept: event.kept }
    if (event.kind === 'created') {
      losses.push({ kind: 'uncreate', path: now(event.path), inode, isDirectory: event.isDirectory })
    } else if (event.kind === 'renamed') {
      losses.push({ kind: 'rename back', from: now(event.from), to: now(event.to), inode, ...kept })
    } else losses.push({ kind: 'bring back', path: now(event.path), isDirectory: event.isDirectory, ...kept })
  }
  return losses
}

/** Ranges that do not touch, in order. */
class Ranges {
  #ranges: (readonly [number, number])[] = []

  add(from: number, to: number): void {
    const touching = this.#ranges.filter(([start, end]) => start <= to && end >= from)
    const merged = [
      Math.min(from, ...touching.map(([start]) => start)),
      Math.max(to, ...touching.map(([, end]) => end)),
    ]
    this.#ranges = [...this.#ranges.filter((range) => !touching.includes(range)), merged as [number, number]]
    this.#ranges.sort(([a], [b]) => a - b)
  }

  /** What is left of a range. */
  without(from: number, to: number): readonly (readonly [number, number])[] {
    const left: [number, number][] = []
    let at = from
    for (const [start, end] of this.#ranges) {
      if (end <= at || start >= to) continue
      if (start > at) left.push([at, start])
      at = Math.max(at, end)
    }
    if (at < to) left.push([at, to])
    return left
  }
}
