/** A command as a process, as a shell runs it. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const LONGEST_RUN_MS = 60_000

export interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** The last line on standard error. */
  readonly sentence: string
}

export interface CommandOptions {
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
      timeout: LONGEST_RUN_MS,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (status) => {
      resolve({ status, stdout, stderr, sentence: stderr.trimEnd().split('\n').at(-1) ?? '' })
    })
    // Who ends without reading its input is judged by how it ends.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}
