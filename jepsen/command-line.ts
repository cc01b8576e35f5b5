/**
 * The command line of a runner, of the suite here and of tests and benchmarks: told to people with `--help`, and refused in one sentence, with exit code 2, where it is not
 * understood. Nothing is begun then.
 */
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
    return refusal(sentence!)
  }
}

/** Of this process, which ends here where there is nothing to run. */
export function commandLine<const T extends Options>(usage: string, options: T): CommandLine<T> {
  const parsed = parseCommandLine(process.argv.slice(2), usage, options)
  return parsed instanceof CommandLineEnd ? end(parsed) : parsed
}

/** The same for who takes nothing but options: their values. */
export function optionsOnly<const T extends Options>(usage: string, options: T): CommandLine<T>['values'] {
  const { values, positionals } = commandLine(usage, options)
  if (positionals.length > 0) refuse(`${positionals.join(' ')}: only options are understood`)
  return values
}

/** Of an option of this process. */
export function wholeNumber(option: string, text: string, least: number): number {
  const number = numeric(text)
  return Number.isSafeInteger(number) && number >= least
    ? number
    : notAllowed(option, text, `a whole number from ${least} on`)
}

/** Of an option of this process: not beyond these. */
export function numberWithin(option: string, text: string, least: number, most: number): number {
  const number = numeric(text)
  return number >= least && number <= most ? number : notAllowed(option, text, `a number from ${least} to ${most}`)
}

export function notAllowed(option: string, text: string, must: string): never {
  return refuse(`--${option} ${text} is not allowed: it must be ${must}`)
}

/** Ends this process: its command line is wrong, and nothing was tried. */
export function refuse(sentence: string): never {
  return end(refusal(sentence))
}

/** Nothing is no number, whatever `Number` says. */
function numeric(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function refusal(sentence: string): CommandLineEnd {
  return new CommandLineEnd(2, `${sentence}; --help says what there is`)
}

function end({ exitCode, text }: CommandLineEnd): never {
  process[exitCode === 0 ? 'stdout' : 'stderr'].write(`${text}\n`)
  process.exit(exitCode)
}
