/** Apache Kafka's tools of groups: consumers of both protocols as members, and what the administrative tools say of them, reset and delete. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { Check, Context } from './client.js'
import { readCommitted } from './committed-offsets.js'
import { attempt } from './external.js'
import { create, ends, java, javaCommand, produce } from './java-command.js'
import { type GroupProtocol, JavaMember, type MemberOf, type ReadValue } from './java-members.js'
import { count } from './records.js'
import { ThreeBrokers } from './three-brokers.js'

const PROTOCOLS: readonly GroupProtocol[] = ['classic', 'consumer']
const PARTITIONS = 4
const VERIFIED = 2_000
const KEYS = 50
const LINES = 600
const PERFORMANCE_RECORDS = 50_000
const PERFORMANCE_BYTES = 100

const titled = (protocol: GroupProtocol): string => (protocol === 'classic' ? 'Classic' : 'Consumer')

async function groups(bootstrap: string, ...args: readonly string[]): Promise<string> {
  return (
    await java('consumer.group.ConsumerGroupCommand', ['--bootstrap-server', bootstrap, ...args])
  ).stdout.toString()
}

/** What the tool says of what it does not do; its exit code is 0 all the same at times. */
async function refused(bootstrap: string, ...args: readonly string[]): Promise<string> {
  const all = ['--bootstrap-server', bootstrap, ...args]
  const { stdout, stderr } = await attempt(javaCommand('consumer.group.ConsumerGroupCommand', all, ''))
  return `${stdout}${stderr}`
}

/** The fields of each line that begins with this word. */
function rows(text: string, first: string): readonly (readonly string[])[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/))
  return lines.filter(([word]) => word === first).sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1))
}

/** Through the console consumer, twice: the second time it goes on behind what it printed the first time. */
function consoleCheck(protocol: GroupProtocol): Check {
  return {
    name: `console consumer in a group, ${protocol}`,
    run: async ({ bootstrap }) => {
      const topic = `java.console-group-${protocol}`
      await create(bootstrap, topic, 2)
      await produce(bootstrap, topic, LINES, ['--payload-monotonic', '--command-property', 'batch.size=500'])
      const read = async (records: number): Promise<number[]> => {
        const { stdout } = await java('consumer.ConsoleConsumer', [
          ...['--bootstrap-server', bootstrap, '--topic', topic, '--group', `${topic}.readers`, '--from-beginning'],
          ...['--max-messages', String(records), '--timeout-ms', '30000'],
          ...['--command-property', `group.protocol=${protocol}`],
        ])
        return stdout.toString().trim().split('\n').map(Number)
      }
      const first = await read(LINES / 3)
      const second = await read(LINES - first.length)
      assert.deepEqual(
        [...first, ...second].sort((a, b) => a - b),
        Array.from({ length: LINES }, (_, index) => index),
      )
      return `${first.length} numbers, then the other ${second.length}`
    },
  }
}

function performanceCheck(protocol: GroupProtocol): Check {
  return {
    name: `consumer performance, ${protocol}`,
    run: async ({ bootstrap }) => {
      const topic = `java.consumer-performance-${protocol}`
      await create(bootstrap, topic, 2)
      await produce(bootstrap, topic, PERFORMANCE_RECORDS, ['--record-size', String(PERFORMANCE_BYTES)])
      const { stdout } = await java('ConsumerPerformance', [
        ...['--bootstrap-server', bootstrap, '--topic', topic, '--group', `${topic}.readers`],
        ...['--num-records', String(PERFORMANCE_RECORDS), '--timeout', '30000'],
        ...['--command-property', `group.protocol=${protocol}`],
      ])
      const [head = '', figures = ''] = stdout.toString().trim().split('\n').slice(-2)
      const names = head.split(',').map((name) => name.trim())
      const values = figures.split(',').map((value) => value.trim())
      const figure = (name: RegExp): string => values[names.findIndex((each) => name.test(each))] ?? ''
      assert.equal(Number(figure(/^data\.consumed\.in\.nMsg$/)), PERFORMANCE_RECORDS, stdout.toString())
      const megabytes = (PERFORMANCE_RECORDS * PERFORMANCE_BYTES) / 1_048_576
      assert.equal(Number(figure(/^data\.consumed\.in\.MB$/)), Number(megabytes.toFixed(4)))
      return `${count(PERFORMANCE_RECORDS)} records`
    },
  }
}

