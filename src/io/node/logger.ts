/** The logging port on pino: a JSON object a line. */
import { type Logger as Pino, pino } from 'pino'
import type { Logger } from '../logger.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Written synchronously to standard error: the last lines before a crash are the ones that matter. */
export function nodeLogger(level: LogLevel): Logger {
  const destination = pino.destination({ dest: 2, sync: true })
  return new NodeLogger(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination))
}

class NodeLogger implements Logger {
  readonly #pino: Pino

  constructor(logger: Pino) {
    this.#pino = logger
  }

  debug(fields: object, message: string): void {
    this.#pino.debug(fields, message)
  }

  info(fields: object, message: string): void {
    this.#pino.info(fields, message)
  }

  warn(fields: object, message: string): void {
    this.#pino.warn(fields, message)
  }

  error(fields: object, message: string): void {
    this.#pino.error(fields, message)
  }

  child(fields: object): Logger {
    return new NodeLogger(this.#pino.child(fields))
  }
}
