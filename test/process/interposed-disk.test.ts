/** The library between a process and its disk, loaded into a Node that writes as nodes of clusters do: what a loss of power leaves, and errors that are asked for. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { ALWAYS, DiskControl, WRITE_ERRORS } from '../../jepsen/nemesis/disk/control.js'
import { compileInterposed, interposedEnvironment, missingForInterposed } from '../../jepsen/nemesis/disk/interposed.js'
import { mountsUnder, ownDirectory, removeOwn } from '../../jepsen/nemesis/disk/leftovers.js'
import { loseUnsynced } from '../../jepsen/nemesis/disk/roll-back.js'
import { smallFileSystemBackend } from '../../jepsen/nemesis/disk/small-file-system.js'
import type { FaultContext } from '../../jepsen/nemesis/fault.js'
import { temporaryDirectory } from '../node-ports.js'

const skip = missingForInterposed() ?? false
const root = temporaryDirectory('interposed')
const children = new Set<ChildProcess>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})

let library: Promise<string> | undefined

class Scene {
  readonly places: { data: string; journal: string; kept: string }
  readonly control: DiskControl
  readonly #environment: Record<string, string>
  readonly #program: string

  constructor(name: string, library: string, program: string) {
    const at = join(root, name)
    this.places = { data: join(at, 'data'), journal: join(at, 'journal'), kept: join(at, 'data.kept') }
    mkdirSync(this.places.data, { recursive: true })
    mkdirSync(this.places.kept)
    this.control = new DiskControl(join(at, 'control'))
    this.#environment = interposedEnvironment(library, this.places, this.control)
    this.#program = join(at, 'program.mjs')
    writeFileSync(
      this.#program,
      `import fs from 'node:fs'\nprocess.chdir(${JSON.stringify(this.places.data)})\n${program}`,
    )
  }

  static async make(name: string, program: string): Promise<Scene> {
    library ??= compileInterposed(root)
    return new Scene(name, await library, program)
  }

  /** Lines of the program until it says `done`, and then its death. */
  async run(): Promise<string[]> {
    const child = spawn(process.execPath, [this.#program], {
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.add(child)
    const gone = new Promise((resolve) => child.once('exit', resolve))
    const lines: string[] = []
    for await (const line of createInterface(child.stdout)) {
      if (line === 'done') child.kill('SIGKILL')
      else lines.push(line)
    }
    await gone
    children.delete(child)
    return lines
  }

  read(name: string): string {
    return readFileSync(join(this.places.data, name), 'latin1')
  }

  names(): string[] {
    return readdirSync(this.places.data, { recursive: true, encoding: 'utf8' }).sort()
  }
}

const DONE = `console.log('done')\nsetInterval(() => {}, 1000)\n`
const FLUSH_DIRECTORY = `const flushDirectory = (path) => { const fd = fs.openSync(path, 'r'); fs.fsyncSync(fd); fs.closeSync(fd) }\n`

const WRITES = `${FLUSH_DIRECTORY}
const log = fs.openSync('log', 'w+')
fs.mkdirSync('durable')
flushDirectory('.')
fs.writevSync(log, [Buffer.from('flushed '), Buffer.from('also')], 0)
await new Promise((resolve) => fs.fdatasync(log, resolve))
fs.writeSync(log, 'FL', 0)
await new Promise((resolve) => fs.writev(log, [Buffer.from(' lost'), Buffer.from(' lost')], 12, resolve))

const cut = fs.openSync('durable/cut', 'w+')
fs.writeSync(cut, '0123456789')
fs.fsyncSync(cut)
flushDirectory('durable')
fs.ftruncateSync(cut, 4)
fs.writeSync(cut, 'xy', 4)

fs.writeFileSync('checkpoint', 'old')
const checkpoint = fs.openSync('checkpoint', 'r+')
fs.fsyncSync(checkpoint)
fs.writeFileSync('removed', 'back')
const removed = fs.openSync('removed', 'r+')
fs.fsyncSync(removed)
flushDirectory('.')
fs.writeFileSync('checkpoint.tmp', 'new')
fs.renameSync('checkpoint.tmp', 'checkpoint')
fs.unlinkSync('removed')
fs.mkdirSync('never/was', { recursive: true })
fs.writeFileSync('never/was/file', 'x')
fs.writeFileSync(fs.openSync('another', 'w'), 'no name')
${DONE}`

test('a loss of power leaves what was flushed: bytes, names, what was overwritten, cut, renamed and removed', {
  skip,
}, async () => {
  const scene = await Scene.make('power', WRITES)
  await scene.run()
  // The kernel has kept all of it.
  assert.equal(scene.read('log'), 'FLushed also lost lost')
  assert.equal(scene.read('durable/cut'), '0123xy')
  assert.equal(scene.read('checkpoint'), 'new')
  assert.deepEqual([scene.control.counts().attached, scene.control.counts().troubles], [1, 0])
  const lost = loseUnsynced(scene.places, { names: 'strict' })
  assert.equal(scene.read('log'), 'flushed also')
  assert.equal(scene.read('durable/cut'), '0123456789')
  assert.equal(scene.read('checkpoint'), 'old')
  assert.equal(scene.read('removed'), 'back')
  assert.deepEqual(scene.names(), ['checkpoint', 'durable', 'durable/cut', 'log', 'removed'])
  assert.deepEqual(
    lost.files.filter(({ path }) => path.endsWith('/log')).map(({ lostBytes, intact }) => [lostBytes, intact]),
    [[12, 0]],
  )
  // What is left is durable: nothing more can be lost.
  assert.deepEqual(loseUnsynced(scene.places, { names: 'strict' }), { files: [], bytes: 0, names: [] })
})

test('what an earlier process wrote and nobody flushed is lost with a later one; another directory of data begins anew', {
  skip,
}, async () => {
  const program = `${FLUSH_DIRECTORY}
const log = fs.openSync('log', 'a+')
fs.writeSync(log, 'life ')
if (fs.fstatSync(log).size === 5) { fs.fsyncSync(log); flushDirectory('.') }
${DONE}`
  const scene = await Scene.make('lives', program)
  for (let life = 0; life < 3; life++) await scene.run()
  assert.equal(scene.read('log'), 'life life life ')
  loseUnsynced(scene.places, { names: 'strict' })
  assert.equal(scene.read('log'), 'life ')
  await scene.run()
  rmSync(scene.places.data, { recursive: true })
  mkdirSync(scene.places.data)
  await scene.run()
  assert.equal(loseUnsynced(scene.places, { names: 'strict' }).bytes, 0)
  assert.equal(scene.read('log'), 'life ')
})

test('flushes and writes fail and wait as they are told, under the directory alone', { skip }, async () => {
  const program = `
const log = fs.openSync('log', 'w+')
const outside = fs.openSync('../outside', 'w+')
const said = (name, act) => { try { act(); console.log(name + ' fine') } catch (error) { console.log(name + ' ' + error.code) } }
said('outside', () => { fs.writeSync(outside, 'x'); fs.fsyncSync(outside) })
said('write', () => fs.writeSync(log, 'xyz'))
const startMs = performance.now()
for (let n = 0; n < 2; n++) {
  await new Promise((resolve) => fs.fdatasync(log, (error) => { console.log('flush ' + (error?.code ?? 'fine')); resolve() }))
}
console.log(performance.now() - startMs)
${DONE}`
  const scene = await Scene.make('errors', program)
  scene.control.set('flushesToFail', 1)
  assert.deepEqual((await scene.run()).slice(0, 4), ['outside fine', 'write fine', 'flush EIO', 'flush fine'])
  // How long a flush takes by itself is the disk's matter.
  assert.equal(scene.control.counts().slowedFlushes, 0)
  // A flush that failed has lost what it was for, whatever the next one says.
  assert.equal(scene.read('log'), 'xyz')
  loseUnsynced(scene.places, { names: 'journalled' })
  assert.ok(existsSync(join(scene.places.data, 'log')))
  assert.equal(scene.read('log'), '')
  scene.control.set('flushesToFail', ALWAYS)
  assert.deepEqual((await scene.run()).slice(2, 4), ['flush EIO', 'flush EIO'])
  scene.control.set('flushesToFail', 0)
  scene.control.set('flushDelayMs', 100)
  scene.control.set('writeError', WRITE_ERRORS.ENOSPC)
  const [outside, write, first, second, tookMs] = await scene.run()
  assert.deepEqual([outside, write, first, second], ['outside fine', 'write ENOSPC', 'flush fine', 'flush fine'])
  assert.ok(Number(tookMs) > 190, `two flushes took ${tookMs} ms`)
  const { failedFlushes, failedWrites, slowedFlushes, troubles } = scene.control.counts()
  assert.deepEqual([failedFlushes, failedWrites, slowedFlushes, troubles], [3, 1, 2, 0])
})

test('what a run that was killed has left is swept by the next one, and what belongs to one that lives is not', () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  const left = mkdtempSync(join(tmpdir(), `lograft-disks-${pid}-`))
  writeFileSync(join(left, 'control-1'), 'x')
  const first = ownDirectory()
  const second = ownDirectory()
  assert.deepEqual([existsSync(left), existsSync(first)], [false, true])
  removeOwn(first)
  removeOwn(second)
  assert.deepEqual([existsSync(first), existsSync(second)], [false, false])
})

