/** The version of the package. */
import fs from 'node:fs'

const manifest = new URL('../../../package.json', import.meta.url)

export const VERSION = (JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string }).version
