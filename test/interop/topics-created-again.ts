/**
 * A race of one of librdkafka's own tests with itself. It deletes topics through a consumer whose request for metadata, which allows topics to be created, may still be under way; or that asks
 * because the deletion ended a fetch. A broker that is later with such a request than the deletion takes creates the topic again, as Kafka's rules are, and what the test does next, in this run or
 * in the following one, finds it by a pattern. Seen by its debug log: beside eight busy loops in the fourth run, the request was waiting for 62 ms, and three deletions took 61. With Apache
 * Kafka 4.3.1 twelve of twelve runs passed beside the same: its deletions took 28 to 142 ms each, and the answer came behind the first of them once, which does no harm yet.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MAIN } from '../process/server-process.js'
import { run } from './external.js'

export const CREATES_AGAIN = '0033_regex_subscribe'

const DELETED = /Deleting topic "([^"]+)"/
const FOUND = /: got unexpected topic match: (\S+)$/
const SUMMARY = /: see \d+ previous failures$/
/** Of a line that says that the test has failed the next says why. */
const HAS_FAILED = `### Test "${CREATES_AGAIN}`
const SUM_OF_FAILURES = /^See \d+ previous failures$/

/** The topics that the test has deleted, if all that went wrong is that it found some of them later; else undefined. `log`: of its runner. */
export function deletedAndFound(log: string): readonly string[] | undefined {
  const deleted = new Set<string>()
  let found = 0
  const lines = log.split('\n')
  for (const [at, line] of lines.entries()) {
    if (line.startsWith(HAS_FAILED) && !SUM_OF_FAILURES.test(lines[at + 1] ?? '')) return undefined
    if (!line.startsWith(`[${CREATES_AGAIN} `)) continue
    const name = DELETED.exec(line)?.[1]
    if (name !== undefined) deleted.add(name)
    if (!line.includes(' WARN: ') || SUMMARY.test(line)) continue
    const topic = FOUND.exec(line)?.[1]
    if (topic === undefined || !deleted.has(topic)) return undefined
    found++
  }
  return found > 0 ? [...deleted] : undefined
}

/**
 * Deletes those that are there. Throws where there is none; or one that was not created again behind its deletion, as the metadata log in that directory of a node has it; or one that has records.
 */
export async function removeCreatedAgain(bootstrap: string, names: readonly string[], dataPath: string): Promise<void> {
  const cluster = ['--bootstrap-server', bootstrap]
  const which = names.map((name) => name.replaceAll('.', '\\.')).join('|')
  const ends = new Map<string, number>()
  for (const line of (await lograft('get-offsets', ...cluster, '--topic', which)).trim().split('\n')) {
    const [, topic, end] = /^(.+):\d+:(\d+)$/.exec(line) ?? []
    if (topic === undefined) throw new Error(`the ends of topics that were deleted: ${line}`)
    ends.set(topic, (ends.get(topic) ?? 0) + Number(end))
  }
  const lives = await livesOfTopics(dataPath)
  for (const [topic, end] of ends) {
    const told = lives.get(topic)?.join(', ') ?? 'nothing'
    if (told !== 'created, removed, created')
      throw new Error(`${topic} was deleted, and the metadata log says: ${told}`)
    if (end > 0) throw new Error(`${topic} was created again and has ${end} records`)
    await lograft('topics', ...cluster, '--delete', '--topic', topic)
  }
}

type Event = 'created' | 'removed'

/** By name. */
async function livesOfTopics(dataPath: string): Promise<ReadonlyMap<string, readonly Event[]>> {
  const directory = join(dataPath, '__cluster_metadata-0')
  const files = readdirSync(directory).filter((file) => file.endsWith('.log'))
  const paths = files.sort().map((file) => join(directory, file))
  const dump = await lograft('dump-log', '--cluster-metadata-decoder', '--files', paths.join(','))
  const lives = new Map<string, Event[]>()
  const names = new Map<string, string>()
  for (const line of dump.split('\n')) {
    const text = / payload: (\{.*\})$/.exec(line)?.[1]
    if (text === undefined) continue
    const { type, data } = JSON.parse(text) as { type: string; data: { topicId: string; name: string } }
    if (type === 'topic') {
      names.set(data.topicId, data.name)
      lives.set(data.name, [...(lives.get(data.name) ?? []), 'created'])
    } else if (type === 'removeTopic') lives.get(names.get(data.topicId) ?? '')?.push('removed')
  }
  return lives
}

async function lograft(...args: readonly string[]): Promise<string> {
  const { stdout } = await run({ command: process.execPath, args: [MAIN, ...args] })
  return stdout.toString()
}
