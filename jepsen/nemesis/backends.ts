/** All means, in order of preference; who of them works here; and which of their faults a run uses. */
import type { RunFile } from '../history/run-file.js'
import { adminBackend } from './admin.js'
import { clockBackend } from './clock.js'
import { interposedBackend } from './disk/interposed.js'
import { smallFileSystemBackend } from './disk/small-file-system.js'
import { stoppedFilesBackend } from './disk/stopped-files.js'
import type { Backend, Fault } from './fault.js'
import { namespacesBackend } from './network/namespaces.js'
import { proxyBackend } from './network/proxy-backend.js'
import { processesBackend } from './processes.js'
import type { OfRun } from './targets.js'

export function allBackends(ofRun: OfRun): readonly Backend[] {
  return [
    processesBackend(),
    adminBackend(ofRun),
    smallFileSystemBackend(),
    interposedBackend(),
    stoppedFilesBackend(ofRun),
    namespacesBackend(),
    proxyBackend(),
    clockBackend(),
  ]
}

export interface ProbedBackend {
  readonly backend: Backend
  /** Undefined: it works here. */
  readonly why: string | undefined
}

export async function probeAll(backends: readonly Backend[]): Promise<readonly ProbedBackend[]> {
  return Promise.all(backends.map(async (backend) => ({ backend, why: await backend.probe() })))
}

export interface ChosenFaults {
  readonly faults: readonly Fault[]
  readonly backends: readonly Backend[]
  /** For the report. */
  readonly told: NonNullable<RunFile['backends']>
}

/** Each by the first means that works. Says of each name that has none why: sentences. */
export function chooseFaults(
  names: readonly string[],
  probed: readonly ProbedBackend[],
): ChosenFaults | { readonly refused: readonly string[] } {
  const faults: Fault[] = []
  const refused: string[] = []
  const used = new Map<Backend, string[]>()
  for (const name of new Set(names)) {
    const those = probed.filter(({ backend }) => makes(backend, name) && makesAllOfFamily(backend, names, probed))
    const works = those.find(({ why }) => why === undefined)
    if (works !== undefined) {
      faults.push(works.backend.faults.find((fault) => fault.name === name)!)
      used.set(works.backend, [...(used.get(works.backend) ?? []), name])
    } else if (!probed.some(({ backend }) => makes(backend, name))) {
      refused.push(`there is no fault ${name}: see \`list\``)
    } else if (those.length === 0) {
      refused.push(`${name} cannot be made in one run with the others that are asked for: no means makes all of them`)
    } else
      refused.push(
        `${name} cannot be made here: ${those.map(({ backend, why }) => `${backend.name}: ${why}`).join('; ')}`,
      )
  }
  if (refused.length > 0) return { refused }
  const told = probed.flatMap(({ backend, why }) => {
    const made = used.get(backend)
    if (made !== undefined) return [{ name: backend.name, faults: made }]
    const wanted = backend.faults.map(({ name }) => name).filter((name) => names.includes(name))
    return why === undefined || wanted.length === 0 ? [] : [{ name: backend.name, faults: wanted, why }]
  })
  // What is made ready first is what others build on.
  return { faults, backends: probed.map(({ backend }) => backend).filter((backend) => used.has(backend)), told }
}

function makes(backend: Backend, name: string): boolean {
  return backend.faults.some((fault) => fault.name === name)
}

/** Whether it makes all for which its family is asked. */
function makesAllOfFamily(backend: Backend, names: readonly string[], probed: readonly ProbedBackend[]): boolean {
  const { family } = backend
  if (family === undefined) return true
  const kin = probed.filter((each) => each.backend.family === family)
  return names.every((name) => makes(backend, name) || !kin.some((each) => makes(each.backend, name)))
}
