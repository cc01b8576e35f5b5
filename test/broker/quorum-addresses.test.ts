import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuorumAddresses } from '../../src/broker/quorum/addresses.js'
import { ANY_SERVER } from '../../src/raft/messages.js'
import { VoterSet } from '../../src/raft/voter-set.js'

const at = (host: string): { name: string; host: string; port: number } => ({ name: 'CONTROLLER', host, port: 1 })
const named = [1, 2, 3].map((nodeId) => ({ nodeId, ...at(`named${nodeId}`) }))
const voters = new VoterSet([1, 2].map((id) => ({ id, directoryId: `d${id}`, endpoints: [at(`voter${id}`)] })))

test('the leader as it says itself, then voters, then who was told of, then who is named', () => {
  const now = { epoch: 5, voters: voters as VoterSet | undefined }
  const addresses = new QuorumAddresses({ nodeId: 1, endpoints: [at('own')], named }, () => now)
  const hostOf = (nodeId: number): string | undefined => addresses.of(nodeId)?.host
  assert.deepEqual([1, 2, 3, 4].map(hostOf), ['own', 'voter2', 'named3', undefined])
  for (const nodeId of [1, 2, 3, 4]) addresses.learn(nodeId, at(`told${nodeId}`))
  assert.deepEqual([1, 2, 3, 4].map(hostOf), ['own', 'voter2', 'told3', 'told4'])
  addresses.learnLeader(2, 5, at('leader2'))
  assert.equal(hostOf(2), 'leader2')
  addresses.learnLeader(2, 4, at('earlier'))
  assert.equal(hostOf(2), 'leader2')
  now.epoch = 6
  assert.equal(hostOf(2), 'voter2')
  now.voters = undefined
  assert.equal(hostOf(2), 'leader2')
})

test('any server is one of those that are named, in turn, and never this one; without them a voter', () => {
  const now = { epoch: 5, voters: voters as VoterSet | undefined }
  const addresses = new QuorumAddresses({ nodeId: 1, endpoints: [at('own')], named }, () => now)
  const asked = Array.from({ length: 4 }, () => addresses.of(ANY_SERVER)?.host)
  assert.deepEqual(asked, ['named2', 'named3', 'named2', 'named3'])
  const servers = [at('own'), at('other')].map((address) => ({ nodeId: undefined, ...address }))
  const unnamed = new QuorumAddresses({ nodeId: 1, endpoints: [at('own')], named: servers }, () => now)
  assert.deepEqual(unnamed.of(ANY_SERVER), { host: 'other', port: 1 })
  const alone = new QuorumAddresses({ nodeId: 1, endpoints: [at('own')], named: [] }, () => now)
  assert.equal(alone.of(ANY_SERVER)?.host, 'voter2')
  now.voters = undefined
  assert.equal(alone.of(ANY_SERVER), undefined)
})
