/** confluent-kafka: a present librdkafka, under the API of Python. */
import assert from 'node:assert/strict'
import type { Client, Context } from './client.js'
import { run } from './external.js'
import { groupChecks } from './group-round-trips.js'
import { installPython, missingPython, pythonProgram } from './python-venv.js'
import { roundTrips } from './round-trips.js'

const NAME = 'confluent-kafka'

/** librdkafka's way of describing and altering settings. */
async function checkConfigs({ bootstrap }: Context): Promise<string> {
  const { command, args } = pythonProgram(NAME)()
  const { stdout } = await run({ command, args: [...args, 'configs', bootstrap, `${NAME}.configs`], limitMs: 60_000 })
  const byDefault = '1048588 DEFAULT_CONFIG 1'
  assert.deepEqual(stdout.toString().trim().split('\n'), [
    byDefault,
    '54321 DYNAMIC_TOPIC_CONFIG 2',
    byDefault,
    '65432 DYNAMIC_TOPIC_CONFIG 2',
    'INVALID_CONFIG',
  ])
  return 'set, described and taken back in both ways, one refused'
}

/** Made, grown, deleted, and made again with nothing in it. */
async function checkTopicLife({ bootstrap }: Context): Promise<string> {
  const program = pythonProgram(NAME)()
  await run({ ...program, args: [...program.args, 'admin', bootstrap, `${NAME}.life`] })
  return '2 partitions, then 5, deleted, and empty when made again'
}

export const confluentKafka: Client = {
  name: NAME,
  about: 'confluent-kafka 2.16.1',
  brokers: 'three',
  missing: missingPython,
  install: () => installPython(NAME),
  checks: [
    { name: 'life of a topic', run: checkTopicLife },
    ...roundTrips(NAME, pythonProgram(NAME), {
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
    ...groupChecks(NAME, pythonProgram(NAME), { protocols: ['classic', 'consumer'] }),
    { name: 'configs', run: checkConfigs },
  ],
}
