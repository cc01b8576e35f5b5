/** Who is told to stop, by SIGINT or SIGTERM, first leaves the group; told again, it ends at once. */
export interface StopSignals {
  /** What a shell reports of a program that a signal has ended; undefined: nobody has said stop. */
  readonly exitCode: number | undefined
}

export function stopSignals(stop: () => void): StopSignals {
  const signals: { exitCode: number | undefined } = { exitCode: undefined }
  const told = (exitCode: number) => () => {
    if (signals.exitCode !== undefined) process.exit(exitCode)
    signals.exitCode = exitCode
    stop()
  }
  process.on('SIGINT', told(130))
  process.on('SIGTERM', told(143))
  return signals
}
