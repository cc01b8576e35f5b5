/**
 * Java's `.properties` notation, in which Kafka's configuration files are written: `key=value`, `key: value` or `key value`, comments
 * with `#` or `!`, a backslash at the end of a line continues it, `\uXXXX` and the usual escapes.
 */
export interface Property {
  readonly key: string
  readonly value: string
  /** Where it began, from 1. */
  readonly line: number
}

/** All entries in order; a key may stand several times (the last one counts). */
export function parseProperties(text: string): Property[] {
  const properties: Property[] = []
  const lines = text.split(/\r\n|\r|\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1
    let logical = lines[at]!.trimStart()
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue
    while (endsInContinuation(logical)) {
      logical = logical.slice(0, -1)
      if (at + 1 >= lines.length) break
      logical += lines[++at]!.trimStart()
    }
    const { key, rest } = splitKey(logical)
    properties.push({ key: unescaped(key), value: unescaped(rest), line })
  }
  return properties
}

function endsInContinuation(line: string): boolean {
  let backslashes = 0
  for (let at = line.length - 1; at >= 0 && line[at] === '\\'; at--) backslashes++
  return backslashes % 2 === 1
}

/** The key ends at the first unescaped `=`, `:` or blank; one separator and the blanks around it go. */
function splitKey(line: string): { key: string; rest: string } {
  let at = 0
  while (at < line.length && !/[=:\s]/.test(line[at]!)) at += line[at] === '\\' ? 2 : 1
  const key = line.slice(0, at)
  const rest = line.slice(at).replace(/^\s*[=:]?\s*/, '')
  return { key, rest }
}

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)?/gs, (_, escaped: string | undefined) => {
    if (escaped === undefined) return ''
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    const special: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' }
    return special[escaped] ?? escaped
  })
}
