/**
 * UUIDs as Kafka prints them: 16 bytes in base64url without padding, 22 characters. As strings they serve as map keys.
 */
export type Uuid = string

export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const ONE_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ'

export function uuidFromBytes(bytes: Uint8Array): Uuid {
  return Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('base64url')
}

export function uuidToBytes(uuid: Uuid): Buffer {
  return Buffer.from(uuid, 'base64url')
}

/** Whether the text is a UUID in canonical form (the unused low bits of the last character are zero). */
export function isUuid(text: string): boolean {
  if (text.length !== 22) return false
  const bytes = uuidToBytes(text)
  return bytes.length === 16 && bytes.toString('base64url') === text
}

/**
 * A random (version 4) UUID from a source of random bytes. Like Kafka's: never one of the reserved ids, and never one
 * whose text begins with a dash, which command lines would take for an option.
 */
export function randomUuid(random: { bytes(length: number): Uint8Array }): Uuid {
  for (;;) {
    const bytes = random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const uuid = uuidFromBytes(bytes)
    if (uuid !== ZERO_UUID && uuid !== ONE_UUID && !uuid.startsWith('-')) return uuid
  }
}
