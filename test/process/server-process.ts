/** `lograft start` in a process of its own: started, waited for, killed, and looked at from outside only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { within } from '../../jepsen/beds/within.js'

/** The program as it was built together with this test. */
export const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

/** How long a process may take for what it should do at once, on a machine that is busy with other things. */
const LONGEST_WAIT_MS = 30_000

export interface ServerOptions {
  readonly data: string
  readonly port: number
  /** As `key=value`. */
  readonly set?: readonly string[]
  /** Options of Node. */
  readonly node?: readonly string[]
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ProcessOptions {
  readonly cwd?: string
  readonly main?: string
  readonly env?: Readonly<Record<string, string>>
  /** Options of Node. */
  readonly node?: readonly string[]
}

/** A run of the command line. */
export class CommandProcess {
  readonly exited: Promise<Exit>
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  #exit: Exit | undefined
  #changed: () => void = () => {}

  constructor(args: readonly string[], options: ProcessOptions = {}) {
    const { cwd, main = MAIN, node = [], env = {} } = options
    this.#child = spawn(process.execPath, [...node, main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd,
      env: { ...process.env, ...env },
    })
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#changed()
    })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    // After `close` the output is complete.
    this.exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', (code, signal) => {
        this.#exit = { code, signal }
        this.#changed()
        resolve(this.#exit)
      })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  /** What was written to standard error, without empty lines. */
  get complaints(): string[] {
    return this.stderr.split('\n').filter((line) => line !== '')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.signal(signal)
    return within(LONGEST_WAIT_MS, `the end after ${signal}`, this.exited)
  }

  /** Waits for it to end by itself. */
  finished(): Promise<Exit> {
    return within(LONGEST_WAIT_MS, 'the end', this.exited)
  }

  /** Waits for a text on standard output; an end before that is an error. */
  async says(text: string): Promise<void> {
    const said = new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (this.stdout.includes(text)) resolve()
        else if (this.#exit !== undefined) {
          reject(new Error(`it ended (${JSON.stringify(this.#exit)}) instead of saying "${text}": ${this.stderr}`))
        }
      }
      this.#changed = look
      look()
    })
    await within(LONGEST_WAIT_MS, `"${text}"`, said)
  }

  /** Lines of the log, as far as there are any. */
  logLines(message: string): Record<string, unknown>[] {
    return this.complaints
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['msg'] === message)
  }
}

/** `lograft start`, logging from `info` on. */
export function startServer({ data, port, set = [], node = [] }: ServerOptions): CommandProcess {
  const settings = ['log.level=info', ...set].flatMap((setting) => ['--set', setting])
  return new CommandProcess(['start', '--data', data, '--port', String(port), ...settings], { node })
}

/** What it greets with when it serves. */
export const SERVES = 'serves Kafka clients on'

const COLLECTED = 'collected\n'
/** The allocator gives pages back in its own time. */
const COLLECTIONS = 5
const COLLECTION_PAUSE_MS = 200

/** What of a server that was started with `collect-garbage.js` is least when it has collected its garbage several times. */
export async function collected(server: CommandProcess, bytes: () => number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < COLLECTIONS; round++) {
    server.stdout = ''
    server.signal('SIGUSR2')
    await server.says(COLLECTED)
    least = Math.min(least, bytes())
    await sleep(COLLECTION_PAUSE_MS)
  }
  return least
}
