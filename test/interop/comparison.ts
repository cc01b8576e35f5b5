/** The comparison itself, shown records that were lost, doubled, swapped or changed: a suite that cannot fail proves nothing. */
import assert from 'node:assert/strict'
import { compareCommitted } from './committed-offsets.js'
import { type Content, compareContents } from './contents.js'
import { requirePassed } from './own-tests.js'
import { compareRecords, makeRecords, type ReadRecord, type SentRecord } from './records.js'

const HARMS: Readonly<Record<string, (read: ReadRecord[], at: number) => void>> = {
  lost: (read, at) => read.splice(at, 1),
  'lost and offsets moved up': (read, at) => {
    const [lost] = read.splice(at, 1)
    for (const [index, record] of read.entries()) {
      if (record.partition === lost!.partition && record.offset > lost!.offset)
        read[index] = { ...record, offset: record.offset - 1 }
    }
  },
  doubled: (read, at) => read.splice(at, 0, read[at]!),
  swapped: (read, at) => {
    const other = read.findIndex(({ partition }, index) => index > at && partition === read[at]!.partition)
    const [a, b] = [read[at]!, read[other]!]
    read[at] = { ...b, offset: a.offset }
    read[other] = { ...a, offset: b.offset }
  },
  moved: (read, at) => {
    const record = read[at]!
    read[at] = { ...record, partition: (record.partition + 1) % 3 }
  },
  'key gone': (read, at) => {
    read[at] = { ...read[at]!, key: null }
  },
  'value emptied': (read, at) => {
    read[at] = { ...read[at]!, value: Buffer.alloc(0) }
  },
  'a bit of the value': (read, at) => {
    const value = Buffer.from(read[at]!.value!)
    value[value.length - 1]! ^= 1
    read[at] = { ...read[at]!, value }
  },
  'a header more': (read, at) => {
    read[at] = { ...read[at]!, headers: [...read[at]!.headers, ['more', Buffer.alloc(0)]] }
  },
  'a header changed': (read, at) => {
    const [first, ...rest] = read[at]!.headers
    read[at] = { ...read[at]!, headers: [[first![0], Buffer.from(`${first![1]}!`)], ...rest] }
  },
  'a later timestamp': (read, at) => {
    read[at] = { ...read[at]!, timestamp: read[at]!.timestamp + 1 }
  },
}

/** What a perfect broker gives back. */
function echo(sent: readonly SentRecord[]): ReadRecord[] {
  const ends = new Map<number, number>()
  return sent.map((record) => {
    const offset = ends.get(record.partition) ?? 0
    ends.set(record.partition, offset + 1)
    return { ...record, offset }
  })
}

export async function comparison(): Promise<string> {
  const sent = makeRecords('comparison')
  compareRecords(sent, echo(sent))
  const at = sent.findIndex(
    ({ key, value, headers }, index) =>
      index > 100 && key !== null && value !== null && value.length > 0 && headers.length > 0,
  )
  for (const [name, harm] of Object.entries(HARMS)) {
    const read = echo(sent)
    harm(read, at)
    assert.throws(() => compareRecords(sent, read), `${name} is not noticed`)
  }
  assert.throws(() => compareRecords([], []))
  checkContents()
  checkCommitted()
  checkOwnTests()
  return `${Object.keys(HARMS).length} kinds of harm are noticed`
}

function checkContents(): void {
  const topics: [string, Content][] = [
    ['a', { records: 3, digest: '1' }],
    ['b', { records: 2, digest: '2' }],
  ]
  const before = new Map(topics)
  compareContents(before, new Map(topics))
  for (const after of [
    topics.slice(1),
    [topics[0]!, ['b', { records: 1, digest: '2' }]],
    [topics[0]!, ['b', { records: 2, digest: '3' }]],
    [...topics, ['c', { records: 1, digest: '4' }]],
  ] as [string, Content][][]) {
    assert.throws(() => compareContents(before, new Map(after)))
  }
  assert.throws(() => compareContents(new Map(), new Map()))
}

function checkCommitted(): void {
  const offsets: [string, number][] = [
    ['g a 0', 3],
    ['g a 1', 2],
  ]
  const before = new Map(offsets)
  compareCommitted(before, new Map(offsets))
  for (const after of [offsets.slice(1), [offsets[0]!, ['g a 1', 1]], [...offsets, ['g b 0', 4]]] as [
    string,
    number,
  ][][]) {
    assert.throws(() => compareCommitted(before, new Map(after)))
  }
}

function checkOwnTests(): void {
  const wanted = ['a', 'b']
  const require = (states: Readonly<Record<string, string>>, names = wanted): void =>
    requirePassed(names, new Map(Object.entries(states)), () => '')
  require({ a: 'passed', b: 'passed', c: 'failed' })
  for (const state of ['failed', 'skipped', 'running']) assert.throws(() => require({ a: 'passed', b: state }), /b: /)
  assert.throws(() => require({ a: 'passed' }), /b: not run/)
  assert.throws(() => require({}, []))
}
