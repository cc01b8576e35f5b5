/** What a loss of power leaves, against a model that keeps the durable content of each file apart and needs no undoing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DiskEvent } from '../../../jepsen/nemesis/disk/journal.js'
import { parseJournal } from '../../../jepsen/nemesis/disk/journal.js'
import { type ContentLoss, lossOf } from '../../../jepsen/nemesis/disk/power-loss.js'

type Step =
  | { readonly does: 'write'; readonly at: number; readonly bytes: readonly number[] }
  | { readonly does: 'cut'; readonly size: number }
  | { readonly does: 'flush' }
  | { readonly does: 'flush in vain' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    does: fc.constant('write' as const),
    at: fc.nat(12),
    bytes: fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ does: fc.constant('cut' as const), size: fc.nat(14) }),
  fc.record({ does: fc.constant('flush' as const) }),
  fc.record({ does: fc.constant('flush in vain' as const) }),
)

function written(content: readonly number[], at: number, bytes: readonly number[]): number[] {
  const grown = [...content, ...new Array<number>(Math.max(0, at - content.length)).fill(0)]
  return [...grown.slice(0, at), ...bytes, ...grown.slice(at + bytes.length)]
}

function resized(content: readonly number[], size: number): number[] {
  return [...content.slice(0, size), ...new Array<number>(Math.max(0, size - content.length)).fill(0)]
}

/** The journal of steps, the file as programs see it, and what would be there without the steps that no flush covered. */
function played(steps: readonly Step[]) {
  const events: DiskEvent[] = []
  let content: number[] = []
  let durable: number[] = []
  let open: ((durable: readonly number[]) => number[])[] = []
  let flush = 0n
  for (const each of steps) {
    const sizeBefore = content.length
    if (each.does === 'write') {
      const { at, bytes } = each
      const old = Uint8Array.from(content.slice(at, at + bytes.length))
      events.push({ kind: 'written', inode: 1n, at, length: bytes.length, sizeBefore, old })
      content = written(content, at, bytes)
      open.push((before) => written(before, at, bytes))
    } else if (each.does === 'cut') {
      const { size } = each
      events.push({ kind: 'cut', inode: 1n, size, sizeBefore, old: Uint8Array.from(content.slice(size)) })
      content = resized(content, size)
      open.push((before) => resized(before, size))
    } else if (each.does === 'flush') {
      flush++
      events.push({ kind: 'flush begins', inode: 1n, flush }, { kind: 'flushed', inode: 1n, flush })
      for (const apply of open) durable = apply(durable)
      open = []
    } else {
      events.push({ kind: 'flush failed', inode: 1n })
      open = []
    }
  }
  return { events, content, durable }
}

function undone(content: readonly number[], loss: ContentLoss | undefined): number[] {
  if (loss === undefined) return [...content]
  let left = [...content]
  for (const { at, bytes } of loss.patches) left = written(left, at, [...bytes])
  return resized(left, loss.mayGrow ? loss.size : Math.min(content.length, loss.size))
}

test('what no flush covered is undone: the file is as the flushes left it', () => {
  // A flush in vain is told apart: what it loses may be between bytes that stay.
  const steps = fc.array(
    step.filter(({ does }) => does !== 'flush in vain'),
    { maxLength: 14 },
  )
  fc.assert(
    fc.property(steps, (each) => {
      const { events, content, durable } = played(each)
      const [loss] = lossOf(events, { names: 'strict' }).contents
      assert.deepEqual(undone(content, loss), durable)
      if (loss !== undefined) assert.deepEqual(content.slice(0, loss.intact), durable.slice(0, loss.intact))
    }),
  )
})

test('what a flush in vain was for is lost also where a later flush succeeds, unless it was written again', () => {
  const write = (at: number, text: string): Step => ({ does: 'write', at, bytes: [...Buffer.from(text)] })
  const after = (...steps: readonly Step[]): string => {
    const { events, content } = played(steps)
    return Buffer.from(undone(content, lossOf(events, { names: 'strict' }).contents[0])).toString()
  }
  const flushed: Step[] = [write(0, 'first'), { does: 'flush' }, write(5, 'gone'), { does: 'flush in vain' }]
  assert.equal(after(...flushed, { does: 'flush' }), 'first')
  assert.equal(after(...flushed, write(9, 'last'), { does: 'flush' }), 'first\0\0\0\0last')
  assert.equal(after(...flushed, write(5, 'gone'), { does: 'flush' }), 'firstgone')
  assert.equal(after(...flushed, write(5, 'go'), { does: 'flush' }), 'firstgo')
})

