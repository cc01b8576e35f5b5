/** consumer-groups and groups: what they take, what they refuse, and what they do to the groups of a node. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { ClusterClient } from '../../src/client/cluster-client.js'
import { startNode } from '../../src/index.js'
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { NodeRandom } from '../../src/io/node/random.js'
import { joinGroup } from '../client/admin/group-member.js'
import { temporaryDirectory } from '../node-ports.js'
import { type CommandOptions, type CommandResult, runCommand } from './run-command.js'

const node = await startNode({ 'group.initial.rebalance.delay.ms': '0', 'offsets.topic.num.partitions': '2' })
const directory = temporaryDirectory('group-commands')
const client = new ClusterClient({
  ports: { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() },
  bootstrapServers: node.bootstrapServers,
})
after(async () => {
  client.close()
  await node.stop()
  rmSync(directory, { recursive: true })
})

function lograft(command: string, options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand([...command.split(' '), '--bootstrap-server', node.bootstrapServers], options)
}

async function succeeds(command: string, options: CommandOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await lograft(command, options)
  assert.equal(status, 0, `${command}: ${stderr}`)
  return stdout
}

async function refused(command: string, sentence: RegExp, status = 1): Promise<string> {
  const result = await lograft(command)
  assert.equal(result.status, status, `${command}: ${result.stdout}`)
  assert.match(result.sentence, sentence)
  assert.doesNotMatch(result.stderr, /^ {4}at /m, `${command}: a stack instead of a sentence`)
  return result.stdout
}

await succeeds('topics --create --topic orders --partitions 2')
await succeeds('topics --create --topic other')
await succeeds('console-producer --topic other', { input: '1\n2\n3\n4\n5\n' })

/** `topic partition offset`, as they are committed. */
async function committed(group: string): Promise<string[]> {
  const text = await succeeds(`consumer-groups --describe --group ${group}`)
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ +/).slice(1, 4).join(' '))
}

test('offsets of a group without members are reset: planned first, and committed only with --execute', async () => {
  const reset = 'consumer-groups --reset-offsets --group plain --topic other'
  const dry = await lograft(`${reset} --to-latest`)
  assert.equal(dry.status, 0)
  assert.match(dry.sentence, /nothing is changed without --execute/)
  assert.equal(
    dry.stdout,
    '\nGROUP           TOPIC           PARTITION  NEW-OFFSET\nplain           other           0          5\n',
  )
  await refused('consumer-groups --describe --group plain', /GROUP_ID_NOT_FOUND/)
  const at = (offset: number): RegExp => new RegExp(`^plain +other +0 +${offset}$`, 'm')
  // Each from what the one before has committed.
  assert.match(await succeeds(`${reset} --to-offset 2 --execute`), at(2))
  assert.match(await succeeds(`${reset} --shift-by 1 --execute`), at(3))
  assert.match(await succeeds(`${reset} --to-current --execute`), at(3))
  assert.match(await succeeds(`${reset} --by-duration PT1H --execute`), at(0))
  assert.match(await succeeds(`${reset} --to-datetime 2100-01-01T00:00:00.000 --execute`), at(5))
  assert.deepEqual(await committed('plain'), ['other 0 5'])
  const far = await lograft(`${reset} --to-offset 99 --dry-run`)
  assert.equal(far.sentence, 'lograft: other-0 ends at 5: that is taken instead of 99')
  await refused(`${reset}:7 --to-latest`, /^lograft: topic other has no partition 7: its partitions are 0 to 0$/)
  await refused(
    'consumer-groups --reset-offsets --group plain --topic absent --to-latest',
    /topic absent does not exist$/,
  )
  await refused(
    'consumer-groups --reset-offsets --group plain --topic orders:0 --shift-by 1 --dry-run',
    /^lograft: orders-0 has no committed offset that could be shifted$/,
  )
})

test('plans are exported, and read again for the same group or for several', async () => {
  const file = `${directory}/plan.csv`
  const one = 'consumer-groups --reset-offsets --group planned'
  const exported = await succeeds(`${one} --topic other --topic orders:1 --to-latest --export --dry-run`)
  assert.equal(exported, 'orders,1,0\nother,0,5\n\n')
  writeFileSync(file, exported)
  await succeeds(`${one} --from-file ${file} --execute`)
  assert.deepEqual(await committed('planned'), ['orders 1 0', 'other 0 5'])
  const several = await succeeds(`${one} --group second --topic other --to-latest --export --dry-run`)
  assert.equal(several, 'planned,other,0,5\nsecond,other,0,5\n\n')
  writeFileSync(file, 'planned,other,0,1\n')
  await succeeds(`${one} --from-file ${file} --execute`)
  assert.deepEqual(await committed('planned'), ['orders 1 0', 'other 0 1'])
  await refused(`consumer-groups --reset-offsets --group second --from-file ${file}`, /plans nothing for group second$/)
  writeFileSync(file, 'nonsense')
  await refused(`${one} --from-file ${file}`, /plan\.csv: line 1 is not allowed/)
  await refused(`${one} --from-file ${directory}/absent`, /cannot read the plan/)
})

