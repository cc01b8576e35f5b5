/** The production ports, with a quiet logger that remembers what it was told. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LeveledLogger, type Logger, type LoggerName, LogLevels, ROOT_LOGGER, type Severity } from '../src/io/logger.js'
import { nodePorts as productionPorts } from '../src/io/node/ports.js'
import type { Ports } from '../src/io/ports.js'

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

export class MemoryLogger extends LeveledLogger {
  readonly lines: LogLine[]

  constructor(levels = new LogLevels('DEBUG'), name: LoggerName = ROOT_LOGGER, lines: LogLine[] = []) {
    super(levels, name)
    this.lines = lines
  }

  child(): Logger {
    return this
  }

  named(name: LoggerName): Logger {
    return new MemoryLogger(this.levels, name, this.lines)
  }

  protected write(level: Severity, fields: object, message: string): void {
    this.lines.push({ level, fields, message })
  }

  /** Messages of warnings and errors. */
  get complaints(): string[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message)
  }
}

export function nodePorts(): Ports & { readonly logger: MemoryLogger } {
  return { ...productionPorts('error'), logger: new MemoryLogger() }
}

/** A new, empty directory. */
export function temporaryDirectory(name: string): string {
  return fs.mkdtempSync(join(tmpdir(), `lograft-${name}-`))
}
