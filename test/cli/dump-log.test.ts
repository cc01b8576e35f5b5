/** `lograft dump-log` on the files of a stopped Apache Kafka broker, whose content its own tools told, and on files of a node. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { after, before, test } from 'node:test'
import { startNode } from '../../src/index.js'
import { golden } from '../golden.js'
import { temporaryDirectory } from '../node-ports.js'
import { runCommand } from './run-command.js'

interface GoldenRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string }[]
  readonly means?: { readonly control?: string; readonly coordinatorEpoch?: number }
}

interface GoldenBatch {
  readonly position: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly sizeInBytes: number
  readonly crc: number
  readonly codec: string
  readonly leaderEpoch: number
  readonly producerId: number
  readonly lastSequence: number
  readonly records: readonly GoldenRecord[]
}

interface GoldenFile {
  readonly kind: string
  readonly path: string
  readonly hex: string
  readonly content: unknown
}

const directory = temporaryDirectory('dump')
const files = golden<GoldenFile>('files.jsonl')
before(() => {
  for (const { path, hex } of files) {
    mkdirSync(dirname(`${directory}/${path}`), { recursive: true })
    writeFileSync(`${directory}/${path}`, Buffer.from(hex, 'hex'))
  }
})
after(() => rmSync(directory, { recursive: true }))

async function dump(
  paths: readonly string[],
  ...flags: string[]
): Promise<{ readonly status: number | null; readonly lines: string[] }> {
  const given = paths.map((path) => `${directory}/${path}`).join(',')
  const { status, stdout, stderr } = await runCommand(['dump-log', '--files', given, ...flags])
  assert.equal(stderr, '')
  return { status, lines: stdout.trimEnd().split('\n') }
}

/** The lines of each file. */
function byFile(lines: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let current: string[] = []
  for (const line of lines) {
    const path = /^Dumping (.*)$/.exec(line)?.[1]
    if (path === undefined) current.push(line)
    else found.set(path.slice(directory.length + 1), (current = []))
  }
  return found
}

const ofKind = (kind: string): GoldenFile[] => files.filter((file) => file.kind === kind)

test('each batch and each record of each segment', async () => {
  const segments = [...ofKind('segment'), ...ofKind('metadata-snapshot')]
  const { status, lines } = await dump(
    segments.map(({ path }) => path),
    '--deep-iteration',
  )
  assert.equal(status, 0)
  const dumped = byFile(lines)
  let records = 0
  for (const { path, content } of segments) {
    const [start, ...rest] = dumped.get(path)!
    assert.match(start!, /^Log starting offset: \d+$|^Snapshot end offset: \d+, epoch: \d+$/)
    for (const batch of content as GoldenBatch[]) {
      const line = rest.shift()!
      const {
        baseOffset,
        lastOffset,
        count,
        lastSequence,
        producerId,
        leaderEpoch,
        position,
        sizeInBytes,
        codec,
        crc,
      } = batch
      assert.ok(line.startsWith(`baseOffset: ${baseOffset} lastOffset: ${lastOffset} count: ${count} `), line)
      assert.ok(line.includes(` lastSequence: ${lastSequence} producerId: ${producerId} `), line)
      assert.ok(
        line.includes(` partitionLeaderEpoch: ${leaderEpoch} `) && line.includes(` position: ${position} `),
        line,
      )
      assert.ok(line.endsWith(` size: ${sizeInBytes} magic: 2 compresscodec: ${codec} crc: ${crc} isvalid: true`), line)
      for (const record of batch.records) {
        records++
        checkRecord(rest.shift()!, record)
      }
    }
    assert.deepEqual(rest, [])
  }
  assert.ok(records > 100)
})

function checkRecord(line: string, { offset, key, value, headers, means }: GoldenRecord): void {
  const bytes = (text: string | null): number => (text === null ? -1 : Buffer.from(text, 'base64').length)
  assert.ok(line.startsWith(`| offset: ${offset} `), line)
  assert.ok(line.includes(` keySize: ${bytes(key)} valueSize: ${bytes(value)} `), line)
  assert.ok(line.includes(` headerKeys: [${headers.map((header) => header.key).join(',')}]`), line)
  if (means?.control === 'COMMIT' || means?.control === 'ABORT') {
    assert.ok(line.endsWith(`endTxnMarker: ${means.control} coordinatorEpoch: ${means.coordinatorEpoch}`), line)
  }
}

