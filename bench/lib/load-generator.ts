/** The load generator, a process of its own: takes a `LoadJob`, runs it, answers with a `LoadReply`, and takes the next. */
import { batchOfSize, type SizedBatch, singleRecordBatch } from './batches.js'
import { LoadConnection } from './load-connection.js'
import type { BatchShape, LoadJob, LoadReply, LoadResult } from './load-job.js'
import { LoadMeter } from './load-meter.js'
import {
  type AnswerLayout,
  fetchAnswerLayout,
  fetchRequest,
  produceAnswerLayout,
  produceRing,
} from './load-requests.js'
import { EchoSource, FetchSource, ProduceSource, type RequestSource, viewsOf } from './request-source.js'

/** Whoever has not answered by then after the end never will. */
const LONGEST_DRAIN_MS = 30_000
/** A ring of requests larger than this is sent one by one. */
const LARGEST_GROUPED_BYTES = 4 * 1024

function run(job: LoadJob, done: (reply: LoadReply) => void): void {
  const { sourceOf, layout } = prepare(job)
  const timers: NodeJS.Timeout[] = []
  const connections: LoadConnection[] = []
  let connected = 0
  let drained = 0
  let measured: Omit<LoadResult, 'answersInAll'> | undefined
  let over = false

  const finish = (reply: LoadReply): void => {
    if (over) return
    over = true
    for (const timer of timers) clearTimeout(timer)
    for (const connection of connections) connection.close()
    done(reply)
  }
  const failed = (error: string): void => finish({ error })
  const stop = (): void => {
    if (measured !== undefined) return
    measured = meter.end()
    timers.push(setTimeout(() => failed('requests were not answered'), LONGEST_DRAIN_MS))
    for (const connection of connections) connection.stop()
  }
  const meter = new LoadMeter(job.serverPid, job.mostRequests, stop)
  const start = (): void => {
    for (const connection of connections) connection.start()
    const measure = (): void => {
      meter.begin()
      timers.push(setTimeout(stop, job.measureMs))
    }
    timers.push(setTimeout(measure, job.warmupMs))
  }

  for (let index = 0; index < job.connections; index++) {
    const options = {
      port: job.port,
      inFlight: job.inFlight,
      source: sourceOf(index),
      layout,
      meter,
      failed,
      connected: () => {
        if (++connected === job.connections) start()
      },
      drained: () => {
        if (++drained === job.connections) finish({ result: { ...measured!, answersInAll: meter.answersInAll } })
      },
    }
    connections.push(new LoadConnection(options))
  }
}

interface Prepared {
  readonly sourceOf: (connection: number) => RequestSource
  readonly layout: AnswerLayout
}

function prepare({ load, inFlight }: LoadJob): Prepared {
  const { topic } = load
  const batch = batchOf(load.batch)
  switch (load.kind) {
    case 'fetch': {
      const { maxBytes, batchesPerPartition } = load
      const sourceOf = (index: number): RequestSource => {
        const partition = index % topic.partitions
        return new FetchSource(fetchRequest(topic, partition, maxBytes), partition, batch, batchesPerPartition)
      }
      return { sourceOf, layout: fetchAnswerLayout(topic) }
    }
    case 'produce':
    case 'echo': {
      const largestGroup = batch.bytes.length > LARGEST_GROUPED_BYTES ? 1 : inFlight
      const ring = viewsOf(produceRing(topic, load.kind === 'echo' ? 1 : load.acks, batch, largestGroup))
      const Source = load.kind === 'echo' ? EchoSource : ProduceSource
      return { sourceOf: (index) => new Source(ring, index), layout: produceAnswerLayout(topic) }
    }
  }
}

function batchOf({ valueBytes, sizeBytes }: BatchShape): SizedBatch {
  return sizeBytes === undefined ? singleRecordBatch(valueBytes) : batchOfSize(sizeBytes, valueBytes)
}

process.on('message', (job: LoadJob) => run(job, (reply) => process.send!(reply)))
process.on('disconnect', () => process.exit(0))
