/** Directories of back-ends, which carry the number of the process they belong to: what one that was killed has left is found by it, and swept. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'lograft-disks-'
const UNMOUNT_LIMIT_MS = 20_000

/** A new one; what runs that are over have left goes before. */
export function ownDirectory(): string {
  const root = realpathSync(tmpdir())
  for (const name of readdirSync(root)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) removeOwn(join(root, name))
  }
  return mkdtempSync(join(root, `${PREFIX}${process.pid}-`))
}

/** With what is mounted in it. Throws where something in it is still used. */
export function removeOwn(directory: string): void {
  for (const mounted of mountsUnder(directory)) unmount(mounted)
  rmSync(directory, { recursive: true, force: true })
}

/** The innermost first. */
export function mountsUnder(directory: string): readonly string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => unescaped(line.split(' ')[1] ?? ''))
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse()
}

function unmount(path: string): void {
  const { status, stderr, error } = spawnSync('umount', [path], { encoding: 'utf8', timeout: UNMOUNT_LIMIT_MS })
  if (status !== 0) throw new Error(`${path} cannot be unmounted: ${error?.message ?? stderr.trim()}`)
}

/** As the kernel writes spaces. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