test('a file system for each node, filled and with room again, and nothing is left of it', async (context) => {
  const backend = smallFileSystemBackend()
  const why = await backend.probe()
  if (why !== undefined) return context.skip(why)
  const dataPath = join(root, 'plain')
  const plain = {
    prefix: [],
    environment: {},
    host: '',
    ports: { clients: 1, nodes: 2, controllers: 3 },
    advertised: {},
    dataPath,
  }
  const surroundings = new Map([[1, plain]])
  await backend.prepare([1], surroundings)
  try {
    const path = surroundings.get(1)!.dataPath
    mkdirSync(path)
    const node = { id: 1, isRunning: true, mayEnd: false, dataPath: path }
    const bed = { time: { wait: async () => {} } }
    const fault = backend.faults.find(({ name }) => name === 'full disk')!
    const asked = { bed, find: async () => [node] } as unknown as FaultContext
    const told = await fault.begin(asked)
    assert.match(told!.seen, /^node 1: [1-9]\d+ bytes filled its disk, one more is refused: ENOSPC$/)
    assert.throws(() => writeFileSync(join(path, 'log'), Buffer.alloc(100_000)), { code: 'ENOSPC' })
    assert.ok(node.mayEnd)
    await fault.end(asked)
    writeFileSync(join(path, 'log'), Buffer.alloc(100_000))
    assert.ok(!node.mayEnd)
    assert.notDeepEqual(mountsUnder(dirname(dirname(path))), [])
  } finally {
    await backend.restore()
  }
  const own = dirname(dirname(surroundings.get(1)!.dataPath))
  assert.deepEqual([mountsUnder(own), existsSync(own)], [[], false])
})
