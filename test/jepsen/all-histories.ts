/** Every file of jepsen/histories that is not written by hand, by its name there. */
import { HistoryEncoder } from '../../src/check/history-file.js'
import { drawn } from './drawn-history.js'
import { SIMULATED, type Simulated } from './simulated-stories.js'
import { STORIES } from './stories.js'
import { told } from './told-history.js'

export function histories(): Map<string, string> {
  const files = new Map<string, string>()
  for (const [name, lines] of Object.entries(STORIES)) files.set(`${name}.jsonl`, textOf(told(lines)))
  files.set('drawn-valid.jsonl', textOf(drawn({ seed: 1, operations: 1_500 })))
  files.set('drawn-lost-write.jsonl', textOf(drawn({ seed: 1, operations: 300, planted: 'lost-write' })))
  files.set('drawn-duplicate.jsonl', textOf(drawn({ seed: 1, operations: 300, planted: 'duplicate' })))
  for (const [name, operations] of Object.entries(SIMULATED)) files.set(`${name}.jsonl`, arrays(operations))
  return files
}

function arrays({ operations, listed = [] }: Simulated): string {
  let text = ''
  const encoder = new HistoryEncoder((line) => {
    text += line
  })
  for (const each of operations) encoder.operation(each)
  for (const each of listed) encoder.listed(each)
  encoder.end()
  return text
}

/** A last line that is cut off has no end. */
function textOf(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('')
  return lines.at(-1)!.endsWith('}') ? text : text.slice(0, -1)
}
