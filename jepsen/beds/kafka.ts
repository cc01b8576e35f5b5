/**
 * Apache Kafka in KRaft mode with a quorum whose voters can change: the same settings, the same faults. Its heaps are small, as several nodes share a machine.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { randomUuid } from '../../src/base/uuid.js'
import { installKafkaJars, KAFKA_CLASS_PATH, kafkaVersion, missingJava } from './kafka-jars.js'
import { controllersAddress, founders, type NodePlan } from './layout.js'
import { type Prepared, ProcessBed, type ProcessBedOptions, type Software } from './process-bed.js'

const HEAP = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC']
const LOGGING = [
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
]
/** The tool lives for a second: compiling well does not pay. */
const TOOL = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m']
const FORMAT_LIMIT_MS = 60_000

const SETTINGS = {
  // Defaults are for machines that do nothing else.
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '4',
  'offsets.topic.num.partitions': '10',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
}

export function kafkaBed(options: ProcessBedOptions): ProcessBed {
  const clusterId = randomUuid({ bytes: randomBytes })
  const directoryIds = new Map<number, string>()
  /** By id: formatted once as what it is at the beginning; a disk that is empty again is one that came later. */
  const formatted = new Set<number>()

  const format = async (plan: NodePlan, prepared: Prepared): Promise<void> => {
    const { plans, surroundings, features, file } = prepared
    const path = surroundings.get(plan.id)!.dataPath
    if (existsSync(join(path, 'meta.properties'))) return
    mkdirSync(path, { recursive: true })
    const isFounder = plan.roles.includes('controller') && !plan.isSpare && !formatted.has(plan.id)
    const voters = founders(plans).map(
      ({ id }) => `${id}@${controllersAddress(surroundings.get(id)!)}:${directoryIds.get(id)}`,
    )
    const quorum = isFounder ? ['--initial-controllers', voters.join(',')] : ['--no-initial-controllers']
    const levels = Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`])
    const args = ['format', '--cluster-id', clusterId, '--config', file(plan), ...quorum, ...levels]
    const command = [...TOOL, '-cp', KAFKA_CLASS_PATH, 'kafka.tools.StorageTool', ...args]
    await promisify(execFile)('java', command, { timeout: FORMAT_LIMIT_MS })
    formatted.add(plan.id)
  }

  const software: Software = {
    kind: 'kafka',
    target: `Apache Kafka ${kafkaVersion()}`,
    settings: SETTINGS,
    raisesFeatures: false,
    prepare: async ({ plans }) => {
      const missing = missingJava()
      if (missing !== undefined) throw new Error(`Apache Kafka cannot be run here: ${missing}`)
      await installKafkaJars()
      for (const { id } of founders(plans)) directoryIds.set(id, randomUuid({ bytes: randomBytes }))
    },
    command: async (plan, prepared) => {
      await format(plan, prepared)
      const args = [...HEAP, ...LOGGING, '-cp', KAFKA_CLASS_PATH, 'kafka.Kafka', prepared.file(plan)]
      return { command: 'java', args, environment: {} }
    },
  }
  return new ProcessBed(software, options)
}
