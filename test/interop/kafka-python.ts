/** kafka-python, the client written in Python alone: the codecs that it has without other packages. */
import type { Client } from './client.js'
import { installPython, missingPython, pythonProgram } from './python-venv.js'
import { roundTrips } from './round-trips.js'

const NAME = 'kafka-python'

export const kafkaPython: Client = {
  name: NAME,
  about: 'kafka-python 3.0.12',
  brokers: 'three',
  missing: missingPython,
  install: () => installPython(NAME),
  checks: roundTrips(NAME, pythonProgram(NAME), {
    variants: [
      { codec: 'none' },
      { codec: 'gzip' },
      { codec: 'none', acks: 0 },
      { codec: 'gzip', acks: 1 },
      { codec: 'none', idempotent: true },
      { codec: 'gzip', idempotent: true },
    ],
    reads: true,
  }),
}
