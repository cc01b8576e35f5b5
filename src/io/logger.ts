/**
 * The logging port. Lines are data: fields first, then a short constant sentence. Who writes has a name, by which its level can be changed while
 * the process runs.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A logger whose every line carries these fields too. */
  child(fields: object): Logger
  /** The same under another name: one of `LOGGERS`. */
  named(name: LoggerName): Logger
  readonly levels: LogLevels
}

export type Severity = 'debug' | 'info' | 'warn' | 'error'

/** Kafka's levels, from the most to the least that is written. */
export const LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const ROOT_LOGGER = 'root'
/** Who writes lines; the others go by the level of the root as long as they have none of their own. */
export const LOGGERS = [
  ROOT_LOGGER,
  'lograft.broker',
  'lograft.controller',
  'lograft.network',
  'lograft.quorum',
  'lograft.storage',
] as const
export type LoggerName = (typeof LOGGERS)[number]

/** How much is written, by logger. */
export class LogLevels {
  #root: LogLevel
  readonly #own = new Map<LoggerName, LogLevel>()

  constructor(root: LogLevel) {
    this.#root = root
  }

  levelOf(name: LoggerName): LogLevel {
    return this.#own.get(name) ?? this.#root
  }

  /** Undefined: as the root has it, which itself always has one. */
  set(name: LoggerName, level: LogLevel | undefined): void {
    if (name !== ROOT_LOGGER) {
      if (level === undefined) this.#own.delete(name)
      else this.#own.set(name, level)
    } else if (level !== undefined) this.#root = level
  }

  shows(name: LoggerName, severity: Severity): boolean {
    return LOG_LEVELS.indexOf(this.levelOf(name)) <= LOG_LEVELS.indexOf(LEVEL_OF[severity])
  }
}

const LEVEL_OF: Readonly<Record<Severity, LogLevel>> = { debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' }

/** Leaves out what the levels do not show; how a line is written is the matter of the one that extends this. */
export abstract class LeveledLogger implements Logger {
  readonly levels: LogLevels
  readonly name: LoggerName

  constructor(levels: LogLevels, name: LoggerName) {
    this.levels = levels
    this.name = name
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message)
  }

  abstract child(fields: object): Logger
  abstract named(name: LoggerName): Logger
  protected abstract write(severity: Severity, fields: object, message: string): void

  #log(severity: Severity, fields: object, message: string): void {
    if (this.levels.shows(this.name, severity)) this.write(severity, fields, message)
  }
}
