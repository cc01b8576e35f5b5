/** The logging port on pino: a JSON object a line. */
import { type Logger as Pino, pino } from 'pino'
import type { Severity } from '../logger.js'
import { LeveledLogger, type Logger, type LoggerName, type LogLevel, LogLevels, ROOT_LOGGER } from '../logger.js'

/** Written synchronously to standard error: the last lines before a crash are the ones that matter. */
export function nodeLogger(level: Severity): Logger {
  const destination = pino.destination({ dest: 2, sync: true })
  const writer = pino({ level: 'debug', base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  return new NodeLogger(new LogLevels(level.toUpperCase() as LogLevel), ROOT_LOGGER, writer)
}

class NodeLogger extends LeveledLogger {
  readonly #pino: Pino

  constructor(levels: LogLevels, name: LoggerName, writer: Pino) {
    super(levels, name)
    this.#pino = writer
  }

  child(fields: object): Logger {
    return new NodeLogger(this.levels, this.name, this.#pino.child(fields))
  }

  named(name: LoggerName): Logger {
    return new NodeLogger(this.levels, name, this.#pino.child({ logger: name }))
  }

  protected write(severity: Severity, fields: object, message: string): void {
    this.#pino[severity](fields, message)
  }
}
