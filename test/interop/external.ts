/** Commands of other projects: each with a time limit, their output kept for the one who has to find out why they failed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'

const DEFAULT_LIMIT_MS = 60_000
const TAIL_LINES = 25
const TAIL_CHARACTERS = 4_000

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly input?: Buffer | string
  readonly directory?: string
  readonly env?: Readonly<Record<string, string>>
  readonly limitMs?: number
}

export interface Outcome {
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** Undefined if the time limit ended it. */
  readonly code: number | undefined
}

const running = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of running) endGroup(child)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** None outlives the suite, whatever becomes of it. */
export function watch<Child extends ChildProcess>(child: Child): Child {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** With what it started in turn: npm, mvn and venv work through children, and a command here leads a group of its own. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

/** Runs a command to its end, whatever that is; throws only if it could not be started. */
export function attempt({ command, args, input, directory, env, limitMs }: Command): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = watch(
      spawn(command, args, {
        cwd: directory,
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
      }),
    )
    let late = false
    const timer = setTimeout(() => {
      late = true
      endGroup(child)
    }, limitMs ?? DEFAULT_LIMIT_MS)
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes))
    child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes))
    // Who ends early does not read the rest: that shows in its exit code, not here.
    child.stdin.on('error', () => {})
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(new Error(`${command} cannot be started: ${error.message}`))
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (signal !== null && !late) stderr.push(Buffer.from(`\nended by ${signal}\n`))
      resolve({
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr),
        code: late ? undefined : (code ?? -1),
      })
    })
    child.stdin.end(input)
  })
}

/** Runs a command that must end well. */
export async function run(command: Command): Promise<Outcome> {
  const outcome = await attempt(command)
  if (outcome.code !== 0) throw commandError(command, outcome)
  return outcome
}

export function commandError({ command, args, limitMs }: Command, outcome: Outcome): Error {
  const line = [command, ...args].join(' ')
  const end =
    outcome.code === undefined
      ? `did not end within ${(limitMs ?? DEFAULT_LIMIT_MS) / 1000} s`
      : `ended with ${outcome.code}`
  return new Error(`${end}: ${line}\n${tail(outcome.stdout, 'stdout')}${tail(outcome.stderr, 'stderr')}`.trimEnd())
}

function tail(bytes: Buffer, name: string): string {
  const text = bytes.toString().trimEnd()
  if (text === '') return ''
  const lines = text.split('\n').slice(-TAIL_LINES).join('\n').slice(-TAIL_CHARACTERS)
  return `--- the end of its ${name}\n${lines}\n`
}

/** What a command prints about itself, both streams; undefined if it is not there or fails. */
export function probe(command: string, ...args: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })
  return status === 0 ? `${stdout}${stderr}` : undefined
}
