/** Times as Java's SimpleDateFormat writes them, for the letters that such tools use: yyyy MM dd HH mm ss SSS, and text in quotes. */

const PARTS: Readonly<Record<string, (time: Date) => number>> = {
  y: (time) => time.getFullYear(),
  M: (time) => time.getMonth() + 1,
  d: (time) => time.getDate(),
  H: (time) => time.getHours(),
  m: (time) => time.getMinutes(),
  s: (time) => time.getSeconds(),
  S: (time) => time.getMilliseconds(),
}

export type DateFormat = (wallMs: number) => string

/** In the time zone of the process. Undefined: the pattern has letters that are not known here. */
export function dateFormat(pattern: string): DateFormat | undefined {
  const pieces = pattern.match(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+/g) ?? []
  if (pieces.join('') !== pattern) return undefined
  const writers = pieces.map((piece): ((time: Date) => string) | undefined => {
    if (piece.startsWith("'")) {
      const text = piece === "''" ? "'" : piece.slice(1, -1).replaceAll("''", "'")
      return () => text
    }
    if (!/^[A-Za-z]/.test(piece)) return () => piece
    const part = PARTS[piece[0]!]
    if (part === undefined) return undefined
    const isShortYear = piece === 'yy'
    return (time) => String(isShortYear ? part(time) % 100 : part(time)).padStart(piece.length, '0')
  })
  if (writers.includes(undefined)) return undefined
  return (wallMs) => {
    const time = new Date(wallMs)
    return writers.map((write) => write!(time)).join('')
  }
}
