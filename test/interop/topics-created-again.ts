/**
 * A race of one of librdkafka's own tests with itself. It deletes topics through a consumer whose request for metadata, which allows topics to be created, may still be under way; or that asks
 * because the deletion ended a fetch. A broker that is later with such a request than the deletion takes creates the topic again, as Kafka's rules are, and what the test does next, in this run or
 * in the following one, finds it by a pattern. Seen by its debug log: beside eight busy loops in the fourth run, the request was waiting for 62 ms, and three deletions took 61. With Apache
 * Kafka 4.3.1 twelve of twelve runs passed beside the same: its deletions took 50 to 130 ms each, and the answer came behind the first of them once, which does no harm yet.
 */
import { MAIN } from '../process/server-process.js'
import { run } from './external.js'

export const CREATES_AGAIN = '0033_regex_subscribe'

const DELETED = /Deleting topic "([^"]+)"/
const FOUND = /: got unexpected topic match: (\S+)$/
const SUMMARY = /: see \d+ previous failures$/

/** The topics that the test has deleted, if all that went wrong is that it found some of them later; else undefined. `log`: of its runner. */
export function deletedAndFound(log: string): readonly string[] | undefined {
  const deleted = new Set<string>()
  let found = 0
  for (const line of log.split('\n')) {
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

/** Deletes those that are there. Throws if there is none, or if one of them has a record: such a topic was not created again, it was not deleted. */
export async function removeCreatedAgain(bootstrap: string, names: readonly string[]): Promise<void> {
  const cluster = ['--bootstrap-server', bootstrap]
  const which = names.map((name) => name.replaceAll('.', '\\.')).join('|')
  const { stdout } = await run({
    command: process.execPath,
    args: [MAIN, 'get-offsets', ...cluster, '--topic', which],
  })
  const ends = new Map<string, number>()
  for (const line of stdout.toString().trim().split('\n')) {
    const [, topic, end] = /^(.+):\d+:(\d+)$/.exec(line) ?? []
    if (topic === undefined) throw new Error(`the ends of topics that were deleted: ${line}`)
    ends.set(topic, (ends.get(topic) ?? 0) + Number(end))
  }
  for (const [topic, end] of ends) {
    if (end > 0) throw new Error(`${topic} was deleted and has ${end} records`)
    await run({ command: process.execPath, args: [MAIN, 'topics', ...cluster, '--delete', '--topic', topic] })
  }
}
