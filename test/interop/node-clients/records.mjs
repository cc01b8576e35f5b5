// The suite's records: lines of JSON, bytes in base64.
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const GROUP_LIMIT_MS = 60_000
const ALONE_MS = 50
const SOON_LIMIT_MS = 30_000
const AGAIN_MS = 100

const decode = (text) => (text === null ? null : Buffer.from(text, 'base64'))
const encode = (bytes) => (bytes === null || bytes === undefined ? null : bytes.toString('base64'))

export function readRecords(path) {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { partition, timestamp, key, value, headers } = JSON.parse(line)
      const decoded = headers.map(([name, bytes]) => [name, decode(bytes)])
      return { partition, timestamp, key: decode(key), value: decode(value), headers: decoded }
    })
}

export function writeRecords(path, records) {
  const lines = records.map(({ key, value, headers, ...record }) =>
    JSON.stringify({
      ...record,
      key: encode(key),
      value: encode(value),
      headers: headers.map(([name, bytes]) => [name, encode(bytes)]),
    }),
  )
  writeFileSync(path, `${lines.join('\n')}\n`)
}

/** What it gives, once it does not fail: brokers hear of a change a little after it was answered. */
export async function soon(attempt) {
  for (const endMs = performance.now() + SOON_LIMIT_MS; ; await sleep(AGAIN_MS)) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > endMs) throw error
    }
  }
}

/** Slices of the records in their order, for one send each. */
export function* slices(records, size) {
  for (let at = 0; at < records.length; at += size) yield records.slice(at, at + size)
}

/** What two members of a group read, until they have so many different records and each has one. */
export class GroupReading {
  members = [[], []]
  #places = new Set()
  #count
  #end
  #fail

  constructor(count) {
    this.#count = count
    this.enough = new Promise((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
    })
    const late = () => {
      const each = this.members.map(({ length }) => length)
      this.fail(new Error(`${this.#places.size} of ${count} records, ${each} by member`))
    }
    setTimeout(late, GROUP_LIMIT_MS).unref()
  }

  get #isEach() {
    return this.members.every(({ length }) => length > 0)
  }

  get done() {
    return this.#places.size >= this.#count && this.#isEach
  }

  add(member, record) {
    this.members[member].push({ ...record, member })
    this.#places.add(`${record.partition} ${record.offset}`)
    if (this.done) this.#end()
  }

  fail(error) {
    this.#fail(error)
  }

  /** Before the next record: who is alone at first leaves some to the other. */
  async turn() {
    await sleep(this.#isEach ? 0 : ALONE_MS)
  }

  write(path) {
    writeRecords(path, this.members.flat())
  }
}