/** With keys, so that there is something in each partition; the values are of this `part`. */
async function write(bootstrap: string, topic: string, part: number): Promise<void> {
  const which = ['--value-prefix', String(part), '--repeating-keys', String(KEYS)]
  const args = ['--bootstrap-server', bootstrap, '--topic', topic, '--max-messages', String(VERIFIED), ...which]
  const { stdout } = await java('VerifiableProducer', args)
  assert.equal(stdout.toString().match(/"producer_send_success"/g)?.length, VERIFIED)
}

/** Two members, of which each has half of the partitions. */
async function twoMembers(of: MemberOf): Promise<readonly [JavaMember, JavaMember]> {
  const members = [new JavaMember(of), new JavaMember(of)] as const
  const half = PARTITIONS / 2
  await JavaMember.until('each has half of the partitions', members, () =>
    members.every(({ assigned }) => assigned.length === half),
  )
  const all = members.flatMap(({ assigned }) => assigned).sort((a, b) => a - b)
  assert.deepEqual(
    all,
    Array.from({ length: PARTITIONS }, (_, partition) => partition),
  )
  return members
}

/** Throws unless each partition was read from its beginning to its end, and committed there. Gives how many were read. */
function compareRead(of: MemberOf, members: readonly JavaMember[], wanted: readonly number[]): number {
  const read = members.flatMap((member) => member.read)
  const byPlace = new Map<string, ReadValue>()
  for (const each of read) {
    const place = `${each.partition} ${each.offset}`
    assert.deepEqual(each, byPlace.get(place) ?? each, `two reads of ${place}`)
    byPlace.set(place, each)
  }
  for (const [partition, end] of wanted.entries()) {
    for (let offset = 0; offset < end; offset++)
      assert.ok(byPlace.has(`${partition} ${offset}`), `${partition} ${offset}`)
    const committed = members.map((member) => member.committed.get(`${of.group} ${of.topic} ${partition}`) ?? 0)
    assert.equal(Math.max(...committed), end, `committed in partition ${partition}`)
  }
  assert.equal(new Set([...byPlace.values()].map(({ value }) => value)).size, byPlace.size)
  return byPlace.size
}

function readAll(members: readonly JavaMember[], records: number): () => boolean {
  return () => {
    const places = members.flatMap(({ read }) => read.map(({ partition, offset }) => `${partition} ${offset}`))
    return new Set(places).size >= records
  }
}

/** Every way to say where a group goes on: each from where the one before has left it. `end` and `next` are of partition 0. */
function resets(end: number, file: string): readonly (readonly [args: readonly string[], offset: number])[] {
  return [
    [['--to-earliest'], 0],
    [['--to-latest'], end],
    [['--to-offset', '7'], 7],
    [['--shift-by', '5'], 12],
    [['--shift-by', '-4'], 8],
    [['--to-current'], 8],
    [['--to-datetime', '2020-01-01T00:00:00.000'], 0],
    [['--by-duration', 'PT0S'], end],
    [['--from-file', file], 3],
  ]
}

