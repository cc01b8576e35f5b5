/** A consumer of partitions whose leaders change: it asks in the leader's epoch, and notices when what it has read is gone (KIP-320). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClusterClient } from '../../../src/client/cluster-client.js'
import { ClusterView } from '../../../src/client/cluster-view.js'
import { type FetchOptions, PartitionFetcher } from '../../../src/client/consumer/partition-fetcher.js'
import { ErrorCode, type ErrorName } from '../../../src/protocol/errors.js'
import { Fetch } from '../../../src/protocol/messages/fetch.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { OffsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.js'
import { BatchView } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'

const T = { topic: 't', partition: 0 }
const TOPIC_ID = 'dGhpcyBpcyBhIHRvcGljIQ'

/** One partition with one leader at a time. The view of the client is as old as its last look. */
class Cluster {
  readonly view = new ClusterView()
  /** Of the leader: the epoch of each record. */
  epochs: number[] = []
  leaderEpoch = 0
  newest: number | undefined = 4
  readonly asked: string[] = []
  readonly ports = { clock: { wallMs: () => 0, monotonicMs: () => 0 } }
  /** What OffsetForLeaderEpoch says next. */
  refuses: ErrorName | undefined

  constructor() {
    this.look(0)
  }

  get client(): ClusterClient {
    return this as unknown as ClusterClient
  }

  append(count: number): this {
    for (let i = 0; i < count; i++) this.epochs.push(this.leaderEpoch)
    return this
  }

  /** Another leads, whose log is no longer than that. */
  change(endOffset = this.epochs.length): this {
    this.epochs.length = endOffset
    this.leaderEpoch++
    return this
  }

  look(leaderEpoch = this.leaderEpoch): void {
    const replicas = { replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }
    const partitions = [{ errorCode: 0, partitionIndex: 0, leaderId: 1, leaderEpoch, ...replicas }]
    const topics = [{ errorCode: 0, name: 't', topicId: TOPIC_ID, isInternal: false, partitions }]
    const brokers = [{ nodeId: 1, host: 'h', port: 1, rack: null }]
    this.view.update({ clusterId: 'c', controllerId: 1, brokers, topics } as never, true)
  }

  // As the client of a cluster

  refresh(): Promise<void> {
    this.look()
    return Promise.resolve()
  }

  pause(): Promise<void> {
    return Promise.resolve()
  }

  retrying<T>(_: string, attempt: () => Promise<T>): Promise<T> {
    return attempt()
  }

  connection() {
    return Promise.resolve({
      versionOf: () => this.newest,
      call: (message: unknown, body: never, done: (error: unknown, response: unknown) => void) => {
        setImmediate(() => done(undefined, this.#answer(message, body)))
      },
    })
  }

  call(_: unknown, message: unknown, body: never): Promise<unknown> {
    return Promise.resolve(this.#answer(message, body))
  }

  #answer(message: unknown, body: { topics: { partitions: Record<string, number>[] }[] }): unknown {
    const [wanted] = body.topics[0]!.partitions
    if (message === Fetch) return this.#fetch(wanted!)
    if (message === ListOffsets) {
      this.asked.push('list')
      const listed = { partitionIndex: 0, errorCode: 0, timestamp: -1, offset: 0, leaderEpoch: 0 }
      return { topics: [{ name: 't', partitions: [listed] }] }
    }
    assert.equal(message, OffsetForLeaderEpoch)
    const { leaderEpoch, currentLeaderEpoch } = wanted as { leaderEpoch: number; currentLeaderEpoch: number }
    this.asked.push(`end of ${leaderEpoch} in ${currentLeaderEpoch}`)
    const error = this.refuses ?? this.#refuses(currentLeaderEpoch)
    this.refuses = undefined
    const known = this.epochs.findLast((epoch) => epoch <= leaderEpoch) ?? -1
    const endOffset = known < 0 ? -1 : this.epochs.lastIndexOf(known) + 1
    const answer = { partition: 0, errorCode: ErrorCode[error ?? 'NONE'], leaderEpoch: known, endOffset }
    return { topics: [{ topic: 't', partitions: [answer] }] }
  }

  #fetch({ fetchOffset = 0, currentLeaderEpoch = -1 }: Record<string, number>): unknown {
    this.asked.push(`${fetchOffset} in ${currentLeaderEpoch}`)
    let error = this.#refuses(currentLeaderEpoch)
    if (error === undefined && fetchOffset > this.epochs.length) error = 'OFFSET_OUT_OF_RANGE'
    const batches =
      error !== undefined ? [] : this.epochs.slice(fetchOffset).map((epoch, n) => batchAt(fetchOffset + n, epoch))
    const part = {
      partitionIndex: 0,
      errorCode: ErrorCode[error ?? 'NONE'],
      highWatermark: this.epochs.length,
      abortedTransactions: null,
      records: Buffer.concat(batches),
    }
    return { errorCode: 0, responses: [{ topic: 't', topicId: TOPIC_ID, partitions: [part] }] }
  }

  #refuses(currentLeaderEpoch: number): ErrorName | undefined {
    if (currentLeaderEpoch < 0 || currentLeaderEpoch === this.leaderEpoch) return undefined
    return currentLeaderEpoch < this.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
  }
}

