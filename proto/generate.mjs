// Writes src/metadata/schema.ts from proto/metadata.proto: `node proto/generate.mjs`. A test compares the two.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

const source = new URL('metadata.proto', import.meta.url)
const target = fileURLToPath(new URL('../src/metadata/schema.ts', import.meta.url))
const { root } = protobuf.parse(readFileSync(source, 'utf8'), { keepCase: false })

writeFileSync(
  target,
  `/** Made from proto/metadata.proto by proto/generate.mjs; not to be changed by hand. */
export const schema = ${JSON.stringify(root.toJSON())}
`,
)
