/**
 * A well-behaved client of a server that others misuse, on a thread of its own, so that what they cost in the test's process is not taken for the
 * server's: one request after the other until told to stop; then it says how long each took.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import { batchOf, produceRequest } from '../broker/requests.js'
import { WireClient } from '../broker/wire-client.js'

const PRODUCE_EACH = 10

interface Job {
  readonly port: number
  readonly topic: string
}

export class Neighbour {
  readonly #worker: Worker
  readonly #failed: Promise<never>

  constructor(job: Job) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: job })
    this.#failed = new Promise((_, reject) => this.#worker.once('error', reject))
    this.#failed.catch(() => {})
  }

  /** How long the requests since the last time took, in ascending order. Throws if one failed. */
  async tookMs(): Promise<number[]> {
    const told = new Promise<number[]>((resolve) => this.#worker.once('message', resolve))
    this.#worker.postMessage('tell')
    return Promise.race([told, this.#failed])
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN
}

async function run({ port, topic }: Job): Promise<void> {
  let tookMs: number[] = []
  parentPort!.on('message', () => {
    parentPort!.postMessage(tookMs.sort((a, b) => a - b))
    tookMs = []
  })
  const client = await WireClient.connect({ host: '127.0.0.1', port })
  for (let n = 0; ; n++) {
    const beganMs = performance.now()
    const { topics } = await client.request(Metadata, 9, { topics: [{ name: topic }] })
    assert.equal(topics[0]!.errorCode, 0)
    if (n % PRODUCE_EACH === 0) {
      const request = produceRequest({ name: topic }, batchOf([`${n}`]), { acks: 1 })
      const { responses } = await client.request(Produce, 9, request)
      assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
    }
    tookMs.push(performance.now() - beganMs)
    await sleep(1)
  }
}

if (!isMainThread) await run(workerData as Job)
