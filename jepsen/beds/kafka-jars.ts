/** Apache Kafka as Maven Central has it: brokers, clients and tools, for the Java of this machine. */
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cachePath, installOnce, ROOT } from './installed.js'

const OLDEST_JAVA = 17
const PROBE_LIMIT_MS = 20_000
const INSTALL_LIMIT_MS = 300_000
const FOLDER = 'java'

/** Names the versions. Only in a clone: the npm package starts no Kafka. */
const POM = join(ROOT, 'jepsen', 'beds', 'kafka.pom.xml')

/** For `-cp`. */
export const KAFKA_CLASS_PATH = join(cachePath(FOLDER, 'jars'), '*')

export function kafkaVersion(): string {
  return /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(POM, 'utf8'))?.[1] ?? 'unknown'
}

/** What this machine lacks to get and to run them. */
export function missingJava(): string | undefined {
  const version = told('java', '-version')
  if (version === undefined) return 'no java'
  const major = Number(/version "(\d+)/.exec(version)?.[1])
  if (!(major >= OLDEST_JAVA)) return `java ${major}, and Apache Kafka needs ${OLDEST_JAVA}`
  return told('mvn', '--version') === undefined ? 'no mvn' : undefined
}

export async function installKafkaJars(): Promise<void> {
  await installOnce(FOLDER, { files: [POM], runtime: 'java' }, async (path) => {
    const target = `-DoutputDirectory=${join(path, 'jars')}`
    const args = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', target]
    await promisify(execFile)('mvn', args, { timeout: INSTALL_LIMIT_MS })
  })
}

function told(command: string, ...args: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: PROBE_LIMIT_MS })
  return status === 0 ? `${stdout}${stderr}` : undefined
}
