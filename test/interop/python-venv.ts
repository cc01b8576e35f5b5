/** A Python package in a virtual environment of its own, pinned, and the program that uses it. */
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath, installOnce, sourcePath } from './client.js'
import { probe, run } from './external.js'
import type { Program } from './round-trips.js'

export function missingPython(): string | undefined {
  if (probe('python3', '--version') === undefined) return 'no python3'
  if (probe('python3', '-c', 'import venv, ensurepip') === undefined) return 'no python3 module venv'
  return undefined
}

/** Where the sources of a client are, with the tests that its package does not install. */
export function pythonSources(client: string): string {
  return cachePath(client, 'sources')
}

/** `withSources`: the first line of the requirements is the client itself. */
export async function installPython(client: string, { withSources = false } = {}): Promise<void> {
  const requirements = sourcePath('python', `${client}.txt`)
  const runtime = probe('python3', '--version') ?? ''
  await installOnce(client, { files: [requirements], runtime }, async (path) => {
    const venv = join(path, 'venv')
    await run({ command: 'python3', args: ['-m', 'venv', venv], limitMs: 120_000 })
    const python = join(venv, 'bin', 'python')
    const pip = (...args: readonly string[]) =>
      run({ command: python, args: ['-m', 'pip', ...args, '--quiet', '--disable-pip-version-check'], limitMs: 240_000 })
    await pip('install', '--only-binary=:all:', '--requirement', requirements)
    if (!withSources) return
    const pin = readFileSync(requirements, 'utf8').split('\n')[0]!
    await pip('download', '--no-deps', '--no-binary=:all:', '--dest', path, pin)
    const archive = readdirSync(path).find((name) => name.endsWith('.tar.gz'))!
    await run({ command: 'tar', args: ['-xzf', join(path, archive), '-C', path] })
    renameSync(join(path, archive.slice(0, -'.tar.gz'.length)), pythonSources(client))
    rmSync(join(path, archive))
  })
}

export function pythonProgram(client: string): Program {
  const script = sourcePath('python', `${client.replaceAll('-', '_')}_client.py`)
  // Compiled files would land among the sources.
  return () => ({ command: cachePath(client, 'venv', 'bin', 'python'), args: ['-B', script] })
}
