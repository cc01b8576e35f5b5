/** The command line of a runner: told to people with `--help`, and refused in one sentence where it is not understood. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>
type Config<T extends Options> = { args: string[]; options: T; allowPositionals: true }
export type CommandLine<T extends Options> = ReturnType<typeof parseArgs<Config<T>>>

/** What to write, and the exit code: 0 where help was asked for, 2 for what is not understood. */
export class CommandLineEnd {
  readonly exitCode: 0 | 2
  readonly text: string

  constructor(exitCode: 0 | 2, text: string) {
    this.exitCode = exitCode
    this.text = text
  }
}

export function parseCommandLine<const T extends Options>(
  words: readonly string[],
  usage: string,
  options: T,
): CommandLine<T> | CommandLineEnd {
  if (words.includes('--help')) return new CommandLineEnd(0, usage)
  try {
    return parseArgs<Config<T>>({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS_') !== true) throw error
    // Node explains further what a dash in front of an argument means.
    const [sentence] = message.split(/\. |\n/)
    return new CommandLineEnd(2, `${sentence}; --help says what there is`)
  }
}

/** Of this process, which ends here where there is nothing to run. */
export function commandLine<const T extends Options>(usage: string, options: T): CommandLine<T> {
  const parsed = parseCommandLine(process.argv.slice(2), usage, options)
  if (!(parsed instanceof CommandLineEnd)) return parsed
  process[parsed.exitCode === 0 ? 'stdout' : 'stderr'].write(`${parsed.text}\n`)
  process.exit(parsed.exitCode)
}
