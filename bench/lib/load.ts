/** The near side of the load generator and of the echo server. */
import type { ChildProcess } from 'node:child_process'
import { singleRecordBatch } from './batches.js'
import { nextMessage, startModule } from './children.js'
import type { LoadJob, LoadReply, LoadResult } from './load-job.js'
import { produceAnswer, produceRing, type Topic } from './load-requests.js'

export class LoadGenerator {
  readonly #child: ChildProcess = startModule('load-generator.js', [])

  /** Throws if an answer was wrong or did not come. */
  async run(job: LoadJob): Promise<LoadResult> {
    const reply = nextMessage<LoadReply>(this.#child)
    this.#child.send(job)
    const received = await reply
    if ('error' in received) throw new Error(`${job.kind}: ${received.error}`)
    return received.result
  }

  close(): void {
    this.#child.disconnect()
  }
}

export class EchoServer {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** One that answers as a broker would these produce requests, by size. */
  static async start(topic: Topic, valueBytes: number): Promise<EchoServer> {
    const { requestBytes } = produceRing(topic, 1, singleRecordBatch(valueBytes), 1)
    const answer = produceAnswer(topic, 0).toString('base64')
    const child = startModule('echo-server.js', [String(requestBytes), answer])
    return new EchoServer(child, await nextMessage<number>(child))
  }

  get pid(): number {
    return this.#child.pid!
  }

  close(): void {
    this.#child.disconnect()
  }
}
