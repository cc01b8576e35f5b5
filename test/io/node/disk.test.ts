import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskError, type DiskLock } from '../../../src/io/disk.js'
import { NodeDisk } from '../../../src/io/node/disk.js'

function folder(): string {
  return fs.mkdtempSync(join(tmpdir(), 'lograft-disk-'))
}

function done(run: (callback: (error: DiskError | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error === undefined ? resolve() : reject(error))))
}

test('appends go to the end, in order, however they are written', async () => {
  const path = join(folder(), 'file')
  for (const stalled of [false, true]) {
    const disk = new NodeDisk()
    const file = disk.open(path, { create: true })
    file.truncate(0)
    if (stalled) disk.wrote(10_000)
    assert.equal(disk.stalled, stalled)
    const expected: Buffer[] = []
    const writes: Promise<void>[] = []
    for (let n = 0; n < 200; n++) {
      const chunks = [Buffer.alloc(n % 7, n), Buffer.alloc(n * 10, n + 1)]
      expected.push(...chunks)
      writes.push(done((callback) => file.append(chunks, callback)))
    }
    const whole = Buffer.concat(expected)
    assert.equal(file.sizeBytes, whole.length)
    await Promise.all(writes)
    await done((callback) => file.flush(callback))
    assert.deepEqual(fs.readFileSync(path), whole)
    const part = Buffer.alloc(100)
    assert.equal(file.readSync(whole.length - 50, part), 50)
    const read = await new Promise<number>((resolve) => file.read(1000, part, (_, bytes) => resolve(bytes)))
    assert.equal(read, 100)
    assert.deepEqual(part, whole.subarray(1000, 1100))
    await done((callback) => file.rewrite(10, whole.subarray(10, 500), callback))
    assert.deepEqual(fs.readFileSync(path), whole)
    file.truncate(11)
    await done((callback) => file.append([Buffer.from('end')], callback))
    assert.deepEqual(fs.readFileSync(path), Buffer.concat([whole.subarray(0, 11), Buffer.from('end')]))
    file.close()
    file.close()
  }
})

test('a file may be closed while writes and reads are on their way', async () => {
  const path = join(folder(), 'file')
  const disk = new NodeDisk()
  const file = disk.open(path, { create: true })
  await done((callback) => file.append([Buffer.from('begin')], callback))
  disk.wrote(10_000)
  const part = Buffer.alloc(5)
  const read = new Promise<number>((resolve) => file.read(0, part, (_, bytes) => resolve(bytes)))
  const writes = Array.from({ length: 20 }, (_, n) => done((callback) => file.append([Buffer.from(`-${n}`)], callback)))
  file.close()
  assert.equal(await read, 5)
  await Promise.all(writes)
  assert.equal(fs.readFileSync(path, 'utf8'), ['begin', ...writes.keys()].join('-'))
})

test('a closed file is not used, for its descriptor may be that of another by now', () => {
  const path = join(folder(), 'file')
  const disk = new NodeDisk()
  const file = disk.open(path, { create: true })
  file.close()
  const other = disk.open(`${path}2`, { create: true })
  const bytes = Buffer.from('harm')
  const never = (): void => assert.fail('it was done')
  for (const use of [
    () => file.append([bytes], never),
    () => file.rewrite(0, bytes, never),
    () => file.read(0, bytes, never),
    () => file.readSync(0, bytes),
    () => file.truncate(0),
    () => file.flush(never),
  ]) {
    assert.throws(use, (error) => error instanceof DiskError && error.code === 'EBADF')
  }
  assert.equal(fs.readFileSync(`${path}2`, 'utf8'), '')
  other.close()
})

test('a file may be closed while a flush is on its way', async () => {
  const disk = new NodeDisk()
  const file = disk.open(join(folder(), 'file'), { create: true })
  const flushed = done((callback) => file.flush(callback))
  file.close()
  await flushed
})

