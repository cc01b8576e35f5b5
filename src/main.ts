#!/usr/bin/env node
/** The command line: finds the command, runs it. */
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { simCommand } from './cli/sim.js'
import { startCommand } from './cli/start.js'
import { VERSION } from './cli/version.js'
import { wireCommand } from './cli/wire.js'

await yargs(hideBin(process.argv))
  .scriptName('lograft')
  .usage('$0 <command> [options]')
  .command(startCommand)
  .command(simCommand)
  .command(wireCommand)
  .demandCommand(1, 'say what to do: one of the commands above')
  .strict()
  .version(VERSION)
  .help()
  .wrap(110)
  .fail((message, error, instance) => {
    if (error !== undefined) throw error
    process.stderr.write(`${instance.help()}\n\nlograft: ${message}\n`)
    process.exit(2)
  })
  .parseAsync()
