/** @platformatic/kafka: of its first major version, because the second needs Node 22. zstd is not in the zlib of Node 20. */
import zlib from 'node:zlib'
import type { Client } from './client.js'
import { groupChecks } from './group-round-trips.js'
import { installNodeClients, missingNpm, nodeProgram } from './node-clients.js'
import { roundTrips, type Variant } from './round-trips.js'

const zstd: Variant[] = 'zstdCompressSync' in zlib ? [{ codec: 'zstd' }] : []

const NAME = 'platformatic'
const program = nodeProgram('platformatic.mjs')

export const platformatic: Client = {
  name: NAME,
  about: '@platformatic/kafka 1.35.0',
  brokers: 'three',
  missing: missingNpm,
  install: installNodeClients,
  checks: [
    ...roundTrips(NAME, program, {
      variants: [
        { codec: 'none' },
        { codec: 'gzip' },
        { codec: 'snappy' },
        { codec: 'lz4' },
        ...zstd,
        { codec: 'none', acks: 0 },
        { codec: 'none', acks: 1 },
        { codec: 'none', idempotent: true },
        { codec: 'lz4', idempotent: true },
      ],
      reads: true,
    }),
    ...groupChecks(NAME, program, { protocols: ['classic', 'consumer'] }),
  ],
}