test('directories: made, listed, renamed over, removed, flushed', async () => {
  const disk = new NodeDisk()
  const root = folder()
  disk.makeDirectory(join(root, 'a/b'))
  disk.makeDirectory(join(root, 'a/b'))
  for (const name of ['z', 'y']) disk.open(join(root, 'a/b', name), { create: true }).close()
  assert.deepEqual(disk.list(join(root, 'a/b')), ['y', 'z'])
  disk.rename(join(root, 'a/b/z'), join(root, 'a/b/y'))
  assert.deepEqual(disk.list(join(root, 'a/b')), ['y'])
  assert.deepEqual(disk.stat(join(root, 'a/b')), {
    kind: 'directory',
    sizeBytes: disk.stat(join(root, 'a/b'))!.sizeBytes,
  })
  assert.deepEqual(disk.stat(join(root, 'a/b/y')), { kind: 'file', sizeBytes: 0 })
  assert.equal(disk.stat(join(root, 'no')), undefined)
  assert.equal(disk.readFile(join(root, 'no')), undefined)
  await done((callback) => disk.flushDirectory(join(root, 'a/b'), callback))
  disk.remove(join(root, 'a'))
  disk.remove(join(root, 'a'))
  assert.deepEqual(disk.list(root), [])
})

test('where no directory can be made, that is said, and soon', () => {
  const disk = new NodeDisk()
  const file = join(folder(), 'file')
  fs.writeFileSync(file, '')
  for (const path of [file, join(file, 'a/b')]) {
    assert.throws(
      () => disk.makeDirectory(path),
      (error) => error instanceof DiskError && /^(EEXIST|ENOTDIR)$/.test(error.code),
    )
  }
})

// Node's own recursive mkdir never comes back from here.
test('a file system without directories of ours is an error', {
  skip: !fs.existsSync('/proc/self') && 'no /proc',
}, () => {
  const disk = new NodeDisk()
  for (const path of ['/proc/lograft', '/proc/lograft/a/b']) {
    assert.throws(
      () => disk.makeDirectory(path),
      (error) => error instanceof DiskError && /^(ENOENT|EACCES|EROFS)$/.test(error.code),
    )
  }
})

test('what the system refuses is a DiskError with its code', async () => {
  const disk = new NodeDisk()
  const root = folder()
  const code = (expected: string) => (error: unknown) => error instanceof DiskError && error.code === expected
  assert.throws(() => disk.open(join(root, 'no'), { create: false }), code('ENOENT'))
  assert.throws(() => disk.list(join(root, 'no')), code('ENOENT'))
  assert.throws(() => disk.rename(join(root, 'no'), join(root, 'x')), code('ENOENT'))
  await assert.rejects(
    done((callback) => disk.flushDirectory(join(root, 'no'), callback)),
    code('ENOENT'),
  )
})

test('an append to a full device fails, and so does every later one until the file is cut', {
  skip: !fs.existsSync('/dev/full'),
}, async () => {
  for (const stalled of [false, true]) {
    const disk = new NodeDisk()
    if (stalled) disk.wrote(10_000)
    const file = disk.open('/dev/full', { create: false })
    const full = (error: unknown) => error instanceof DiskError && error.code === 'ENOSPC'
    const first = done((callback) => file.append([Buffer.from('x')], callback))
    const second = done((callback) => file.append([Buffer.from('y')], callback))
    await Promise.all([assert.rejects(first, full), assert.rejects(second, full)])
    await assert.rejects(
      done((callback) => file.append([Buffer.from('z')], callback)),
      full,
    )
    file.close()
  }
})

test('a directory is locked for one, until released or until the holder dies', async () => {
  const disk = new NodeDisk()
  const root = folder()
  const lock = (): Promise<DiskLock> =>
    new Promise((resolve, reject) => disk.lock(root, (error, held) => (held ? resolve(held) : reject(error))))
  const busy = (error: unknown): boolean => error instanceof DiskError && error.code === 'EBUSY'
  const held = await lock()
  await assert.rejects(lock(), busy)
  held.release()
  ;(await lock()).release()

  const script = `
    import { NodeDisk } from ${JSON.stringify(new URL('../../../src/io/node/disk.js', import.meta.url).href)}
    new NodeDisk().lock(${JSON.stringify(root)}, (error) => console.log(error?.code ?? 'held'))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = await new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim())))
  assert.equal(said, 'held')
  await assert.rejects(lock(), busy)
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
  ;(await lock()).release()
})
