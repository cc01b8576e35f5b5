/** The production ports, with a quiet logger that remembers what it was told. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../src/io/logger.js'
import { nodePorts as productionPorts } from '../src/io/node/ports.js'
import type { Ports } from '../src/io/ports.js'

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

export class MemoryLogger implements Logger {
  readonly lines: LogLine[] = []

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message })
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message })
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message })
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message })
  }

  child(): Logger {
    return this
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
