/** What an image of the metadata says, as text: equal for equal content, whatever order it was learned in. */
import type { MetadataImage } from '../metadata/image.js'

const texts = new WeakMap<MetadataImage, string>()

export function imageText(image: MetadataImage): string {
  let text = texts.get(image)
  if (text === undefined) texts.set(image, (text = JSON.stringify(image, inOrder)))
  return text
}

/** Everything that is in the image, without its offset: maps and objects by key. */
function inOrder(name: string, value: unknown): unknown {
  // The same topics as by id.
  if (name === 'topicsByName') return undefined
  if (value instanceof Map) return [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  if (value instanceof Set) return [...value].map(String).sort()
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
