/**
 * The checks of a client that is a library: a small program in its language writes and reads the suite's records through the library's own
 * API. What it wrote is read by itself, where it can read without a group, and by kcat.
 */
import type { Check, Context } from './client.js'
import { type Command, run } from './external.js'
import { missingKcat, readWhenThere } from './kcat-tool.js'
import { compareRecords, type Headers, makeRecords, PARTITIONS, readRecords, writeRecords } from './records.js'

const PROGRAM_LIMIT_MS = 90_000

/** One way to write. */
export interface Variant {
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly acks?: 0 | 1
  readonly idempotent?: true
}

/** What the client can do. */
export interface Ability {
  readonly variants: readonly Variant[]
  /** Without a group. */
  readonly reads: boolean
  readonly headers?: Headers
}

/** How the client's program is called; the arguments of the task follow. */
export type Program = () => Pick<Command, 'command' | 'args' | 'directory'>

/**
 * A program is called as `write BOOTSTRAP TOPIC FILE PARTITIONS CODEC ACKS plain|idempotent`, and then creates the topic, and as
 * `read BOOTSTRAP TOPIC FILE COUNT`; the files are of `writeRecords`.
 */
export async function call(program: Program, ...args: readonly string[]): Promise<void> {
  const start = program()
  await run({ ...start, args: [...start.args, ...args], limitMs: PROGRAM_LIMIT_MS })
}

export function roundTrips(client: string, program: Program, { variants, reads, headers }: Ability): Check[] {
  return variants.flatMap((variant): Check[] => {
    const { codec, acks, idempotent } = variant
    const name = [idempotent && 'idempotent', codec, acks !== undefined && `acks ${acks}`].filter(Boolean).join(' ')
    const topic = `${client}.${name.replaceAll(' ', '-')}`
    const sent = makeRecords(topic, headers)
    let written = false
    const write = async ({ bootstrap, file }: Context): Promise<void> => {
      const path = file(`${topic}.sent`)
      writeRecords(path, sent)
      const how = [codec, String(acks ?? 'all'), idempotent ? 'idempotent' : 'plain']
      await call(program, 'write', bootstrap, topic, path, String(PARTITIONS), ...how)
      written = true
    }
    const readItself = async ({ bootstrap, file }: Context): Promise<string> => {
      const path = file(`${topic}.read`)
      await call(program, 'read', bootstrap, topic, path, String(sent.length))
      return compareRecords(sent, readRecords(path))
    }
    const readByKcat = async ({ bootstrap }: Context): Promise<string> => {
      if (!written) throw new Error('it was not written')
      return compareRecords(sent, await readWhenThere(bootstrap, topic, sent.length))
    }
    const kcatReads: Check = { name: `${name}, read by kcat`, missing: missingKcat, run: readByKcat }
    if (!reads) {
      return [{ ...kcatReads, run: async (context) => write(context).then(() => readByKcat(context)) }]
    }
    return [{ name, run: async (context) => write(context).then(() => readItself(context)) }, kcatReads]
  })
}