test('indexes, transaction indexes and producer snapshots; they agree with their segments', async () => {
  for (const [kind, format] of [
    ['offset-index', ({ offset, position }: Record<string, number>) => `offset: ${offset} position: ${position}`],
    ['time-index', ({ timestamp, offset }: Record<string, number>) => `timestamp: ${timestamp} offset: ${offset}`],
  ] as const) {
    const { status, lines } = await dump(ofKind(kind).map(({ path }) => path))
    assert.equal(status, 0, lines.join('\n'))
    const dumped = byFile(lines)
    for (const { path, content } of ofKind(kind)) {
      assert.deepEqual(dumped.get(path), (content as { entries: Record<string, number>[] }).entries.map(format), path)
    }
  }
  const aborted = await dump(ofKind('transaction-index').map(({ path }) => path))
  assert.equal(aborted.lines[1], 'version: 0 producerId: 1 firstOffset: 4 lastOffset: 5 lastStableOffset: 6')
  const snapshots = byFile((await dump(ofKind('producer-snapshot').map(({ path }) => path))).lines)
  assert.deepEqual(snapshots.get('txn-0/00000000000000000003.snapshot'), [
    'producerId: 1 producerEpoch: 0 coordinatorEpoch: -1 currentTxnFirstOffset: Some(0) lastTimestamp: 1763600000002 ' +
      'firstSequence: 0 lastSequence: 2 lastOffset: 2 offsetDelta: 2 timestamp: 1763600000002',
  ])
})

test('damage is found, said, and ends with 1: torn segments, wrong CRCs, indexes that lie', async () => {
  const segment = files.find(({ path }) => path === 'plain-0/00000000000000000000.log')!
  const bytes = Buffer.from(segment.hex, 'hex')
  mkdirSync(`${directory}/damaged`)
  const log = 'damaged/00000000000000000000.log'
  writeFileSync(`${directory}/${log}`, bytes.subarray(0, bytes.length - 5))
  const torn = await dump([log])
  assert.equal(torn.status, 1)
  assert.match(torn.lines.at(-1)!, /^Found 73 invalid bytes at the end of 0{20}\.log$/)
  bytes[70]! ^= 1
  writeFileSync(`${directory}/${log}`, bytes)
  const wrong = await dump([log])
  assert.equal(wrong.status, 1)
  assert.deepEqual([/isvalid: false$/.test(wrong.lines[2]!), /isvalid: true$/.test(wrong.lines[3]!)], [true, true])
  const index = Buffer.from(files.find(({ path }) => path === 'plain-0/00000000000000000000.index')!.hex, 'hex')
  index[7]! += 1
  writeFileSync(`${directory}/damaged/00000000000000000000.index`, index)
  const lying = await dump(['damaged/00000000000000000000.index'], '--verify-index-only')
  assert.equal(lying.status, 1)
  assert.match(lying.lines[1]!, /^Mismatch in 0{20}\.index: the entry \(1, 79\) names /)
  assert.equal(lying.lines.length, 2)
  const sane = await dump(['damaged/00000000000000000000.index'], '--index-sanity-check')
  assert.deepEqual([sane.status, sane.lines[1]], [0, '00000000000000000000.index passed sanity check.'])
  copyFileSync(
    `${directory}/plain-0/00000000000000000006.timeindex`,
    `${directory}/damaged/00000000000000000000.timeindex`,
  )
  assert.equal((await dump(['damaged/00000000000000000000.timeindex'])).status, 1)
})

test('the files of a node, and its metadata log decoded', async () => {
  const node = await startNode({ 'log.dirs': `${directory}/node` })
  const sent = await runCommand(
    ['console-producer', '--topic', 'dumped', '--bootstrap-server', node.bootstrapServers],
    { input: 'one\ntwo\n' },
  )
  assert.equal(sent.status, 0, sent.stderr)
  await node.stop()
  const { status, lines } = await dump(['node/dumped-0/00000000000000000000.log'], '--print-data-log')
  assert.equal(status, 0)
  assert.deepEqual(
    lines.filter((line) => line.startsWith('|')).map((line) => line.split(' payload: ')[1]),
    ['one', 'two'],
  )
  const beside = readdirSync(`${directory}/node/dumped-0`).filter((name) => /\.(index|timeindex|snapshot)$/.test(name))
  assert.ok(beside.length >= 2)
  assert.equal((await dump(beside.map((name) => `node/dumped-0/${name}`))).status, 0)
  const metadata = await dump(['node/__cluster_metadata-0/00000000000000000000.log'], '--cluster-metadata-decoder')
  assert.equal(metadata.status, 0)
  assert.ok(metadata.lines.some((line) => line.includes(' payload: {"type":"topic","data":{')))
  assert.ok(metadata.lines.some((line) => line.includes(' LeaderChange: {"version":')))
})

test('what cannot be read is a sentence', async () => {
  const missing = await runCommand(['dump-log', '--files', `${directory}/none.log`])
  assert.deepEqual([missing.status, /^lograft: cannot read .*none\.log: ENOENT/.test(missing.sentence)], [1, true])
  const other = await runCommand(['dump-log', '--files', `${directory}/meta.properties`])
  assert.match(other.sentence, /is of no known kind/)
})
