/** Makes files of a node that does not run what a loss of power would have left of them, and says what that was. */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type DiskEvent, type Inode, parseJournal } from './journal.js'
import { type LossOptions, lossOf, type NameLoss } from './power-loss.js'

export interface LossPlaces {
  readonly data: string
  readonly journal: string
  /** Second names of what was removed. */
  readonly kept: string
}

export interface Lost {
  /** With the path that each has afterwards; without those that have gone. */
  readonly files: readonly { readonly path: string; readonly lostBytes: number; readonly intact: number }[]
  readonly bytes: number
  /** Paths that are there again, or are there no more. */
  readonly names: readonly string[]
}

/** Afterwards everything that is there is durable: the journal begins anew. */
export function loseUnsynced(places: LossPlaces, options: LossOptions): Lost {
  const events = existsSync(places.journal) ? sameDisk(parseJournal(readFileSync(places.journal)), places.data) : []
  const loss = lossOf(events, options)
  const paths = pathsByInode(places)
  for (const content of loss.contents) {
    const path = paths.get(content.inode)
    // Gone, as its directory has, or removed without a second name.
    if (path === undefined) continue
    const file = openSync(path, 'r+')
    try {
      const { size } = fstatSync(file)
      for (const { at, bytes } of content.patches) writeSync(file, bytes, 0, bytes.length, at)
      ftruncateSync(file, content.mayGrow ? content.size : Math.min(size, content.size))
    } finally {
      closeSync(file)
    }
  }
  const names = loss.names
    .filter((name) => undo(name, places.kept))
    .map((name) => (name.kind === 'rename back' ? name.to : name.path))
  rmSync(places.kept, { recursive: true, force: true })
  mkdirSync(places.kept, { recursive: true })
  writeFileSync(places.journal, '')
  const left = pathsByInode(places)
  const files = loss.contents.flatMap(({ inode, lostBytes, intact }) => {
    const path = left.get(inode)
    return path === undefined || lostBytes === 0 ? [] : [{ path, lostBytes, intact }]
  })
  return { files, bytes: loss.contents.reduce((sum, { lostBytes }) => sum + lostBytes, 0), names }
}

/** Without what was done to a directory that was there before this one. */
function sameDisk(events: readonly DiskEvent[], data: string): readonly DiskEvent[] {
  const { ino, birthtimeNs } = statSync(data, { bigint: true })
  const last = events.findLastIndex(
    (event) =>
      event.kind === 'attached' &&
      (event.inode !== ino || event.bornSeconds * 1_000_000_000n + event.bornNanoseconds !== birthtimeNs),
  )
  if (last < 0) return events
  const next = events.findIndex((event, index) => index > last && event.kind === 'attached')
  return next < 0 ? [] : events.slice(next)
}

function pathsByInode({ data, kept }: LossPlaces): ReadonlyMap<Inode, string> {
  const paths = new Map<Inode, string>()
  for (const root of [kept, data]) {
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name)
      if (entry.isFile()) paths.set(lstatSync(path, { bigint: true }).ino, path)
    }
  }
  return paths
}

/** Whether there was something to be undone: a name that was recorded may never have come to be. */
function undo(name: NameLoss, kept: string): boolean {
  switch (name.kind) {
    case 'uncreate':
      if (inodeOf(name.path) !== name.inode) return false
      rmSync(name.path, { recursive: name.isDirectory, force: true })
      return true
    case 'rename back':
      if (inodeOf(name.to) !== name.inode || !existsSync(dirname(name.from))) return false
      renameSync(name.to, name.from)
      if (name.kept !== undefined) linkSync(join(kept, name.kept), name.to)
      return true
    case 'bring back':
      if (inodeOf(name.path) !== undefined || !existsSync(dirname(name.path))) return false
      if (name.isDirectory) mkdirSync(name.path)
      else if (name.kept === undefined) return false
      else linkSync(join(kept, name.kept), name.path)
      return true
  }
}

function inodeOf(path: string): Inode | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}
