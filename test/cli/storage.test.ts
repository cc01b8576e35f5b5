/** `lograft storage`: ids before the first start, which a node then takes. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { startNode } from '../../src/index.js'
import { temporaryDirectory } from '../node-ports.js'
import { runCommand } from './run-command.js'

const directory = temporaryDirectory('storage')
after(() => rmSync(directory, { recursive: true }))
const storage = (...args: string[]): ReturnType<typeof runCommand> => runCommand(['storage', ...args])

test('a directory that was formatted is the start of that cluster; without one nothing is missed', async () => {
  const clusterId = (await storage('random-uuid')).stdout.trim()
  assert.match(clusterId, /^[\w-]{22}$/)
  const data = `${directory}/data`
  assert.equal((await storage('info', '--data', data)).status, 1)
  const formatted = await storage('format', '--cluster-id', clusterId, '--data', data)
  assert.deepEqual([formatted.status, formatted.stdout], [0, `Formatted ${data}.\n`])
  const info = await storage('info', '--data', data)
  assert.equal(info.status, 0)
  assert.match(info.stdout, new RegExp(`^ {2}cluster\\.id=${clusterId}$`, 'm'))
  const again = await storage('format', '--cluster-id', clusterId, '--data', data)
  assert.deepEqual([again.status, /is formatted already/.test(again.sentence)], [1, true])
  assert.equal((await storage('format', '-t', clusterId, '--data', data, '--ignore-formatted')).status, 0)
  const node = await startNode({ 'log.dirs': data })
  assert.equal(node.clusterId, clusterId)
  const created = await runCommand(['topics', '--create', '--topic', 't', '--bootstrap-server', node.bootstrapServers])
  assert.equal(created.status, 0, created.stderr)
  await node.stop()
})

test('the directory of the metadata is formatted, too, wherever it is', async () => {
  const clusterId = 'AAAAAAAAAAAAAAAAAAAAAw'
  const [data, metadata, file] = ['several', 'metadata', 'several.properties'].map((name) => `${directory}/${name}`)
  writeFileSync(file!, `log.dirs=${data}/a,${data}/b\nmetadata.log.dir=${metadata}\n`)
  const formatted = await storage('format', '-t', clusterId, '-c', file!, '-s', '-f', 'kraft.version=1')
  assert.equal(formatted.status, 0, formatted.stderr)
  const lines = [`${data}/a`, `${data}/b`, metadata].map((path) => `Formatted ${path}.`)
  assert.deepEqual(formatted.stdout.trimEnd().split('\n').sort(), lines.sort())
  const node = await startNode({ 'log.dirs': `${data}/a,${data}/b`, 'metadata.log.dir': metadata! })
  assert.equal(node.clusterId, clusterId)
  await node.stop()
})

test("flags of Kafka's tool that ask for something else are refused with the reason", async () => {
  const never = `${directory}/never`
  for (const [flags, sentence] of [
    [
      '--no-initial-controllers',
      /^lograft: --no-initial-controllers is for a node that joins others, and the settings/,
    ],
    ['-N', /^lograft: --no-initial-controllers is for a node that joins others/],
    [
      '-I 1@h:1:AAAAAAAAAAAAAAAAAAAAAw',
      /^lograft: --initial-controllers is not supported: .* controller\.quorum\.voters/,
    ],
    [
      '--release-version 4.0',
      /^lograft: --release-version is not supported: .* lograft\.version=3, eligible\.leader\.replicas\.version=0, group\.version=1, kraft\.version=1\n$/,
    ],
    ['--feature lograft.version=1', /^lograft: --feature lograft\.version=1 is not supported: a cluster begins with/],
    ['-f metadata.version=30', /^lograft: --feature metadata\.version=30 is not supported/],
    ['-f kraft.version', /^lograft: --feature kraft\.version is not allowed: it must be NAME=LEVEL\n$/],
    ['--add-scram SCRAM-SHA-256=[name=a]', /^lograft: --add-scram is not supported: there is no SASL here/],
  ] as const) {
    const result = await storage('format', '-t', 'AAAAAAAAAAAAAAAAAAAAAw', '--data', never, ...flags.split(' '))
    assert.equal(result.status, 2, flags)
    assert.match(result.stderr, sentence)
  }
  assert.equal(existsSync(never), false)
})

test('a node that names others is formatted to join them, and not to be alone', async () => {
  const config = `${directory}/three.properties`
  writeFileSync(config, `node.id=1\ncontroller.quorum.voters=1@a:1,2@b:2,3@c:3\nlog.dirs=${directory}/three\n`)
  const format = (...flags: string[]): ReturnType<typeof runCommand> =>
    storage('format', '-t', 'AAAAAAAAAAAAAAAAAAAAAw', '--config', config, ...flags)
  const alone = await format('--standalone')
  assert.equal(alone.status, 2)
  assert.match(alone.stderr, /^lograft: --standalone is for a quorum of this node alone, and the settings name other/)
  assert.equal((await format('--no-initial-controllers')).stdout, `Formatted ${directory}/three.\n`)
})

test('a node without a node.id is formatted with the id that the list gives it, and refused where that gives none', async () => {
  const path = `${directory}/assigned`
  const config = `${path}.properties`
  const list = 'controller.quorum.bootstrap.servers=c:9,b:10,b:9'
  const format = async (listeners: string): ReturnType<typeof runCommand> => {
    writeFileSync(config, `listeners=${listeners}\nlog.dirs=${path}\n${list}\n`)
    return storage('format', '-t', 'AAAAAAAAAAAAAAAAAAAAAw', '--config', config)
  }
  const elsewhere = await format('PLAINTEXT://d:9')
  assert.equal(
    elsewhere.sentence,
    `lograft: ${list} has no address of this controller (d:9) to take an id from: set node.id`,
  )
  assert.equal(existsSync(path), false)
  assert.equal((await format('PLAINTEXT://b:10')).stdout, `Formatted ${path}.\n`)
  assert.match(readFileSync(`${path}/meta.properties`, 'utf8'), /^node\.id=2$/m)
})

test('what is wrong is refused', async () => {
  assert.match((await storage('format', '--data', `${directory}/x`)).sentence, /^lograft: format needs --cluster-id/)
  assert.match(
    (await storage('format', '-t', 'short', '--data', `${directory}/x`)).sentence,
    /^lograft: --cluster-id short is not allowed/,
  )
  assert.match((await storage('info', '--config', `${directory}/none`)).sentence, /there is no .*none$/)
  assert.equal((await storage('erase')).status, 2)
})
