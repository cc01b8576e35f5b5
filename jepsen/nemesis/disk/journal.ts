/** What the interposed library has written down, in the order in which it happened: what stood where something was written, which flush covered what, which names came, went or changed. */

/** A file or directory; a number is used again only for one that was made after the other had gone. */
export type Inode = bigint

export type DiskEvent =
  /** A process began, with this directory of data: another one than before has nothing to do with what was before. */
  | { readonly kind: 'attached'; readonly inode: Inode; readonly bornSeconds: bigint; readonly bornNanoseconds: bigint }
  | {
      readonly kind: 'written'
      readonly inode: Inode
      readonly at: number
      length: number
      readonly sizeBefore: number
      /** Of what stood there: up to the end of the file. */
      readonly old: Uint8Array
    }
  | {
      readonly kind: 'cut'
      readonly inode: Inode
      readonly size: number
      readonly sizeBefore: number
      readonly old: Uint8Array
    }
  | { readonly kind: 'flush begins' | 'flushed'; readonly inode: Inode; readonly flush: bigint }
  | { readonly kind: 'flush failed'; readonly inode: Inode }
  | {
      readonly kind: 'created'
      readonly inode: Inode
      readonly parent: Inode
      readonly isDirectory: boolean
      readonly path: string
    }
  | {
      readonly kind: 'renamed'
      readonly inode: Inode
      readonly parent: Inode
      readonly from: string
      readonly to: string
      /** Another name of what it replaced. */
      readonly kept: string | undefined
    }
  | {
      readonly kind: 'removed'
      readonly inode: Inode
      readonly parent: Inode
      readonly isDirectory: boolean
      readonly path: string
      readonly kept: string | undefined
    }

/** Of the C source's enumeration. */
const ATTACHED = 1
const WRITTEN = 2
const CUT = 3
const FLUSH_BEGINS = 4
const FLUSHED = 5
const FLUSH_FAILED = 6
const CREATED = 7
const RENAMED = 8
const REMOVED = 9
const SHORTER = 10
const CANCELLED = 11
const HEADER_BYTES = 48

/** What is half-written at the end does not count. Throws where something else stands than the library writes. */
export function parseJournal(bytes: Buffer): readonly DiskEvent[] {
  const events: DiskEvent[] = []
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    const [first, second] = [bytes.readUInt32LE(at + 40), bytes.readUInt32LE(at + 44)]
    if (length !== HEADER_BYTES + first + second) throw new Error(`no record of a journal stands at ${at}`)
    if (at + length > bytes.length) break
    const strings = at + HEADER_BYTES
    add(events, {
      kind: bytes.readUInt32LE(at + 4),
      inode: bytes.readBigUInt64LE(at + 8),
      a: bytes.readBigUInt64LE(at + 16),
      b: bytes.readBigUInt64LE(at + 24),
      c: bytes.readBigUInt64LE(at + 32),
      first: bytes.subarray(strings, strings + first),
      second: bytes.subarray(strings + first, strings + first + second),
    })
    at += length
  }
  return events
}

interface Record {
  readonly kind: number
  readonly inode: Inode
  readonly a: bigint
  readonly b: bigint
  readonly c: bigint
  readonly first: Buffer
  readonly second: Buffer
}

function add(events: DiskEvent[], { kind, inode, a, b, c, first, second }: Record): void {
  switch (kind) {
    case ATTACHED:
      events.push({ kind: 'attached', inode, bornSeconds: a, bornNanoseconds: b })
      break
    case WRITTEN:
      events.push({ kind: 'written', inode, at: Number(a), length: Number(b), sizeBefore: Number(c), old: first })
      break
    case CUT:
      events.push({ kind: 'cut', inode, size: Number(a), sizeBefore: Number(c), old: first })
      break
    case FLUSH_BEGINS:
    case FLUSHED:
      events.push({ kind: kind === FLUSHED ? 'flushed' : 'flush begins', inode, flush: a })
      break
    case FLUSH_FAILED:
      events.push({ kind: 'flush failed', inode })
      break
    case CREATED:
      events.push({ kind: 'created', inode, parent: a, isDirectory: b === 1n, path: first.toString() })
      break
    case RENAMED: {
      const kept = b === 0n ? undefined : String(b)
      events.push({ kind: 'renamed', inode, parent: a, from: first.toString(), to: second.toString(), kept })
      break
    }
    case REMOVED: {
      const kept = b === 0n ? undefined : String(b)
      events.push({ kind: 'removed', inode, parent: a, isDirectory: c === 1n, path: first.toString(), kept })
      break
    }
    case SHORTER: {
      const last = events.findLast((event) => event.kind === 'written' && event.inode === inode)
      if (last?.kind === 'written') last.length = Number(b)
      break
    }
    case CANCELLED: {
      // Nothing of the same process comes between the two but ends of flushes.
      const last = events.findLastIndex(
        (event) => event.inode === inode && ['cut', 'renamed', 'removed'].includes(event.kind),
      )
      if (last >= 0) events.splice(last, 1)
      break
    }
    default:
      throw new Error(`a journal has a record of kind ${kind}`)
  }
}
