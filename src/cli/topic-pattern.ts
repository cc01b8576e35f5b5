/** Topics by a regular expression for the whole name, as Kafka's tools take it; a comma stands for "or". */
import { misuse } from './fail.js'

export function topicPattern(text: string): RegExp {
  const source = text
    .trim()
    .replace(/^["']|["']$/g, '')
    .replaceAll(',', '|')
  try {
    return new RegExp(`^(?:${source})$`)
  } catch {
    return misuse(`--topic ${text} is no name and no regular expression`)
  }
}
