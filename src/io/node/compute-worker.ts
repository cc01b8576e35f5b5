/** The other side of NodeCompute: imports the job that it is told of, runs it, answers. */
import { parentPort } from 'node:worker_threads'
import type { Job } from '../compute.js'

interface Order {
  readonly id: number
  readonly module: string
  readonly name: string
  readonly input: unknown
}

parentPort!.on('message', ({ id, module, name, input }: Order) => {
  import(module).then(
    (exports: Record<string, Job<unknown, unknown>>) => {
      try {
        parentPort!.postMessage({ id, output: exports[name]!.run(input) })
      } catch (error) {
        parentPort!.postMessage({ id, message: String(error) })
      }
    },
    (error: unknown) => parentPort!.postMessage({ id, message: String(error) }),
  )
})
