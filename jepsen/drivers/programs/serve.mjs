// The calling side of protocol.ts for libraries on Node: each client runs in a thread of its own, so that one that crashes is gone at once, connections and all, without a goodbye.
// A program imports `serve` and gives it what it is and how a client is opened; it is started as `node PROGRAM PACKAGES`.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const packages = isMainThread ? process.argv[2] : workerData.packages

/** From the folder with the pinned packages. */
export const requirePackage = createRequire(join(packages, 'package.json'))

export function packagePath(...names) {
  return join(packages, 'node_modules', ...names)
}

/** What is thrown to be told as it is; everything else is an `info`. */
export class Refusal extends Error {
  constructor(code, outcome, message) {
    super(message)
    this.code = code
    this.outcome = outcome
  }
}

export function told(error) {
  const code = typeof error.code === 'string' ? error.code : (error.type ?? error.name ?? 'ERROR')
  return { code: String(code), outcome: error.outcome ?? 'info', message: String(error.message ?? error) }
}

/** `open(settings)` gives an object with the methods of `Client`, which take the line with their arguments by name. */
export function serve(file, { name, lacks }, open) {
  if (isMainThread) return serveClients(file, { name, lacks })
  let client
  // What nobody waits for must not end the thread: a library's own errors come back in its calls.
  process.on('unhandledRejection', (error) => console.error(error))
  parentPort.on('message', async (line) => {
    try {
      let result = null
      if (line.call === 'open') client = await open(line.settings)
      else result = (await client[line.call](line)) ?? null
      parentPort.postMessage({ id: line.id, result })
    } catch (error) {
      parentPort.postMessage({ id: line.id, error: told(error) })
    }
  })
}

function serveClients(file, hello) {
  const clients = new Map()
  const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
  say({ hello })
  createInterface({ input: process.stdin })
    .on('line', (text) => {
      const line = JSON.parse(text)
      const { id, call, client: number } = line
      if (call === 'open') clients.set(number, startClient(file, say))
      const client = clients.get(number)
      if (client === undefined) {
        return say({ id, error: { code: 'CLOSED', outcome: 'fail', message: `client ${number} is closed` } })
      }
      if (call === 'crash') {
        clients.delete(number)
        client.crash()
        return say({ id, result: null })
      }
      client.ask(line, () => {
        if (call !== 'close') return
        clients.delete(number)
        client.crash()
      })
    })
    .on('close', () => process.exit(0))
}

function startClient(file, say) {
  const waiting = new Map()
  const thread = new Worker(file, { workerData: { packages } })
  const gone = (message) => {
    for (const id of waiting.keys()) say({ id, error: { code: 'CRASHED', outcome: 'info', message } })
    waiting.clear()
  }
  thread.on('message', (answer) => {
    const done = waiting.get(answer.id)
    waiting.delete(answer.id)
    say(answer)
    done?.()
  })
  thread.on('error', (error) => gone(`its thread failed: ${error.stack}`))
  thread.on('exit', () => gone('its thread has ended'))
  return {
    ask(line, done) {
      waiting.set(line.id, done)
      thread.postMessage(line)
    },
    crash() {
      thread.terminate()
    },
  }
}