function batchAt(offset: number, epoch: number): Uint8Array {
  const bytes = buildBatch([{ key: null, value: Buffer.from(`${offset}`), timestamp: 0 }])
  const batch = new BatchView().reset(bytes, 0)
  batch.baseOffset = offset
  batch.partitionLeaderEpoch = epoch
  return bytes
}

/** What it reads: `offset@epoch`. */
async function poll(fetcher: PartitionFetcher): Promise<string[]> {
  await fetcher.locate()
  fetcher.pump()
  await fetcher.arrival()
  return fetcher.take(100).map(({ offset, leaderEpoch }) => `${offset}@${leaderEpoch}`)
}

function reading(cluster: Cluster, options: FetchOptions = {}): PartitionFetcher {
  const fetcher = new PartitionFetcher(cluster.client, { reset: 'earliest', ...options })
  fetcher.seek(T, 0)
  return fetcher
}

describe('a consumer of partitions', () => {
  it('asks in the epoch of the leader that it knows, and looks again when that is another', async () => {
    const cluster = new Cluster().append(2)
    const fetcher = reading(cluster)
    assert.deepEqual(await poll(fetcher), ['0@0', '1@0'])
    cluster.change().append(1)
    assert.deepEqual(await poll(fetcher), [])
    assert.deepEqual(await poll(fetcher), [])
    assert.deepEqual(await poll(fetcher), ['2@1'])
    cluster.append(1)
    assert.deepEqual(await poll(fetcher), ['3@1'])
    assert.deepEqual(cluster.asked, ['0 in 0', '2 in 0', 'end of 0 in 1', '2 in 1', '3 in 1'])
    assert.deepEqual(fetcher.positions, [{ ...T, offset: 4, leaderEpoch: 1, highWatermark: 4 }])
  })

  it('goes back to where the logs part when what it has read is gone', async () => {
    const cluster = new Cluster().append(5)
    const fetcher = reading(cluster)
    assert.equal((await poll(fetcher)).length, 5)
    // As long as before, and with other records: a fetch would not notice.
    cluster.change(2).append(3)
    await poll(fetcher)
    await poll(fetcher)
    assert.deepEqual(fetcher.position(T), { ...T, offset: 2, leaderEpoch: 0, highWatermark: 5 })
    assert.deepEqual(await poll(fetcher), ['2@1', '3@1', '4@1'])
  })

  it('begins anew by its policy where nothing is known of what it has read', async () => {
    const cluster = new Cluster().append(2)
    const fetcher = reading(cluster)
    await poll(fetcher)
    cluster.change(0).append(3)
    await poll(fetcher)
    await poll(fetcher)
    assert.deepEqual(await poll(fetcher), ['0@1', '1@1', '2@1'])
    assert.equal(cluster.asked.filter((each) => each === 'list').length, 1)
  })

  it('says so where it has no policy', async () => {
    for (const [left, sentence] of [
      [1, /t-0 was read up to offset 2.*ends at 1/],
      [0, /t-0 was read up to offset 2.*not known/],
    ] as const) {
      const cluster = new Cluster().append(2)
      const fetcher = reading(cluster, { reset: 'none' })
      await poll(fetcher)
      cluster.change(left).append(3)
      await poll(fetcher)
      await assert.rejects(poll(fetcher), (error: Error & { error: string }) => {
        return error.error === 'OFFSET_OUT_OF_RANGE' && sentence.test(error.message)
      })
    }
  })

  it('checks what the group has committed before it reads on there', async () => {
    const cluster = new Cluster().append(2).change(1).append(4)
    cluster.look()
    const fetcher = new PartitionFetcher(cluster.client, { reset: 'earliest' })
    fetcher.seek(T, 2, 0)
    assert.deepEqual(await poll(fetcher), [])
    assert.deepEqual(await poll(fetcher), ['1@1', '2@1', '3@1', '4@1'])
    fetcher.seek(T, 3, 1)
    await poll(fetcher)
    assert.deepEqual(await poll(fetcher), ['3@1', '4@1'])
  })

  it('asks again when the leader has changed meanwhile, and reports what does not pass', async () => {
    const cluster = new Cluster().append(2)
    const fetcher = reading(cluster)
    await poll(fetcher)
    cluster.change().append(1)
    cluster.refuses = 'NOT_LEADER_OR_FOLLOWER'
    for (let i = 0; i < 3; i++) assert.deepEqual(await poll(fetcher), [])
    assert.deepEqual(await poll(fetcher), ['2@1'])
    cluster.change()
    cluster.refuses = 'TOPIC_AUTHORIZATION_FAILED'
    await poll(fetcher)
    await assert.rejects(poll(fetcher), { error: 'TOPIC_AUTHORIZATION_FAILED' })
  })

  it('does without where the broker is too old to be asked', async () => {
    const cluster = new Cluster().append(2)
    cluster.newest = 2
    const fetcher = reading(cluster)
    await poll(fetcher)
    cluster.change().append(1)
    await poll(fetcher)
    await poll(fetcher)
    assert.deepEqual(await poll(fetcher), ['2@1'])
    assert.equal(
      cluster.asked.some((each) => each.startsWith('end')),
      false,
    )
  })

  it('does not go back to an older leader for an answer that is late', () => {
    const cluster = new Cluster().append(2).change()
    cluster.look()
    cluster.look(0)
    assert.equal(cluster.view.partition('t', 0)!.leaderEpoch, 1)
  })
})
