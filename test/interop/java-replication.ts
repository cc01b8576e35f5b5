/** What Apache Kafka's tools say of three replicas: in sync, without one of three brokers, in sync again, and led again by the preferred ones. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import type { Context } from './client.js'
import { attempt } from './external.js'
import { ends, java, javaCommand, produce } from './java-command.js'
import { ThreeBrokers } from './three-brokers.js'

const TOPIC = 'java.replicated'
const PARTITIONS = 3
const RECORDS = 3_000
const MORE = 500
const LONGEST_MS = 120_000
/** It reports until it is ended; the second time for a machine on which it had not begun to. */
const VERIFICATIONS_MS = [12_000, 60_000]
const REPORT_MS = 1_000

interface Described {
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

async function topics(bootstrap: string, ...args: readonly string[]): Promise<string> {
  const where = ['--bootstrap-server', bootstrap]
  return (await java('TopicCommand', [...where, ...args])).stdout.toString()
}

/** Of every partition, in order; also where only those in trouble are asked for. */
async function describe(bootstrap: string, ...args: readonly string[]): Promise<readonly Described[]> {
  const text = await topics(bootstrap, '--describe', '--topic', TOPIC, ...args)
  const numbers = (list: string): readonly number[] => list.split(',').map(Number)
  const lines = text.matchAll(/Partition: \d+\s+Leader: (\d+)\s+Replicas: ([\d,]+)\s+Isr: ([\d,]+)/g)
  return [...lines].map(([, leader, replicas, isr]) => ({
    leader: Number(leader),
    replicas: numbers(replicas!),
    isr: [...numbers(isr!)].sort(),
  }))
}

/** What is told once it is so: the broker that is asked hears of a change a little after others. */
async function described(bootstrap: string, is: (all: readonly Described[]) => boolean): Promise<readonly Described[]> {
  const endMs = performance.now() + LONGEST_MS
  for (;;) {
    const late = performance.now() > endMs
    const all = await describe(bootstrap).catch((error: Error) => {
      if (late) throw error
      return []
    })
    if (is(all) || late) return all
  }
}

async function wanted(what: string, is: () => Promise<boolean>): Promise<void> {
  const beganMs = performance.now()
  while (!(await is())) assert.ok(performance.now() < beganMs + LONGEST_MS, `not within ${LONGEST_MS} ms: ${what}`)
}

interface LogDir {
  readonly partitions: readonly { readonly partition: string; readonly size: number; readonly offsetLag: number }[]
}

/** Each broker has each partition, of one size and without a lag. */
async function compareLogDirs(bootstrap: string, ids: readonly number[]): Promise<void> {
  const args = ['--bootstrap-server', bootstrap, '--describe', '--topic-list', TOPIC]
  const { stdout } = await java('LogDirsCommand', args)
  const json = stdout
    .toString()
    .split('\n')
    .find((line) => line.startsWith('{'))
  const { brokers } = JSON.parse(json ?? '{}') as { brokers: { broker: number; logDirs: LogDir[] }[] }
  assert.deepEqual(brokers.map(({ broker }) => broker).sort(), ids)
  const seen = brokers.map(({ logDirs }) =>
    logDirs
      .flatMap(({ partitions }) =>
        partitions.map(({ partition, size, offsetLag }) => `${partition} ${size} ${offsetLag}`),
      )
      .sort(),
  )
  assert.equal(seen[0]!.length, PARTITIONS)
  for (const each of seen) {
    assert.deepEqual(each, seen[0])
    for (const line of each) assert.match(line, / 0$/, 'no lag')
  }
}

/** Reads every replica itself, and compares the checksums of the batches. */
async function verifyReplicas(bootstrap: string): Promise<void> {
  const from = ['--broker-list', bootstrap, '--topics-include', TOPIC.replaceAll('.', '\\.'), '--time', '-2']
  const command = javaCommand('ReplicaVerificationTool', [...from, '--report-interval-ms', String(REPORT_MS)], '')
  let reports: RegExpExecArray[] = []
  let all = ''
  for (const limitMs of VERIFICATIONS_MS) {
    const { stdout, stderr } = await attempt({ ...command, limitMs })
    reports = [
      ...stdout.toString().matchAll(/max lag is (\d+) for partition \S+ at offset (\S+) among (\d+) partitions/g),
    ]
    all = `${stdout}${stderr}`
    if (reports.length > 0) break
  }
  assert.ok(reports.length > 0, all)
  assert.deepEqual(
    reports
      .at(-1)!
      .slice(1, 4)
      .filter((_, index) => index !== 1),
    ['0', String(PARTITIONS)],
    all,
  )
  assert.doesNotMatch(all, /partition .* mismatch|different checksum|doesn't match/i)
}

export async function checkThreeReplicas({ file }: Context): Promise<string> {
  const directory = file('java.three')
  mkdirSync(directory)
  const brokers = await ThreeBrokers.start(directory)
  const { bootstrap, ids } = brokers
  try {
    await topics(bootstrap, '--create', '--topic', TOPIC, '--partitions', String(PARTITIONS))
    const made = await described(bootstrap, ({ length }) => length === PARTITIONS)
    assert.equal(made.length, PARTITIONS)
    for (const { leader, replicas, isr } of made) {
      assert.equal(leader, replicas[0])
      assert.deepEqual([[...replicas].sort(), isr], [ids, ids])
    }
    assert.deepEqual(made.map(({ leader }) => leader).sort(), ids, 'the leaders are spread')
    await produce(bootstrap, TOPIC, RECORDS, [
      '--record-size',
      '200',
      '--producer-props',
      'acks=all',
      'batch.size=2000',
    ])
    await Promise.all([verifyReplicas(bootstrap), compareLogDirs(bootstrap, ids)])
    assert.deepEqual(await describe(bootstrap, '--under-replicated-partitions'), [])

    const away = made[0]!.leader
    const left = ids.filter((id) => id !== away)
    const leftAt = left.map((id) => brokers.bootstrapOf(id)).join(',')
    assert.equal(await brokers.broker(away).stop(), 0)
    const two = await described(leftAt, (all) => all.length > 0 && all.every(({ isr }) => !isr.includes(away)))
    for (const { leader, isr } of two) assert.deepEqual([left.includes(leader), isr], [true, left])
    assert.equal((await describe(leftAt, '--under-replicated-partitions')).length, PARTITIONS)
    assert.equal((await describe(leftAt, '--at-min-isr-partitions')).length, PARTITIONS)
    assert.deepEqual(await describe(leftAt, '--under-min-isr-partitions'), [])
    assert.deepEqual(await describe(leftAt, '--unavailable-partitions'), [])
    await produce(leftAt, TOPIC, MORE, ['--record-size', '200', '--producer-props', 'acks=all'])

    await brokers.startOne(away)
    await wanted(
      'all in sync again',
      async () => (await describe(bootstrap, '--under-replicated-partitions')).length === 0,
    )
    assert.notEqual((await describe(bootstrap))[0]!.leader, away)
    const elect = [
      '--bootstrap-server',
      bootstrap,
      '--election-type',
      'preferred',
      '--topic',
      TOPIC,
      '--partition',
      '0',
    ]
    const elected = (await java('LeaderElectionCommand', elect)).stdout.toString()
    assert.match(elected, /Successfully completed leader election \(PREFERRED\) for partitions java\.replicated-0/)
    const given = await described(bootstrap, ([first]) => first?.leader === away)
    assert.equal(given[0]!.leader, away)
    assert.match((await java('LeaderElectionCommand', elect)).stdout.toString(), /Valid replica already elected/)

    const sum = (await ends(bootstrap, TOPIC)).reduce((total, end) => total + end, 0)
    assert.equal(sum, RECORDS + MORE)
  } catch (error) {
    await brokers.stop().catch(() => undefined)
    throw error
  }
  assert.equal(await brokers.stop(), 0, brokers.log)
  rmSync(directory, { recursive: true })
  return `${RECORDS + MORE} records, one broker away and back, its leadership given back; ${brokers.compared}`
}
