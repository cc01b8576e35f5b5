/**
 * A directory lock that dies with its holder. Node has no flock; a listening local socket does the same: the kernel knows whether
 * anybody still listens, also across containers that share the directory, where process ids say nothing.
 */
import fs from 'node:fs'
import net from 'node:net'
import { join, relative, resolve } from 'node:path'
import { DiskError, type DiskLock } from '../disk.js'

const LOCK_FILE = '.lograft.lock'
/** What a local socket's address holds on every system (108 bytes on Linux, 104 on macOS, with the end mark). */
const LONGEST_ADDRESS = 103

type LockDone = (error: DiskError | undefined, lock: DiskLock | undefined) => void

export function lockDirectory(path: string, done: LockDone): void {
  acquire(path, 3, done)
}

function acquire(path: string, attempts: number, done: LockDone): void {
  const address = socketAddress(path)
  if (address === undefined) return done(new DiskError('ENAMETOOLONG', 'lock', path), undefined)
  const server = net.createServer((socket) => socket.destroy())
  server.unref()
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') return done(new DiskError(error.code ?? 'EIO', 'lock', path), undefined)
    isHeld(address, (held) => {
      if (held || attempts === 0) return done(new DiskError('EBUSY', 'lock', path), undefined)
      removeStale(address, (removed) => {
        if (!removed) return done(new DiskError('EBUSY', 'lock', path), undefined)
        acquire(path, attempts - 1, done)
      })
    })
  })
  server.listen(address, () => done(undefined, { release: () => server.close() }))
}

function isHeld(address: string, answer: (held: boolean) => void): void {
  const probe = net.connect(address)
  probe.on('connect', () => {
    probe.destroy()
    answer(true)
  })
  probe.on('error', () => answer(false))
}

/**
 * Moves the dead socket out of the way before removing it: if another process has put a live one there since we looked, it is put back.
 */
function removeStale(address: string, answer: (removed: boolean) => void): void {
  const aside = `${address}.${process.pid}`
  try {
    fs.renameSync(address, aside)
  } catch {
    // Somebody else has removed it.
    return answer(true)
  }
  isHeld(aside, (held) => {
    try {
      if (held) fs.renameSync(aside, address)
      else fs.unlinkSync(aside)
    } catch {
      // Gone already, which is what was wanted.
    }
    answer(!held)
  })
}

function socketAddress(directory: string): string | undefined {
  const absolute = resolve(directory)
  if (process.platform === 'win32') return `\\\\.\\pipe\\lograft-${Buffer.from(absolute).toString('hex').slice(-200)}`
  const candidates = [join(absolute, LOCK_FILE), join(relative(process.cwd(), absolute), LOCK_FILE)]
  return candidates.find((candidate) => Buffer.byteLength(candidate) + 8 <= LONGEST_ADDRESS)
}
