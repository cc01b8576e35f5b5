/** Kafka's scripts for suites that call them: each is this build's command of the same name. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAIN } from '../../process/server-process.js'

const NAMES = ['topics', 'configs', 'acls', 'consumer-groups']

/** A script that runs `lograft` with these words and its own arguments. */
export function scriptOf(...words: readonly string[]): string {
  return `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' ${words.join(' ')} "$@"\n`
}

/** Gives the directory, which has `bin/kafka-topics.sh` and others. */
export function writeScripts(directory: string): string {
  const bin = join(directory, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const name of NAMES) writeScript(join(bin, `kafka-${name}.sh`), scriptOf(`kafka-${name}.sh`))
  return directory
}

export function writeScript(path: string, text: string): void {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}
