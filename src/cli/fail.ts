/** Ends a command: one sentence for the person who typed it. */
export function fail(sentence: string): never {
  return end(sentence, 1)
}

/** The same, where the command line itself is wrong: nothing was tried. */
export function misuse(sentence: string): never {
  return end(sentence, 2)
}

function end(sentence: string, code: number): never {
  process.stderr.write(`lograft: ${sentence}\n`)
  process.exit(code)
}
