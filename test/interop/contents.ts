/** What a broker holds, topic by topic, as kcat reads it: the same before a stop and after the next start; and what groups have committed. */
import { createHash } from 'node:crypto'
import { listTopics } from './kcat.js'
import { readWithKcat } from './kcat-tool.js'
import { count } from './records.js'

export interface Content {
  readonly records: number
  readonly digest: string
}

/** Where Kafka keeps what is not of clients. To that of groups is written whenever one of them loses a member, also between a stop and a start. */
const INTERNAL = /^__/

/** What kcat sees of every topic of clients. */
export async function readAll(bootstrap: string): Promise<Map<string, Content>> {
  const contents = new Map<string, Content>()
  for (const { topic } of (await listTopics(bootstrap)).topics.filter(({ topic }) => !INTERNAL.test(topic))) {
    const read = await readWithKcat(bootstrap, topic)
    // The partitions' answers come in any order.
    read.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
    const digest = createHash('sha256')
    for (const { partition, offset, timestamp, key, value, headers } of read) {
      digest.update(`${partition} ${offset} ${timestamp} ${key?.length} ${value?.length} ${JSON.stringify(headers)}`)
      digest.update(key ?? '').update(value ?? '')
    }
    contents.set(topic, { records: read.length, digest: digest.digest('hex') })
  }
  return contents
}

export function compareContents(before: ReadonlyMap<string, Content>, after: ReadonlyMap<string, Content>): string {
  if (before.size === 0) throw new Error('no topic was written')
  let records = 0
  for (const [topic, was] of before) {
    const is = after.get(topic)
    if (is === undefined) throw new Error(`the topic ${topic} is gone`)
    if (is.records !== was.records) throw new Error(`${topic} had ${was.records} records, now ${is.records}`)
    if (is.digest !== was.digest) throw new Error(`the ${was.records} records of ${topic} are not the same`)
    records += was.records
  }
  if (after.size !== before.size) throw new Error(`${before.size} topics became ${after.size}`)
  return `${before.size} topics, ${count(records)} records`
}
