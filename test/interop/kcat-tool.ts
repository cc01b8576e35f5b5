/** kcat as a second pair of eyes: reads what other clients wrote, byte for byte, without a consumer group. */
import { type Outcome, probe, run } from './external.js'
import type { ReadRecord } from './records.js'

const INSTALL_LIMIT_MS = 240_000
/** The end shows when a fetch finds nothing: it need not wait long for that. */
const UNTIL_END = ['-q', '-e', '-X', 'fetch.wait.max.ms=10']

const ARRIVAL_LIMIT_MS = 60_000
const LINE_FEED = 0x0a

/** Lengths stand before what they measure, so that no byte of a key or value can be taken for a separator. */
const FORMAT = '%p %o %T %K %S %h\\n%k%s'

let looked: Promise<string | undefined> | undefined

/** Undefined if kcat is there; where the machine is Debian's and ours, its package is installed first. */
export function missingKcat(): Promise<string | undefined> {
  looked ??= look()
  return looked
}

async function look(): Promise<string | undefined> {
  if (probe('kcat', '-V') !== undefined) return undefined
  if (process.getuid?.() !== 0 || probe('apt-get', '--version') === undefined) return 'no kcat'
  const aptGet = (...args: readonly string[]): Promise<Outcome> =>
    run({
      command: 'apt-get',
      args: ['-q', ...args],
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      limitMs: INSTALL_LIMIT_MS,
    })
  const installing = ['install', '-y', '--no-install-recommends', 'kcat']
  try {
    // A machine that is fresh has no list of packages, or an old one.
    await aptGet(...installing).catch(() => aptGet('update').then(() => aptGet(...installing)))
  } catch (error) {
    return `no kcat, and its package cannot be installed: ${(error as Error).message}`
  }
  return probe('kcat', '-V') === undefined ? 'no kcat in its package' : undefined
}

export function kcat(bootstrap: string, args: readonly string[], input?: Buffer | string): Promise<Outcome> {
  return run({ command: 'kcat', args: ['-b', bootstrap, ...args], input: input ?? '' })
}

/** Everything in the topic; `args` may choose where to begin and end. */
export async function readWithKcat(
  bootstrap: string,
  topic: string,
  args: readonly string[] = ['-o', 'beginning'],
): Promise<ReadRecord[]> {
  const { stdout } = await kcat(bootstrap, ['-C', ...UNTIL_END, '-t', topic, '-f', FORMAT, ...args])
  return parse(stdout)
}

/** So many records as a member of a group, which commits where it is when it ends. */
export async function readInGroup(
  bootstrap: string,
  group: string,
  topic: string,
  records: number,
): Promise<ReadRecord[]> {
  const how = ['-q', '-X', 'auto.offset.reset=earliest', '-c', String(records), '-f', FORMAT]
  const { stdout } = await kcat(bootstrap, ['-G', group, ...how, topic])
  return parse(stdout)
}

/** Everything, once the topic has so many records: with acks=0 a writer is done before the broker is. */
export async function readWhenThere(bootstrap: string, topic: string, records: number): Promise<ReadRecord[]> {
  const args = ['-b', bootstrap, '-C', '-q', '-t', topic, '-o', 'beginning', '-c', String(records), '-f', '%p %o\\n']
  await run({ command: 'kcat', args, limitMs: ARRIVAL_LIMIT_MS })
  return readWithKcat(bootstrap, topic)
}

function parse(output: Buffer): ReadRecord[] {
  const records: ReadRecord[] = []
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(LINE_FEED, at)
    if (end < 0) throw new Error(`kcat's print ends inside a record: ${output.toString('latin1', at, at + 80)}`)
    const fields = /^(\d+) (\d+) (-?\d+) (-?\d+) (-?\d+) (.*)$/s.exec(output.toString('latin1', at, end))
    if (fields === null) throw new Error(`kcat printed ${output.toString('latin1', at, end)}`)
    const [partition, offset, timestamp, keyLength, valueLength] = fields.slice(1, 6).map(Number) as FiveNumbers
    at = end + 1
    const take = (length: number): Buffer | null => {
      if (length < 0) return null
      if (at + length > output.length) throw new Error("kcat's print ends inside a record")
      at += length
      return output.subarray(at - length, at)
    }
    const key = take(keyLength)
    const value = take(valueLength)
    records.push({ partition, offset, timestamp, key, value, headers: parseHeaders(fields[6]!) })
  }
  return records
}

type FiveNumbers = [number, number, number, number, number]

function parseHeaders(text: string): [string, Buffer][] {
  if (text === '') return []
  return text.split(',').map((header) => {
    const cut = header.indexOf('=')
    return [header.slice(0, cut), Buffer.from(header.slice(cut + 1), 'latin1')]
  })
}
