/** Runs the command-line tools of Apache Kafka. */
import assert from 'node:assert/strict'
import { KAFKA_CLASS_PATH } from '../../jepsen/beds/kafka-jars.js'
import { type Outcome, run } from './external.js'

const TOOL_LIMIT_MS = 90_000

/** Its tools live for a second or two: compiling well does not pay. */
const JAVA_OPTIONS = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m']

export function javaCommand(tool: string, args: readonly string[], input: string) {
  const main = tool === 'ConfigCommand' ? `kafka.admin.${tool}` : `org.apache.kafka.tools.${tool}`
  const all = [...JAVA_OPTIONS, '-cp', KAFKA_CLASS_PATH, main, ...args]
  return { command: 'java', args: all, input, limitMs: TOOL_LIMIT_MS }
}

export async function java(tool: string, args: readonly string[], input = ''): Promise<Outcome> {
  return run(javaCommand(tool, args, input))
}

export async function create(bootstrap: string, topic: string, partitions = 1): Promise<void> {
  const args = ['--bootstrap-server', bootstrap, '--create', '--topic', topic, '--partitions', String(partitions)]
  const { stdout } = await java('TopicCommand', args)
  assert.match(stdout.toString(), /^Created topic /m)
}

export function produce(bootstrap: string, topic: string, records: number, args: readonly string[]): Promise<Outcome> {
  const fixed = ['--bootstrap-server', bootstrap, '--topic', topic, '--throughput', '-1']
  return java('ProducerPerformance', [...fixed, '--num-records', String(records), ...args])
}

/** Values, a line each; the tool waits until it has so many. */
export async function consume(
  bootstrap: string,
  topic: string,
  records: number,
  args: readonly string[] = [],
): Promise<Buffer> {
  const where = ['--bootstrap-server', bootstrap, '--topic', topic, '--partition', '0', '--offset', 'earliest']
  const limits = ['--max-messages', String(records), '--timeout-ms', '20000']
  return (await java('consumer.ConsoleConsumer', [...where, ...limits, ...args])).stdout
}

/** The end of each partition of a topic, in order. */
export async function ends(bootstrap: string, topic: string): Promise<number[]> {
  const { stdout } = await java('GetOffsetShell', ['--bootstrap-server', bootstrap, '--topic', topic])
  const rows = stdout.toString().trim().split('\n').sort()
  return rows.map((row) => Number(row.split(':')[2]))
}
