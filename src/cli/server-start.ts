/** `lograft server-start`: with the arguments of kafka-server-start.sh. */
import type { CommandModule } from 'yargs'
import { isInBackground, startInBackground, tellStarter } from './background.js'
import { flag, texts } from './cluster-options.js'
import { misuse } from './fail.js'
import { registerInHome, tellThatItServes } from './home-server.js'
import { configOf } from './node-options.js'
import { runNode } from './run-node.js'

interface Options {
  readonly file: string | undefined
  readonly override: readonly string[] | undefined
  readonly daemon: boolean
}

export const serverStartCommand: CommandModule<object, Options> = {
  command: 'server-start [file]',
  describe: 'The same with the arguments of kafka-server-start.sh: a file, and -daemon',
  builder: (yargs) =>
    yargs
      .positional('file', {
        type: 'string',
        describe: "A file in the notation of Kafka's server.properties",
      })
      .option('override', { ...texts, describe: 'A setting, as key=value; goes before the file; may be repeated' })
      .option('daemon', {
        ...flag,
        describe: 'Also -daemon: end when it serves, and leave it running; what it says goes to lograft.out in LOG_DIR',
      })
      .example('$0 server-start config/server.properties', 'Until Ctrl-C')
      .example(
        '$0 server-start -daemon config/server.properties --override log.dirs=/var/lib/lograft',
        'In the background',
      ),
  handler: ({ file, override = [], daemon }) => {
    if (file === undefined) return misuse('server-start needs the path of a file of settings')
    const config = configOf({ config: file, typed: override, option: 'override' })
    if (daemon && !isInBackground()) startInBackground()
    else {
      registerInHome()
      const serves = (): void => {
        tellThatItServes(config.settings['node.id'])
        tellStarter('serves')
      }
      const waits = (): void => tellStarter('runs, and waits for the controllers of its cluster,')
      runNode(config, { serves, waits })
    }
  },
}
