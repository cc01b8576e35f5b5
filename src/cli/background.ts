/**
 * The same command once more as a process of its own, which outlives this one and its terminal. This one waits until the other serves, has to
 * wait for others, or has ended, so that whoever started it knows which of these it was.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { NodeClock } from '../io/node/clock.js'
import { fail } from './fail.js'

const MARK = 'LOGRAFT_IN_BACKGROUND'
const OUTPUT_FILE = 'lograft.out'
/** Output that is larger when a node is started is put aside; what was put aside before that goes. */
const LARGEST_OUTPUT_BYTES = 16 * 1024 * 1024
/** A node that has much to recover is not waited for any longer. */
const LONGEST_WAIT_MS = 60_000

/** Whether this is the process that was left behind. */
export function isInBackground(): boolean {
  return process.env[MARK] === '1'
}

/** `state`: what the node does, for who started it and need not wait any longer. */
export function tellStarter(state: string): void {
  if (!isInBackground() || !process.connected) return
  // Who does not wait any more is not to be told.
  process.send!(state, () => {
    if (process.connected) process.disconnect()
  })
}

/** Starts it, says as which process and where its output goes, and ends. */
export function startInBackground(): void {
  const { path, file, sizeBytes } = openOutput()
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: ['ignore', file, file, 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  })
  const leave = (state: string): void => {
    process.stdout.write(
      `lograft ${state} as process ${child.pid}, what it says goes to ${path}\nkill ${child.pid} stops it.\n`,
    )
    process.exit(0)
  }
  child.on('error', (error) => fail(`cannot start in the background: ${error.message}`))
  child.on('message', (state) => leave(String(state)))
  child.on('exit', (code, signal) => {
    const said = fs.readFileSync(path).subarray(sizeBytes).toString('utf8').trimEnd().split('\n').at(-1)
    process.stderr.write(`${said || `lograft: it ended by ${signal ?? `exit code ${code}`}`}\n`)
    process.exit(code || 1)
  })
  new NodeClock().timer(LONGEST_WAIT_MS, () => leave('has not come so far as to serve yet, and goes on'))
}

function openOutput(): { readonly path: string; readonly file: number; readonly sizeBytes: number } {
  const directory = process.env['LOG_DIR'] || 'logs'
  const path = join(directory, OUTPUT_FILE)
  try {
    fs.mkdirSync(directory, { recursive: true })
    if ((fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_OUTPUT_BYTES)
      fs.renameSync(path, `${path}.1`)
    const file = fs.openSync(path, 'a')
    return { path, file, sizeBytes: fs.fstatSync(file).size }
  } catch (error) {
    return fail(`cannot write the output: ${(error as Error).message}`)
  }
}
