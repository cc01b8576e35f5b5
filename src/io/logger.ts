/** The logging port. Lines are data: fields first, then a short constant sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A logger whose every line carries these fields too. */
  child(fields: object): Logger
}
