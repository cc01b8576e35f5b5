/** Every file of jepsen/histories that is not written by hand, by its name there. */
import { STORIES } from './stories.js'
import { told } from './told-history.js'

export function histories(): Map<string, string> {
  const files = new Map<string, string>()
  for (const [name, lines] of Object.entries(STORIES)) files.set(`${name}.jsonl`, textOf(told(lines)))
  return files
}

/** A last line that is cut off has no end. */
function textOf(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('')
  return lines.at(-1)!.endsWith('}') ? text : text.slice(0, -1)
}
