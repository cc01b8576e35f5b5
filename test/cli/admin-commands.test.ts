/** configs, delete-records, log-dirs and features: what they take, what they refuse before anything is asked, and what a broker is asked. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { parseAddConfig } from '../../src/cli/configs.js'
import { startNode } from '../../src/index.js'
import { temporaryDirectory } from '../node-ports.js'
import { type CommandResult, runCommand } from './run-command.js'

const node = await startNode()
const directory = temporaryDirectory('admin-commands')
after(async () => {
  await node.stop()
  rmSync(directory, { recursive: true })
})

function lograft(command: string): Promise<CommandResult> {
  return runCommand([...command.split(' '), '--bootstrap-server', node.bootstrapServers])
}

async function refused(command: string, sentence: RegExp, status = 1): Promise<void> {
  const result = await lograft(command)
  assert.equal(result.status, status, command)
  assert.equal(result.stdout, '', command)
  assert.match(result.sentence, sentence)
  if (status === 2) assert.equal(result.stderr, `${result.sentence}\n`, 'no more than the sentence')
  assert.doesNotMatch(result.stderr, /^ {4}at /m, `${command}: a stack instead of a sentence`)
}

test('settings in one argument: lists stand in brackets', () => {
  const parsed = parseAddConfig('retention.ms=5,cleanup.policy=[compact,delete], empty=,x=a=b')
  assert.deepEqual(
    [...parsed],
    [
      ['retention.ms', '5'],
      ['cleanup.policy', 'compact,delete'],
      ['empty', ''],
      ['x', 'a=b'],
    ],
  )
})

test('configs: whose settings, and what to do, is said once', async () => {
  await refused('configs --describe --alter --topic t', /^lograft: say one of --describe, --alter \(see/, 2)
  await refused('configs --describe', /^lograft: say what the settings belong to, once/, 2)
  await refused('configs --describe --topic t --broker 1', /^lograft: say what the settings belong to, once/, 2)
  await refused('configs --alter --topic t', /^lograft: --alter needs --add-config/, 2)
  await refused(
    'configs --alter --topic t --add-config a=1 --delete-config a',
    /^lograft: a cannot be set and deleted at once$/,
    2,
  )
  await refused(
    'configs --alter --topic t --add-config a',
    /^lograft: --add-config a is not allowed: it must be key=value$/,
    2,
  )
  await refused('configs --alter --entity-type topics --add-config a=1', /^lograft: --alter needs the name/, 2)
  await refused(
    'configs --describe --entity-type users --entity-name u',
    /^lograft: --entity-type users is not allowed: it must be one of topics, brokers,/,
    2,
  )
})

test('configs: what is not set cannot be deleted, and then nothing is changed', async () => {
  assert.equal((await lograft('topics --create --topic undone --config retention.ms=5')).status, 0)
  const alter = 'configs --alter --topic undone'
  await refused(`${alter} --delete-config retention.ms,segment.ms`, /^lograft: segment\.ms is not set there/)
  await refused(
    `${alter} --add-config segment.ms=9 --delete-config retention.mss`,
    /^lograft: retention\.mss is not set/,
  )
  await refused(
    'configs --alter --broker-defaults --delete-config log.retention.ms',
    /^lograft: log\.retention\.ms is not set/,
  )
  const described = await lograft('configs --describe --topic undone')
  assert.match(described.stdout, /:\n {2}retention\.ms=5 [^\n]*\n$/)
  assert.equal((await lograft(`${alter} --delete-config retention.ms`)).status, 0)
  assert.doesNotMatch((await lograft('configs --describe --topic undone')).stdout, /retention/)
})

test('configs: of a group, whatever it is called', async () => {
  for (const name of ['readers', '1']) {
    const alter = `configs --alter --entity-type groups --entity-name ${name}`
    const set = await lograft(`${alter} --add-config consumer.session.timeout.ms=50000`)
    assert.equal(set.stdout, `Completed updating config for group ${name}.\n`)
  }
  const line =
    /consumer\.session\.timeout\.ms=50000 sensitive=false synonyms=\{GROUP_CONFIG:consumer\.session\.timeout\.ms=50000, DEFAULT_CONFIG:group\.consumer\.session\.timeout\.ms=45000\}/
  const described = (await lograft('configs --describe --entity-type groups')).stdout
  assert.match(described, /Dynamic configs for group 1 are:\n/)
  assert.match(described, line)
  const all = (await lograft('configs --describe --group readers --all')).stdout
  assert.match(all, /^All configs for group readers are:\n {2}consumer\.heartbeat\.interval\.ms=5000 /)
  assert.match(all, line)
  await refused(
    'configs --alter --group readers --add-config consumer.session.timeout.ms=1',
    /consumer\.session\.timeout\.ms=1 is not allowed: it must be at least/,
  )
  for (const name of ['readers', '1']) {
    const removed = await lograft(`configs --alter --group ${name} --delete-config consumer.session.timeout.ms`)
    assert.equal(removed.status, 0)
  }
  assert.equal((await lograft('configs --describe --group 1')).stdout, 'Dynamic configs for group 1 are:\n')
})

test('configs: a topic or a broker that is not there is not waited for', async () => {
  for (const action of ['--describe', '--alter --add-config retention.ms=5', '--alter --delete-config retention.ms']) {
    await refused(`configs ${action} --topic absent`, /^lograft: topic absent does not exist$/)
  }
  for (const action of ['--describe --broker 9', '--alter --broker 9 --add-config message.max.bytes=1000000']) {
    await refused(`configs ${action}`, /^lograft: broker 9 is not in the cluster at the moment: its brokers are 1$/)
  }
})

test('delete-records: the file is looked at before a record is lost', async () => {
  const file = `${directory}/offsets.json`
  for (const [content, sentence] of [
    ['{', /^lograft: cannot read the offsets: /],
    ['{"partitions": []}', /is no list of offsets/],
    ['{"partitions": [{"topic": "t", "partition": 0, "offset": 1}], "version": 2}', /is no list of offsets/],
    ['{"partitions": [{"topic": "t", "partition": 0}]}', /must have topic, partition and offset$/],
    ['{"partitions": [{"topic": "t", "partition": 0, "offset": -2}]}', /must have topic, partition and offset$/],
    [
      '{"partitions": [{"topic": "t", "partition": 0, "offset": 1}, {"topic": "t", "partition": 0, "offset": 2}]}',
      /has t-0 twice$/,
    ],
  ] as const) {
    writeFileSync(file, content)
    await refused(`delete-records --offset-json-file ${file}`, sentence)
  }
})

test('log-dirs: --broker-list are ids, as in the tool of Kafka', async () => {
  await refused('log-dirs', /^lograft: say --describe$/, 2)
  await refused('log-dirs --describe --broker-list 1,7', /^lograft: --broker-list names 7, and the brokers are 1$/)
  await refused('log-dirs --describe --broker-list localhost:9092', /must be a whole number/, 2)
})

test('features: described; a level that is none is refused', async () => {
  const { status, stdout } = await lograft('features describe')
  assert.equal(status, 0)
  for (const line of stdout
    .trimEnd()
    .split('\n')
    .filter((each) => each !== '')) {
    assert.match(
      line,
      /^Feature: \S+\tSupportedMinVersion: \d+\tSupportedMaxVersion: \d+\tFinalizedVersionLevel: \d+\tEpoch: -?\d+$/,
    )
  }
  await refused('features upgrade', /^lograft: upgrade needs --feature$/, 2)
  await refused('features upgrade --feature metadata.version', /must be NAME=LEVEL$/, 2)
  await refused('features disable --feature metadata.version=1', /must be NAME$/, 2)
  await refused('features upgrade --feature a=-1', /must be a whole number from 0 to 32767$/, 2)
})
