/** A Python package in a virtual environment of its own, pinned, and the program that uses it. */
import { join } from 'node:path'
import { cachePath, installOnce, sourcePath } from './client.js'
import { probe, run } from './external.js'
import type { Program } from './round-trips.js'

export function missingPython(): string | undefined {
  if (probe('python3', '--version') === undefined) return 'no python3'
  if (probe('python3', '-c', 'import venv, ensurepip') === undefined) return 'no python3 module venv'
  return undefined
}

export async function installPython(client: string): Promise<void> {
  const requirements = sourcePath('python', `${client}.txt`)
  const runtime = probe('python3', '--version') ?? ''
  await installOnce(client, { files: [requirements], runtime }, async (path) => {
    const venv = join(path, 'venv')
    await run({ command: 'python3', args: ['-m', 'venv', venv], limitMs: 120_000 })
    const python = join(venv, 'bin', 'python')
    const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', '--disable-pip-version-check']
    await run({ command: python, args: [...pip, '--requirement', requirements], limitMs: 240_000 })
  })
}

export function pythonProgram(client: string): Program {
  const script = sourcePath('python', `${client.replaceAll('-', '_')}_client.py`)
  // Compiled files would land among the sources.
  return () => ({ command: cachePath(client, 'venv', 'bin', 'python'), args: ['-B', script] })
}
