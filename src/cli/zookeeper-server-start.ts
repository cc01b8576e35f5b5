/** `lograft zookeeper-server-start`: for scripts that begin with it. There is nothing to start, which is no failure. */
import type { CommandModule } from 'yargs'

const EXPLANATION = `There is no ZooKeeper to start, and none is needed: the controllers keep the metadata themselves.
Start the broker at once: lograft start, or kafka-server-start.sh with its file.
`

interface Options {
  readonly file: string | undefined
}

export const zookeeperServerStartCommand: CommandModule<object, Options> = {
  command: 'zookeeper-server-start [file]',
  describe: 'Say what is there instead of ZooKeeper, and start nothing',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', describe: 'Not looked at' })
      .option('daemon', { type: 'boolean', hidden: true }),
  handler: () => {
    process.stdout.write(EXPLANATION)
  },
}