test('a flush covers what was written before it began, and of the rest as much survives as was drawn', () => {
  const at = (position: number): DiskEvent => {
    return { kind: 'written', inode: 1n, at: position, length: 10, sizeBefore: position, old: new Uint8Array() }
  }
  const events: DiskEvent[] = [
    at(0),
    { kind: 'flush begins', inode: 1n, flush: 1n },
    at(10),
    { kind: 'flushed', inode: 1n, flush: 1n },
    at(20),
  ]
  const sizes = [
    [0, 0],
    [0, 4],
    [1, 0],
    [1, 9],
    [2, 0],
  ].map(([writes, bytesOfNext]) => {
    const survive = (unsynced: readonly number[]) => {
      assert.deepEqual(unsynced, [10, 10])
      return { writes: writes!, bytesOfNext: bytesOfNext! }
    }
    const [loss] = lossOf(events, { names: 'strict', survive }).contents
    return [loss?.size, loss?.lostBytes]
  })
  assert.deepEqual(sizes, [
    [10, 20],
    [14, 16],
    [20, 10],
    [29, 1],
    [30, 0],
  ])
})

const ROOT = 7n
const INNER = 8n

test('names are undone backwards, those whose directory was flushed are not, and paths follow renames that stay', () => {
  const flushOf = (inode: bigint, flush: bigint): DiskEvent[] => [
    { kind: 'flush begins', inode, flush },
    { kind: 'flushed', inode, flush },
  ]
  const events: DiskEvent[] = [
    { kind: 'created', inode: INNER, parent: ROOT, isDirectory: true, path: '/a' },
    { kind: 'created', inode: 9n, parent: INNER, isDirectory: false, path: '/a/file' },
    { kind: 'renamed', inode: INNER, parent: ROOT, from: '/a', to: '/b', kept: undefined },
    ...flushOf(ROOT, 1n),
    { kind: 'removed', inode: 10n, parent: ROOT, isDirectory: false, path: '/old', kept: '77' },
    { kind: 'renamed', inode: 11n, parent: ROOT, from: '/new.tmp', to: '/new', kept: '78' },
    ...flushOf(9n, 2n),
  ]
  assert.deepEqual(lossOf(events, { names: 'strict' }).names, [
    { kind: 'rename back', from: '/new.tmp', to: '/new', inode: 11n, kept: '78' },
    { kind: 'bring back', path: '/old', isDirectory: false, kept: '77' },
    { kind: 'uncreate', path: '/b/file', inode: 9n, isDirectory: false },
  ])
  assert.deepEqual(lossOf(events, { names: 'journalled' }).names, [])
})

test('a number that was another file is a new file', () => {
  const write: DiskEvent = { kind: 'written', inode: 5n, at: 0, length: 3, sizeBefore: 0, old: new Uint8Array() }
  const created: DiskEvent = { kind: 'created', inode: 5n, parent: ROOT, isDirectory: false, path: '/again' }
  assert.equal(lossOf([write, created], { names: 'strict' }).contents.length, 0)
})

function record(kind: number, inode: bigint, a = 0n, b = 0n, c = 0n, first = '', second = ''): Buffer {
  const header = Buffer.alloc(48)
  header.writeUInt32LE(48 + first.length + second.length, 0)
  header.writeUInt32LE(kind, 4)
  for (const [index, value] of [inode, a, b, c].entries()) header.writeBigUInt64LE(value, 8 + 8 * index)
  header.writeUInt32LE(first.length, 40)
  header.writeUInt32LE(second.length, 44)
  return Buffer.concat([header, Buffer.from(first), Buffer.from(second)])
}

test('a journal: what was shorter than asked for, what did not happen, and an end that is half-written', () => {
  const bytes = Buffer.concat([
    record(2, 5n, 10n, 20n, 12n, 'ab'),
    record(8, 6n, 7n, 99n, 0n, '/from', '/to'),
    record(10, 5n, 10n, 4n),
    record(9, 6n, 7n, 0n, 1n, '/directory'),
    record(11, 6n),
    record(5, 5n, 3n).subarray(0, 40),
  ])
  assert.deepEqual(parseJournal(bytes), [
    { kind: 'written', inode: 5n, at: 10, length: 4, sizeBefore: 12, old: Buffer.from('ab') },
    { kind: 'renamed', inode: 6n, parent: 7n, from: '/from', to: '/to', kept: '99' },
  ])
  assert.throws(() => parseJournal(Buffer.alloc(48)), /no record of a journal stands at 0/)
  assert.throws(() => parseJournal(record(12, 1n)), /kind 12/)
})
