/** franz-go, the client written in Go: idempotent by default, every codec. */
import { join } from 'node:path'
import { type Client, cachePath, installOnce, sourcePath } from './client.js'
import { probe, run } from './external.js'
import { roundTrips } from './round-trips.js'

const NAME = 'franz-go'
const OLDEST_GO = 26
const SOURCE = sourcePath(NAME)

function missing(): string | undefined {
  const version = probe('go', 'version')
  if (version === undefined) return 'no go'
  const minor = Number(/go1\.(\d+)/.exec(version)?.[1])
  return minor >= OLDEST_GO ? undefined : `go 1.${minor}, and the library needs 1.${OLDEST_GO}`
}

async function install(): Promise<void> {
  const files = ['go.mod', 'go.sum', 'main.go'].map((file) => join(SOURCE, file))
  await installOnce(NAME, { files, runtime: probe('go', 'version') ?? '' }, async (path) => {
    await run({
      command: 'go',
      args: ['build', '-mod=readonly', '-o', join(path, 'client'), '.'],
      directory: SOURCE,
      env: { GOTOOLCHAIN: 'local', GOWORK: 'off' },
      limitMs: 300_000,
    })
  })
}

export const franzGo: Client = {
  name: NAME,
  about: 'franz-go 1.22.2',
  missing,
  install,
  fetchesInSessions: true,
  checks: roundTrips(NAME, () => ({ command: cachePath(NAME, 'client'), args: [] }), {
    variants: [
      { codec: 'none', idempotent: true },
      { codec: 'gzip', idempotent: true },
      { codec: 'snappy', idempotent: true },
      { codec: 'lz4', idempotent: true },
      { codec: 'zstd', idempotent: true },
      { codec: 'none', acks: 0 },
      { codec: 'none', acks: 1 },
    ],
    reads: true,
  }),
}
