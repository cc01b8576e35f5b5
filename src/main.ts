#!/usr/bin/env node
/** The command line: finds the command, runs it. */
import { basename } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { COMMANDS, commandLine } from './cli/commands.js'
import { misuse } from './cli/fail.js'
import { usageSentence } from './cli/usage.js'
import { VERSION } from './cli/version.js'

const given = hideBin(process.argv)
const { command: found, args } = commandLine(basename(process.argv[1] ?? ''), given)

const parser = yargs([...args])
  .scriptName('lograft')
  .usage('$0 <command> [options]')
for (const each of COMMANDS) {
  if (each === found) parser.command(await each.load())
  else parser.command(each.name, each.describe)
}
/** What the command has declared; yargs has no type for the question. `array`: what may stand several times. */
const declared = (): { readonly key: object; readonly array: readonly string[] } =>
  (parser as unknown as { getOptions(): ReturnType<typeof declared> }).getOptions()

await parser
  .demandCommand(1, 'say what to do')
  .strict()
  .check((options) => {
    const twice = Object.keys(options).find(
      (key) => key !== '_' && Array.isArray(options[key]) && !declared().array.includes(key),
    )
    if (twice === undefined) return true
    throw new Error(`--${twice} is given more than once`)
  })
  .parserConfiguration({ 'dot-notation': false, 'camel-case-expansion': false, 'boolean-negation': false })
  .version(VERSION)
  .help()
  .wrap(110)
  .fail((message, error, instance) => {
    // yargs gives no message with an error that a command threw.
    if (!message) throw error
    if (args.length === 0) {
      process.stderr.write(`${instance.help()}\n\n`)
      misuse(`${message}: one of the commands above`)
    }
    const commands = COMMANDS.map(({ name }) => name)
    misuse(
      usageSentence(message, { command: found?.name, commands, options: Object.keys(declared().key), words: given }),
    )
  })
  .parseAsync()
