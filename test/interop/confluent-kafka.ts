/** confluent-kafka: a present librdkafka, under the API of Python. */
import type { Client } from './client.js'
import { installPython, missingPython, pythonProgram } from './python-venv.js'
import { roundTrips } from './round-trips.js'

const NAME = 'confluent-kafka'

export const confluentKafka: Client = {
  name: NAME,
  about: 'confluent-kafka 2.16.1',
  missing: missingPython,
  install: () => installPython(NAME),
  checks: roundTrips(NAME, pythonProgram(NAME), {
    variants: [
      { codec: 'none' },
      { codec: 'gzip' },
      { codec: 'snappy' },
      { codec: 'lz4' },
      { codec: 'zstd' },
      { codec: 'none', acks: 0 },
      { codec: 'none', acks: 1 },
      { codec: 'none', idempotent: true },
      { codec: 'zstd', idempotent: true },
    ],
    reads: true,
  }),
}
