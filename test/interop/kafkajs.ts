/** kafkajs, the client most used on Node for years: no releases since 2023, old versions of the APIs. Its consumer needs a group: of single topics kcat reads. */
import type { Client } from './client.js'
import { groupChecks } from './group-round-trips.js'
import { missingKcat } from './kcat-tool.js'
import { installNodeClients, missingNpm, nodeProgram } from './node-clients.js'
import { roundTrips } from './round-trips.js'

const NAME = 'kafkajs'
const program = nodeProgram('kafkajs.mjs')

export const kafkajs: Client = {
  name: NAME,
  about: 'kafkajs 2.2.4',
  brokers: 'three',
  missing: async () => missingNpm() ?? (await missingKcat()),
  install: installNodeClients,
  checks: [
    ...roundTrips(NAME, program, {
      variants: [
        { codec: 'none' },
        { codec: 'gzip' },
        { codec: 'none', acks: 0 },
        { codec: 'none', acks: 1 },
        { codec: 'none', idempotent: true },
        { codec: 'gzip', idempotent: true },
      ],
      reads: false,
      headers: 'distinct',
    }),
    ...groupChecks(NAME, program, { protocols: ['classic'], headers: 'distinct' }),
  ],
}
