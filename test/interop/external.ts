/** Commands of other projects: each with a time limit, their output kept for the one who has to find out why they failed. */
import { spawn, spawnSync } from 'node:child_process'
import { endsWithThis, signalGroup } from '../../jepsen/beds/children.js'

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

/** Runs a command to its end, whatever that is; throws only if it could not be started. */
export function attempt({ command, args, input, directory, env, limitMs }: Command): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = endsWithThis(
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
      signalGroup(child, 'SIGKILL')
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
