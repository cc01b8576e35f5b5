/**
 * `lograft kafka-home`: a directory that looks like an installation of Kafka, with its scripts and files: for instructions and test fixtures that start
 * "Kafka" from there.
 */
import fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandModule } from 'yargs'
import { text } from './cluster-options.js'
import { fail, misuse } from './fail.js'
import { KAFKA_COMMANDS } from './kafka-home/script-names.js'
import { SERVER_STOP, toolScript, ZOOKEEPER_SHELL, ZOOKEEPER_STOP } from './kafka-home/scripts.js'
import { CLIENT_PROPERTIES, serverProperties, ZOOKEEPER_PROPERTIES } from './kafka-home/settings.js'

interface Options {
  readonly directory: string | undefined
  readonly 'kafka-version': string
}

/** The release whose protocol is spoken; fixtures read it from the name of a file. */
const KAFKA_VERSION = '4.3.1'

const EXECUTABLE = 0o755
const READABLE = 0o644

export const kafkaHomeCommand: CommandModule<object, Options> = {
  command: 'kafka-home [directory]',
  describe: 'Write a directory that looks like an installation of Kafka: bin/kafka-*.sh, config, libs',
  builder: (yargs) =>
    yargs
      .positional('directory', { type: 'string', describe: 'Where; it may be there already' })
      .option('kafka-version', { ...text, default: KAFKA_VERSION, describe: 'The version that it says it is' })
      .example(
        '$0 kafka-home /opt/kafka',
        'And then: /opt/kafka/bin/kafka-server-start.sh /opt/kafka/config/server.properties',
      ),
  handler: ({ directory, 'kafka-version': version }) => {
    if (directory === undefined) return misuse('kafka-home needs to be told where: lograft kafka-home DIRECTORY')
    if (!/^\d+(?:\.\d+){1,3}$/.test(version))
      misuse(`--kafka-version ${version} is not allowed: it must be as ${KAFKA_VERSION}`)
    const home = resolve(directory)
    try {
      for (const [path, content] of kafkaHome(home, version)) write(join(home, path), content)
    } catch (error) {
      fail(`cannot write the directory: ${(error as Error).message}`)
    }
    const start = `${join(home, 'bin', 'kafka-server-start.sh')} ${join(home, 'config', 'server.properties')}`
    process.stdout.write(`${home} looks like Kafka ${version} now. This starts a broker:\n\n    ${start}\n`)
  },
}

/** Paths below `home`, with what stands in them. */
function kafkaHome(home: string, version: string): Map<string, string> {
  const program = { node: process.execPath, main: fileURLToPath(new URL('../main.js', import.meta.url)) }
  const tools = KAFKA_COMMANDS.map((name) => (name.startsWith('zookeeper-') ? `${name}.sh` : `kafka-${name}.sh`))
  const settings = serverProperties(join(home, 'data'))
  return new Map([
    ...[...tools, 'kafka-run-class.sh'].map((name) => [`bin/${name}`, toolScript(name, program)] as const),
    ['bin/kafka-server-stop.sh', SERVER_STOP],
    ['bin/zookeeper-server-stop.sh', ZOOKEEPER_STOP],
    ['bin/zookeeper-shell.sh', ZOOKEEPER_SHELL],
    ['config/server.properties', settings],
    ['config/kraft/server.properties', settings],
    ['config/zookeeper.properties', ZOOKEEPER_PROPERTIES],
    ['config/producer.properties', CLIENT_PROPERTIES],
    ['config/consumer.properties', CLIENT_PROPERTIES],
    [`libs/kafka_2.13-${version}.jar`, ''],
    [`libs/kafka-clients-${version}.jar`, ''],
  ])
}

/** What somebody has written into a file of settings stays. */
function write(path: string, content: string): void {
  const isScript = path.endsWith('.sh')
  if (path.endsWith('.properties') && fs.existsSync(path)) return
  fs.mkdirSync(dirname(path), { recursive: true })
  fs.writeFileSync(path, content, { mode: isScript ? EXECUTABLE : READABLE })
  if (isScript) fs.chmodSync(path, EXECUTABLE)
}
