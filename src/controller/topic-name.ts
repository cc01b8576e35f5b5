/** What a topic may be called: the name is also that of a directory and part of metric names. */
const LONGEST_NAME = 249

/** A sentence if the name is not allowed. */
export function invalidTopicName(name: string): string | undefined {
  if (name === '') return 'a topic name must not be empty'
  if (name === '.' || name === '..') return `a topic must not be called ${name}`
  if (name.length > LONGEST_NAME)
    return `a topic name has at most ${LONGEST_NAME} characters, this one has ${name.length}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return 'a topic name is made of ASCII letters, digits, ".", "_" and "-"'
  return undefined
}

/** Metric names write both "." and "_" as "_": two topics that differ in nothing else would share theirs. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
