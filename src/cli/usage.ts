/** What a command line that cannot be understood is answered: one sentence, made of what yargs says in several lines. */
import { nearest } from '../base/nearest.js'

export interface Usage {
  /** The command that was found; undefined: none. */
  readonly command: string | undefined
  readonly commands: readonly string[]
  /** The names of all options of the command. */
  readonly options: readonly string[]
  /** As typed. */
  readonly words: readonly string[]
}

export function usageSentence(message: string, usage: Usage): string {
  const { command } = usage
  return `${sentence(message, usage)} (see lograft ${command === undefined ? '' : `${command} `}--help)`
}

function sentence(message: string, { command, commands, options, words }: Usage): string {
  const unknown = /^Unknown (?:argument|command)s?: (.+)$/.exec(message)?.[1]?.split(', ')[0]
  if (unknown !== undefined) {
    if (words.includes(unknown)) {
      if (command === undefined) return `${unknown} is not a command${meant(unknown, commands, '')}`
      return `${command} does not take ${unknown}`
    }
    const flag = `${unknown.length === 1 ? '-' : '--'}${unknown}`
    return `${command ?? 'lograft'} has no option ${flag}${meant(unknown, options, '--')}`
  }
  const [, name, given, choices] = /Argument: (\S+), Given: (.+), Choices: (.+)/.exec(message) ?? []
  if (name !== undefined) {
    const flag = words.some((word) => word.startsWith(`--${name}`)) ? `--${name} ` : ''
    return `${flag}${unquoted(given!)} is not allowed: it must be one of ${unquoted(choices!)}`
  }
  const missing = /^Missing required arguments?: (.+)$/.exec(message)?.[1]?.split(', ')
  if (missing !== undefined) return `${command} needs ${missing.map((each) => `--${each}`).join(' and ')}`
  if (message.startsWith('Not enough non-option arguments')) return `${command} needs to be told what to do`
  const empty = /^Not enough arguments following: (.+)$/.exec(message)?.[1]
  if (empty !== undefined) return `--${empty} needs a value`
  return message.trim().replace(/\s*\n\s*/g, ' ')
}

function meant(unknown: string, known: readonly string[], prefix: string): string {
  const found = unknown.length < 2 ? undefined : nearest(unknown, known)
  return found === undefined ? '' : `; did you mean ${prefix}${found}?`
}

function unquoted(text: string): string {
  return text.replaceAll('"', '')
}