test('a group with members: described from every side, and neither reset nor deleted', async () => {
  const member = await joinGroup(client, 'busy', 'orders', [0, 1])
  const offsets = await succeeds('consumer-groups --describe --group busy')
  assert.match(offsets, new RegExp(`^busy +orders +1 +- +0 +- +${member.memberId} +/127\\.0\\.0\\.1 +lograft$`, 'm'))
  const members = await succeeds('consumer-groups --describe --group busy --members --verbose')
  assert.match(members, new RegExp(`^busy +${member.memberId} +/127\\.0\\.0\\.1 +lograft +2 +- +orders:0,1 `, 'm'))
  assert.match(await succeeds('consumer-groups --describe --group busy --state'), /^busy .*\(1\) +range +Stable +1$/m)
  const why = await succeeds('consumer-groups --describe --group busy --explain')
  assert.match(why, /^Group busy: Stable, 1 member, .* remembers 1 rebalance:$/m)
  assert.match(why, new RegExp(`^ {4}${member.memberId} \\(lograft at /127\\.0\\.0\\.1\\) joined$`, 'm'))
  await refused(
    'consumer-groups --reset-offsets --group busy --topic orders --to-earliest --execute',
    /^lograft: group busy has members \(Stable\)/,
  )
  await refused('consumer-groups --delete --group busy', /^lograft: group busy: .*\(NON_EMPTY_GROUP\)$/)
  const kept = await refused(
    'consumer-groups --delete-offsets --group busy --topic orders:0',
    /GROUP_SUBSCRIBED_TO_TOPIC/,
  )
  assert.match(kept, /^orders +0 +Error: GROUP_SUBSCRIBED_TO_TOPIC$/m)
  assert.match(await succeeds('consumer-groups --list --state stable --type'), /^busy +Classic +Stable +$/m)
  await member.leave()
  const empty = await lograft('consumer-groups --describe --group busy --state')
  assert.equal(empty.sentence, 'lograft: group busy has no members at the moment')
})

test('what is asked of several groups is done for those that it can be done for', async () => {
  await succeeds('consumer-groups --reset-offsets --group here --topic other --to-latest --execute')
  const described = await refused(
    'consumer-groups --describe --group absent --group here',
    /^lograft: group absent.*GROUP_ID_NOT_FOUND\)$/,
  )
  assert.match(described, /^here +other +0 +5 +5 +0 /m)
  const deleted = await refused('consumer-groups --delete --group absent --group here', /GROUP_ID_NOT_FOUND/)
  assert.equal(deleted, "Deleted: 'here'. Not deleted: 'absent'.\n")
  assert.doesNotMatch(await succeeds('consumer-groups --list'), /^here$/m)
})

test('groups and offsets are deleted', async () => {
  await succeeds('consumer-groups --reset-offsets --group gone --topic other --topic orders --to-latest --execute')
  assert.equal(
    await succeeds('consumer-groups --delete-offsets --group gone --topic orders'),
    'Request succeeded for deleting offsets from group gone.\n\n' +
      'TOPIC           PARTITION  STATUS         \n' +
      'orders          0          Successful     \n' +
      'orders          1          Successful     \n',
  )
  assert.deepEqual(await committed('gone'), ['other 0 5'])
  assert.equal(
    await succeeds('consumer-groups --delete --group gone'),
    "Deletion of requested consumer groups ('gone') was successful.\n",
  )
})

test('groups: every kind, and only some', async () => {
  await succeeds('consumer-groups --reset-offsets --group kinds --topic other --to-latest --execute')
  const line = /^kinds +Classic +/m
  assert.match(await succeeds('groups --list'), /^GROUP +TYPE +PROTOCOL +\n/)
  for (const filter of [' --consumer', ' --group-type classic'])
    assert.match(await succeeds(`groups --list${filter}`), line)
  for (const filter of ['--share', '--protocol connect']) {
    assert.doesNotMatch(await succeeds(`groups --list ${filter}`), line)
  }
  await refused('groups --list --group-type nonsense', /must be one of classic, consumer, share, streams/, 2)
  await refused('groups --list --share --consumer', /each stand alone/, 2)
})
