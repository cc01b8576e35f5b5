/** Lines of bytes from a stream: whatever is not a line's end belongs to a line, in any encoding. */
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Without their ends, `\n` or `\r\n`. A last line needs no end. */
export async function* lines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      yield trimmed(Buffer.concat([...pieces, chunk.subarray(from, end)]))
      pieces = []
      from = end + 1
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from))
  }
  if (pieces.length > 0) yield trimmed(Buffer.concat(pieces))
}

function trimmed(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}
