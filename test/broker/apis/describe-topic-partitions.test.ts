/** DescribeTopicPartitions over the wire: pages that together are everything, once. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { DescribeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.js'
import type { InferInput } from '../../../src/protocol/schema.js'
import { startNode } from '../test-node.js'

type Request = InferInput<typeof DescribeTopicPartitions.request>

const LARGEST_PAGE = 7
const TOPICS = { b: 3, a: 5, d: 1, c: 4 } as const
const broker = await startNode({ 'max.request.partition.size.limit': String(LARGEST_PAGE) })
const ids = new Map<string, string>()
for (const [name, partitions] of Object.entries(TOPICS)) ids.set(name, await broker.createTopic(name, partitions))
after(() => broker.remove())

function describe(request: Partial<Request>) {
  return broker.use((client) => client.request(DescribeTopicPartitions, 0, { topics: [], ...request }))
}

const ALL = Object.entries(TOPICS)
  .flatMap(([name, count]) => Array.from({ length: count }, (_, index) => `${name}-${index}`))
  .sort()

for (const responsePartitionLimit of [1, 2, 3, 5, 6, 7, 2000]) {
  test(`pages of ${responsePartitionLimit}`, async () => {
    const seen: string[] = []
    let cursor: Request['cursor'] = null
    for (let page = 0; page < 100; page++) {
      const { topics, nextCursor } = await describe({ responsePartitionLimit, cursor })
      const partitions = topics.flatMap((topic) =>
        topic.partitions.map((each) => `${topic.name}-${each.partitionIndex}`),
      )
      assert.ok(partitions.length <= Math.min(responsePartitionLimit, LARGEST_PAGE))
      seen.push(...partitions)
      cursor = nextCursor
      if (cursor === null) break
      assert.ok(partitions.length > 0)
    }
    assert.deepEqual(seen, ALL)
  })
}

test('what is told of a topic', async () => {
  const { topics, nextCursor } = await describe({ topics: [{ name: 'b' }] })
  assert.equal(nextCursor, null)
  const [topic] = topics
  assert.deepEqual([topic!.errorCode, topic!.topicId, topic!.isInternal], [0, ids.get('b'), false])
  assert.ok(topic!.topicAuthorizedOperations > 0)
  assert.deepEqual(topic!.partitions[2], {
    errorCode: 0,
    partitionIndex: 2,
    leaderId: 1,
    leaderEpoch: topic!.partitions[2]!.leaderEpoch,
    replicaNodes: [1],
    isrNodes: [1],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: [],
  })
})

test('topics that are asked for come in order of name, each once, from the cursor on; those that are not there with an error', async () => {
  const topics = ['d', 'nowhere', 'b', 'a b', 'b'].map((name) => ({ name }))
  const told = async (cursor: Request['cursor']): Promise<string[]> =>
    (await describe({ topics, cursor })).topics.map(
      ({ name, errorCode, partitions }) => `${name} ${errorByCode(errorCode).name} ${partitions.length}`,
    )
  assert.deepEqual(await told(null), [
    'a b INVALID_TOPIC_EXCEPTION 0',
    'b NONE 3',
    'd NONE 1',
    'nowhere UNKNOWN_TOPIC_OR_PARTITION 0',
  ])
  assert.deepEqual(await told({ topicName: 'b', partitionIndex: 2 }), [
    'b NONE 1',
    'd NONE 1',
    'nowhere UNKNOWN_TOPIC_OR_PARTITION 0',
  ])
  // A topic that went meanwhile: the page goes on behind it.
  assert.deepEqual(await told({ topicName: 'bb', partitionIndex: 2 }), [
    'd NONE 1',
    'nowhere UNKNOWN_TOPIC_OR_PARTITION 0',
  ])
})

test('a cursor before the first partition is none', async () => {
  const { topics } = await describe({ topics: [{ name: 'a' }], cursor: { topicName: 'a', partitionIndex: -1 } })
  assert.equal(errorByCode(topics[0]!.errorCode).name, 'INVALID_REQUEST')
})