async function checkResets({ bootstrap, file }: Context, { group, topic }: MemberOf): Promise<number> {
  const where = ['--reset-offsets', '--group', group]
  const part = ['--topic', `${topic}:0`]
  const end = (await ends(bootstrap, topic))[0]!
  const key = `${group} ${topic} 0`
  const others = [...(await readCommitted(bootstrap, group))].filter(([each]) => each !== key)

  const planned = await groups(bootstrap, ...where, ...part, '--to-earliest', '--dry-run')
  assert.deepEqual(rows(planned, group), [[group, topic, '0', '0']])
  assert.equal((await readCommitted(bootstrap, group)).get(key), end, 'after a dry run')
  const exported = await groups(bootstrap, ...where, ...part, '--to-offset', '3', '--export', '--dry-run')
  assert.deepEqual(exported.trim().split('\n'), [`${topic},0,3`])
  const plan = file(`${topic}.csv`)
  writeFileSync(plan, exported)

  const modes = resets(end, plan)
  for (const [args, offset] of modes) {
    const scope = args[0] === '--from-file' ? [] : part
    const printed = await groups(bootstrap, ...where, ...scope, ...args, '--execute')
    assert.deepEqual(rows(printed, group), [[group, topic, '0', String(offset)]], `${args}`)
    const committed = await readCommitted(bootstrap, group)
    assert.equal(committed.get(key), offset, `${args}`)
    assert.deepEqual(
      [...committed].filter(([each]) => each !== key),
      others,
      `${args}: other partitions`,
    )
  }
  await groups(bootstrap, ...where, '--all-topics', '--to-earliest', '--execute')
  assert.deepEqual([...(await readCommitted(bootstrap, group)).values()], Array(PARTITIONS).fill(0))
  return modes.length + 1
}

/** While it has members: who has what, how far it is, and that nothing can be taken from it. */
async function checkDescriptions(bootstrap: string, { group, topic, protocol }: MemberOf): Promise<void> {
  const stable = await groups(bootstrap, '--list', '--state', 'stable')
  assert.deepEqual(rows(stable, group), [[group, 'Stable']])
  const typed = await groups(bootstrap, '--list', '--type', protocol)
  assert.deepEqual(rows(typed, group), [[group, titled(protocol)]])
  const offsets = rows(await groups(bootstrap, '--describe', '--group', group), group)
  const wanted = (await ends(bootstrap, topic)).map((end, partition) => [
    topic,
    String(partition),
    `${end}`,
    `${end}`,
    '0',
  ])
  assert.deepEqual(
    offsets.map((row) => row.slice(1, 6)),
    wanted,
  )
  const members = rows(await groups(bootstrap, '--describe', '--group', group, '--members'), group)
  assert.deepEqual(
    members.map((row) => row.at(-1)),
    ['2', '2'],
    'the partitions of each member',
  )
  assert.equal(new Set(members.map(([, member]) => member)).size, 2)
  const [state, ...more] = rows(await groups(bootstrap, '--describe', '--group', group, '--state'), group)
  assert.deepEqual([state!.at(-2), state!.at(-1), more.length], ['Stable', '2', 0])
  const { stdout } = await java('GroupsCommand', ['--bootstrap-server', bootstrap, '--list', '--group-type', protocol])
  assert.deepEqual(rows(stdout.toString(), group), [[group, titled(protocol), 'consumer']])
  assert.match(await refused(bootstrap, '--delete', '--group', group), /GroupNotEmptyException/)
  const reset = ['--reset-offsets', '--group', group, '--all-topics', '--to-earliest', '--execute']
  assert.match(await refused(bootstrap, ...reset), /can only be reset if the group .* is inactive/)
}

async function checkDeletion(bootstrap: string, { group, topic }: MemberOf): Promise<void> {
  const deleted = rows(await groups(bootstrap, '--delete-offsets', '--group', group, '--topic', `${topic}:1`), topic)
  assert.deepEqual(deleted, [[topic, '1', 'Successful']])
  const left = await readCommitted(bootstrap, group)
  assert.deepEqual([left.size, left.has(`${group} ${topic} 1`)], [PARTITIONS - 1, false])
  assert.match(await groups(bootstrap, '--delete', '--group', group), /successful/)
  assert.doesNotMatch(await groups(bootstrap, '--list'), new RegExp(`^${group}$`, 'm'))
  assert.match(await refused(bootstrap, '--describe', '--group', group), /GroupIdNotFoundException/)
}

