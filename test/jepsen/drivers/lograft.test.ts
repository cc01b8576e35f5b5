/** Our own client as a driver, against a node in this process: each call of the interface does what it says, and errors have the right end. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Client, type ClientSettings, DriverError } from '../../../jepsen/drivers/driver.js'
import { LograftDriver } from '../../../jepsen/drivers/lograft.js'
import { startNode } from '../../../src/index.js'
import { NodeClock } from '../../../src/io/node/clock.js'
import { NodeNetwork } from '../../../src/io/node/network.js'
import { NodeRandom } from '../../../src/io/node/random.js'

const node = await startNode({ 'group.initial.rebalance.delay.ms': '0', 'log.level': 'error' })
const driver = new LograftDriver({ clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() })
after(() => node.stop())

const SETTINGS: ClientSettings = {
  bootstrap: node.bootstrapServers,
  clientId: 'driver',
  acks: -1,
  idempotent: true,
  isolation: 'read_committed',
  group: { id: 'group', protocol: 'classic', sessionTimeoutMs: 6000, heartbeatMs: 100 },
  requestTimeoutMs: 2000,
  apiTimeoutMs: 5000,
}

const open = (settings: Partial<ClientSettings> = {}): Promise<Client> => driver.open({ ...SETTINGS, ...settings })

/** Until there were so many, or long enough. */
async function polled(client: Client, count: number): Promise<string[]> {
  const found: string[] = []
  for (let n = 0; n < 50 && found.length < count; n++) {
    const { records } = await client.poll(100)
    for (const { partition, offset, payload } of records) found.push(`${partition}/${offset}/${payload}`)
  }
  return found
}

async function told(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof DriverError, (error as Error).stack)
    return `${error.outcome} ${error.code}`
  }
}

test('records go there and back, by assignment: kept, from the beginning, and back to an offset', async () => {
  const client = await open()
  const [first, second] = [0, 1].map((partition) => ({ topic: 'assigned', partition }))
  assert.match((await client.createTopic('assigned', 2, {}))!, /^[\w-]{22}$/)
  assert.equal(await told(client.createTopic('assigned', 2, {})), 'fail TOPIC_ALREADY_EXISTS')
  const send = (place: typeof first, payload: string) => ({ ...place!, payload })
  assert.deepEqual(await client.send([send(first, 'a'), send(second, 'b'), send(first, 'c')]), [
    { offset: 0 },
    { offset: 0 },
    { offset: 1 },
  ])
  await client.assign([first!], 'kept')
  assert.deepEqual(await polled(client, 2), ['0/0/a', '0/1/c'])
  await client.assign([first!, second!], 'kept')
  assert.deepEqual(await polled(client, 1), ['1/0/b'])
  await client.seek([
    { ...first!, offset: 1 },
    { topic: 'another', partition: 0, offset: 3 },
  ])
  assert.deepEqual(await polled(client, 1), ['0/1/c'])
  await client.assign([first!], 'beginning')
  assert.deepEqual(await polled(client, 2), ['0/0/a', '0/1/c'])
  assert.equal(await client.listOffset(first!, 'earliest'), 0)
  assert.equal(await client.listOffset(first!, 'latest'), 2)
  assert.equal(await client.listOffset(first!, 'latest committed'), 2)
  await client.close()
})

test('a member of a group: it commits what it has polled, a crash leaves no goodbye', async () => {
  const client = await open()
  await client.createTopic('grouped', 2, {})
  await client.send([0, 0, 1].map((partition) => ({ topic: 'grouped', partition, payload: 'p' })))
  assert.equal(await told(client.commit()), 'fail UNKNOWN_MEMBER_ID')
  await client.subscribe(['grouped'])
  assert.equal((await polled(client, 3)).length, 3)
  const { offsets, generation } = await client.commit()
  assert.equal(generation, 1)
  const sorted = [...offsets].sort((a, b) => a.partition - b.partition)
  assert.deepEqual(sorted, [
    { topic: 'grouped', partition: 0, offset: 2 },
    { topic: 'grouped', partition: 1, offset: 1 },
  ])
  const places = [0, 1, 2].map((partition) => ({ topic: 'grouped', partition }))
  assert.deepEqual((await client.committed(places.slice(0, 2))).offsets, sorted)
  client.crash()
  const next = await open()
  await next.subscribe(['grouped'])
  assert.deepEqual((await next.poll(500)).records, [], 'the group still waits for who has crashed')
  next.crash()
  const goodbye = await open({ group: { ...SETTINGS.group!, id: 'polite' } })
  await goodbye.subscribe(['grouped'])
  assert.equal((await polled(goodbye, 3)).length, 3)
  await goodbye.close()
  const heir = await open({ group: { ...SETTINGS.group!, id: 'polite' } })
  await heir.subscribe(['grouped'])
  assert.equal((await polled(heir, 3)).length, 3)
  await heir.close()
})

test('topics and a setting of theirs', async () => {
  const client = await open()
  const id = await client.createTopic('described', 1, { 'retention.ms': '1000000' })
  assert.equal(await client.describeTopic('described'), id)
  assert.equal(await client.describeTopic('absent'), null)
  assert.equal(await client.getTopicConfig('described', 'retention.ms'), '1000000')
  assert.equal(await client.getTopicConfig('described', 'segment.ms'), null)
  await client.setTopicConfig('described', 'retention.ms', '2000000')
  assert.equal(await client.getTopicConfig('described', 'retention.ms'), '2000000')
  await client.deleteTopic('described')
  assert.equal(await told(client.deleteTopic('described')), 'fail UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await told(client.setTopicConfig('described', 'retention.ms', '1')), 'fail UNKNOWN_TOPIC_OR_PARTITION')
  await client.close()
})

test('acks=0 tells no offset; nothing that nobody was asked is in doubt', async () => {
  const client = await open({ acks: 0, idempotent: false })
  await client.createTopic('unanswered', 1, {})
  const record = { topic: 'unanswered', partition: 0, payload: 'p' }
  assert.deepEqual(await client.send([record]), [{ offset: undefined }])
  await client.close()
  const lost = await open({ bootstrap: '127.0.0.1:1', requestTimeoutMs: 100, apiTimeoutMs: 200 })
  const [result] = await lost.send([record])
  assert.ok(result instanceof DriverError)
  assert.equal(result.outcome, 'fail')
  assert.match(await told(lost.createTopic('never', 1, {})), /^fail /)
  assert.match(await told(lost.poll(10)), /^fail INVALID_REQUEST/)
  lost.crash()
})
