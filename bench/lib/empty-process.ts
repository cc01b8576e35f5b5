/** A Node process that says that it runs and does nothing: what every program on Node starts from. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { ended, watch } from './children.js'

const PROGRAM = 'process.stdout.write("."); setInterval(() => {}, 1e6)'

export class EmptyProcess {
  readonly #child: ChildProcessByStdio<null, Readable, null>

  private constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child
  }

  static async start(): Promise<EmptyProcess> {
    const child = watch(spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] }))
    await once(child.stdout, 'data')
    return new EmptyProcess(child)
  }

  get pid(): number {
    return this.#child.pid!
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await ended(this.#child)
  }
}