/** Kafka's verifiable consumers read what its verifiable producer writes; the tools look at them, and at what they leave. */
function lifeCheck(protocol: GroupProtocol): Check {
  return {
    name: `life of a group, ${protocol}`,
    run: async (context) => {
      const { bootstrap } = context
      const topic = `java.group-${protocol}`
      const of: MemberOf = { bootstrap, topic, group: `${topic}.members`, protocol }
      await create(bootstrap, topic, PARTITIONS)
      await write(bootstrap, topic, 1)
      const members = await twoMembers(of)
      try {
        await JavaMember.until('all is read', members, readAll(members, VERIFIED))
        await checkDescriptions(bootstrap, of)
        await Promise.all(members.map((member) => member.end()))
      } finally {
        for (const member of members) member.kill()
      }
      const read = compareRead(of, members, await ends(bootstrap, topic))
      const [state] = rows(await groups(bootstrap, '--describe', '--group', of.group, '--state'), of.group)
      assert.deepEqual([state!.at(-2), state!.at(-1)], ['Empty', '0'])
      const ways = await checkResets(context, of)
      await checkDeletion(bootstrap, of)
      return `${count(read)} records between two members, reset in ${ways} ways, deleted`
    },
  }
}

/** The broker that coordinates is stopped while the members read on. */
async function checkCoordinatorGoes({ file }: Context): Promise<string> {
  const directory = file('java.groups-three')
  mkdirSync(directory)
  const brokers = await ThreeBrokers.start(directory)
  const { bootstrap, ids } = brokers
  const said: string[] = []
  const all: JavaMember[] = []
  try {
    const topic = 'java.groups-three'
    await create(bootstrap, topic, PARTITIONS)
    const groupsOf = PROTOCOLS.map((protocol): MemberOf => ({ bootstrap, topic, group: `three.${protocol}`, protocol }))
    const each = await Promise.all(groupsOf.map(twoMembers))
    all.push(...each.flat())
    await write(bootstrap, topic, 1)
    for (const members of each) await JavaMember.until('all is read', members, readAll(members, VERIFIED))
    const state = await groups(bootstrap, '--describe', '--group', 'three.consumer', '--state')
    const coordinator = Number(/\((\d+)\)/.exec(state)?.[1])
    assert.ok(ids.includes(coordinator), state)
    assert.equal(await brokers.broker(coordinator).stop(), 0)
    const left = ids.filter((id) => id !== coordinator).map((id) => brokers.bootstrapOf(id))
    await write(left.join(','), topic, 2)
    for (const members of each)
      await JavaMember.until('all is read without it', members, readAll(members, 2 * VERIFIED))
    await brokers.startOne(coordinator)
    await Promise.all(all.map((member) => member.end()))
    const wanted = await ends(bootstrap, topic)
    for (const [n, of] of groupsOf.entries()) {
      said.push(`${of.protocol}: ${count(compareRead(of, each[n]!, wanted))} records`)
      const committed = await readCommitted(bootstrap, of.group)
      assert.deepEqual(
        wanted.map((_, partition) => committed.get(`${of.group} ${topic} ${partition}`)),
        wanted,
      )
    }
  } catch (error) {
    for (const member of all) member.kill()
    await brokers.stop().catch(() => undefined)
    throw error
  }
  assert.equal(await brokers.stop(), 0, brokers.log)
  rmSync(directory, { recursive: true })
  return `${said.join(', ')}; ${brokers.compared}`
}

export const GROUP_CHECKS: readonly Check[] = [
  ...PROTOCOLS.map(consoleCheck),
  ...PROTOCOLS.map(performanceCheck),
  ...PROTOCOLS.map(lifeCheck),
  { name: 'groups whose coordinator goes', ownBrokers: true, run: checkCoordinatorGoes },
]
