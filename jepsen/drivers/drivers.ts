/** The drivers there are, by the name under which they are asked for, and what each needs that this machine may lack. */
import { join } from 'node:path'
import type { ClientPorts } from '../../src/client/cluster-client.js'
import { installKafkaJars, KAFKA_CLASS_PATH, missingJava } from '../beds/kafka-jars.js'
import type { Driver } from './driver.js'
import { ExternalDriver, type ProgramCommand } from './external-driver.js'
import { LograftDriver } from './lograft.js'
import { installNodePackages, missingNpm, NODE_PACKAGES, PROGRAMS } from './node-packages.js'

export interface DriverKind {
  readonly name: string
  readonly about: string
  /** What it needs and this machine has not; undefined: it works here. */
  missing(): string | undefined
  /** Installs what it needs, once, and starts it. `ended`: hears of an end that nobody asked for. */
  start(ports: ClientPorts, ended: (sentence: string) => void): Promise<Driver>
}

/** Many clients live in one. */
const JAVA_OPTIONS = ['-XX:+UseSerialGC', '-Xmx512m']

export const DRIVERS: readonly DriverKind[] = [
  {
    name: 'lograft',
    about: "lograft's own client, in this process",
    missing: () => undefined,
    start: async (ports) => new LograftDriver(ports),
  },
  nodeDriver('kafkajs', 'kafkajs, the client most used on Node for years'),
  {
    name: 'java',
    about: "Apache Kafka's own client",
    missing: missingJava,
    start: async (_, ended) => {
      await installKafkaJars()
      const source = join(PROGRAMS, 'KafkaClients.java')
      return ExternalDriver.start({ command: 'java', args: [...JAVA_OPTIONS, '-cp', KAFKA_CLASS_PATH, source] }, ended)
    },
  },
  nodeDriver('platformatic', '@platformatic/kafka'),
]

function nodeDriver(name: string, about: string): DriverKind {
  const command: ProgramCommand = {
    command: process.execPath,
    args: [join(PROGRAMS, `${name}.mjs`), NODE_PACKAGES],
  }
  return {
    name,
    about,
    missing: missingNpm,
    start: async (_, ended) => {
      await installNodePackages()
      return ExternalDriver.start(command, ended)
    },
  }
}
