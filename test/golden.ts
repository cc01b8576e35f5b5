/** Golden vectors: JSON lines made by Apache Kafka's own classes, kept in `test/golden` (its README says what they are). */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const folder = new URL('../../test/golden/', import.meta.url)

/** The lines of one file, e.g. `golden('data.jsonl.gz')`; gzipped ones are unpacked. */
export function golden<T>(file: string): T[] {
  const raw = readFileSync(new URL(file, folder))
  const text = (file.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}
