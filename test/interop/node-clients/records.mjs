// The suite's records: lines of JSON, bytes in base64.
import { readFileSync, writeFileSync } from 'node:fs'

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

/** Slices of the records in their order, for one send each. */
export function* slices(records, size) {
  for (let at = 0; at < records.length; at += size) yield records.slice(at, at + size)
}
