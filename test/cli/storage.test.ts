/** `lograft storage`: ids before the first start, which a node then takes. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
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

test('what is wrong is refused', async () => {
  assert.match((await storage('format', '--data', `${directory}/x`)).sentence, /^lograft: format needs --cluster-id/)
  assert.match(
    (await storage('format', '-t', 'short', '--data', `${directory}/x`)).sentence,
    /^lograft: --cluster-id short is not allowed/,
  )
  assert.match((await storage('info', '--config', `${directory}/none`)).sentence, /there is no .*none$/)
  assert.equal((await storage('erase')).status, 2)
})
