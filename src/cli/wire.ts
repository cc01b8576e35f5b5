/** `lograft wire`: Kafka's bytes to JSON and back, line by line: to look at captured frames, and to compare with other implementations. */
import { once } from 'node:events'
import fs from 'node:fs'
import type { CommandModule } from 'yargs'
import { fail } from './fail.js'

interface WireOptions {
  readonly direction: 'decode' | 'encode'
  readonly file: string | undefined
}

export const wireCommand: CommandModule<object, WireOptions> = {
  command: 'wire <direction> [file]',
  describe: "Turn messages of Kafka's protocol into JSON, and JSON into messages",
  builder: (yargs) =>
    yargs
      .positional('direction', {
        choices: ['decode', 'encode'] as const,
        demandOption: true,
        describe: 'From {api, kind, version, hex} to {json}, or from {api, kind, version, json} to {hex}',
      })
      .positional('file', { type: 'string', describe: 'Where the lines are; default: standard input' })
      .example(
        `echo '{"api":"Heartbeat","kind":"request","version":4,"hex":"02670000000102610000"}' | $0 wire decode`,
        'One line of JSON for each',
      )
      .epilogue(
        'kind is request, response, header, record or batch (without api and version). What is not possible is answered by {error}.',
      ),
  handler: ({ direction, file }) => run(direction, file),
}

async function run(direction: WireOptions['direction'], file: string | undefined): Promise<void> {
  // All messages there are: other commands start without them.
  const { answerLine } = await import('./wire-codec.js')
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read has seen enough.
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    for await (const line of linesOf(file === undefined ? process.stdin : fs.createReadStream(file))) {
      if (line.trim() === '') continue
      const answer = JSON.stringify(answerLine(direction, line))
      if (!process.stdout.write(`${answer}\n`)) await once(process.stdout, 'drain')
    }
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    fail(`cannot read the lines: ${error.message}`)
  }
}

/** Not by `node:readline`, for which U+2028 ends a line, which JSON allows inside a text. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  input.setEncoding('utf8')
  let pieces: string[] = []
  for await (const chunk of input) {
    const [first, ...others] = (chunk as string).split('\n')
    pieces.push(first!)
    for (const next of others) {
      yield pieces.join('')
      pieces = [next]
    }
  }
  yield pieces.join('')
}
