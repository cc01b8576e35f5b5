/** A rolling 64-bit hash of a run: two lanes of 32 bits, each step a multiply and a rotation. Finds differences, not forgers. */
export class RunHash {
  #a = 0x9e3779b9
  #b = 0x85ebca6b
  readonly #texts = new Map<string, number>()
  readonly #float = new Float64Array(1)
  readonly #words = new Uint32Array(this.#float.buffer)

  word(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193)
    this.#b = Math.imul((this.#b << 13) | (this.#b >>> 19), 5) + (this.#a ^ value)
    this.#b |= 0
  }

  number(value: number): void {
    this.#float[0] = value
    this.word(this.#words[0]!)
    this.word(this.#words[1]!)
  }

  text(value: string): void {
    let hash = this.#texts.get(value)
    if (hash === undefined) {
      hash = 0x811c9dc5
      for (let at = 0; at < value.length; at++) hash = Math.imul(hash ^ value.charCodeAt(at), 0x01000193)
      if (this.#texts.size < 10_000) this.#texts.set(value, hash)
    }
    this.word(hash)
  }

  bytes(value: Uint8Array): void {
    let hash = value.length
    for (let at = 0; at < value.length; at++) hash = Math.imul(hash ^ value[at]!, 0x01000193)
    this.word(hash)
  }

  /** 16 hexadecimal digits. */
  get value(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0')
    return hex(this.#a) + hex(this.#b)
  }
}
