/** `lograft start`: one node in this process, until it is told to stop. */
import type { CommandModule } from 'yargs'
import { configOf } from './node-options.js'
import { runNode } from './run-node.js'

interface StartOptions {
  readonly config: string | undefined
  readonly data: string | undefined
  readonly port: string | undefined
  readonly set: readonly string[]
}

export const startCommand: CommandModule<object, StartOptions> = {
  command: 'start',
  describe: 'Run a node: broker and controller in one process, with nothing to set up',
  builder: (yargs) =>
    yargs
      .option('config', {
        type: 'string',
        requiresArg: true,
        describe: "A file in the notation of Kafka's server.properties",
      })
      .option('data', {
        type: 'string',
        requiresArg: true,
        describe: 'Where the data is kept (log.dirs); default: ./data',
      })
      .option('port', {
        type: 'string',
        requiresArg: true,
        describe: 'The port for clients, 0: any free one; default: as in the file, else 9092',
      })
      .option('set', {
        type: 'string',
        array: true,
        default: [],
        requiresArg: true,
        describe: 'A setting, as key=value; goes before the file',
      })
      .example('$0 start', 'A broker on localhost:9092, data in ./data')
      .example('$0 start --data /var/lib/lograft --port 19092', 'Elsewhere')
      .example('$0 start --config server.properties --set num.partitions=6', 'With a file of Kafka settings'),
  handler: ({ config, data, port, set }) => runNode(configOf({ config, data, port, typed: set, option: 'set' })),
}
