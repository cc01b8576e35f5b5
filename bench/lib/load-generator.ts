/** The load generator, a process of its own: takes a `LoadJob`, runs it, answers with a `LoadReply`, and takes the next. */
import { singleRecordBatch, textBatch } from './batches.js'
import { LoadConnection } from './load-connection.js'
import type { LoadJob, LoadReply } from './load-job.js'
import { LoadMeter } from './load-meter.js'
import { produceAnswerLayout, produceRing } from './load-requests.js'
import { RequestSource } from './request-source.js'

/** Whoever has not answered by then after the end never will. */
const LONGEST_DRAIN_MS = 30_000

function run(job: LoadJob, done: (reply: LoadReply) => void): void {
  const { kind, topic, acks, records, port, inFlight } = job
  const batch = typeof records === 'number' ? singleRecordBatch(records) : textBatch(records).bytes
  const ring = produceRing(topic, acks, batch, inFlight)
  const layout = produceAnswerLayout(topic)
  const meter = new LoadMeter(job.serverPid)
  const connections: LoadConnection[] = []
  let timer: NodeJS.Timeout | undefined
  let connected = 0
  let drained = 0
  let over = false

  const finish = (reply: LoadReply): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    for (const connection of connections) connection.close()
    done(reply)
  }
  const failed = (error: string): void => finish({ error })
  const stop = (): void => {
    meter.end()
    timer = setTimeout(() => failed('requests were not answered'), LONGEST_DRAIN_MS)
    for (const connection of connections) connection.stop()
  }
  const measure = (): void => {
    meter.begin()
    timer = setTimeout(stop, job.measureMs)
  }
  const start = (): void => {
    for (const connection of connections) connection.start()
    timer = setTimeout(measure, job.warmupMs)
  }

  for (let index = 0; index < job.connections; index++) {
    const options = {
      port,
      inFlight,
      source: new RequestSource(ring, index, kind === 'produce'),
      layout,
      meter,
      failed,
      connected: () => {
        if (++connected === job.connections) start()
      },
      drained: () => {
        if (++drained === job.connections) finish({ result: meter.result() })
      },
    }
    connections.push(new LoadConnection(options))
  }
}

process.on('message', (job: LoadJob) => run(job, (reply) => process.send!(reply)))
process.on('disconnect', () => process.exit(0))
