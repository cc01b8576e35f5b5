/** Ends a command: one sentence for the person who typed it. */
export function fail(sentence: string): never {
  process.stderr.write(`lograft: ${sentence}\n`)
  process.exit(1)
}
