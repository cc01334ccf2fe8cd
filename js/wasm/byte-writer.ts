/** A byte buffer that grows: where ids and metadata gather before their total size is known. */

const encoder = new TextEncoder()
const LONE_SURROGATE = /\p{Surrogate}/u

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #size = 0

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  /** A view of what was written, valid until the next write. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size)
  }

  /** Forgets what was written and keeps the memory. */
  clear(): void {
    this.#size = 0
  }

  writeByte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#size] = value
    this.#size += 1
  }

  writeUint32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#size, value, true)
    this.#size += 4
  }

  writeInt64(value: bigint): void {
    this.#reserve(8)
    this.#view.setBigInt64(this.#size, value, true)
    this.#size += 8
  }

  /** Writes UTF-8 and returns its size in bytes, or `null`, having written nothing, for a lone surrogate. */
  writeText(text: string): number | null {
    const { length } = text
    this.#reserve(length)
    const bytes = this.#bytes
    let at = this.#size
    // Most texts are short and ASCII; for those a loop beats the encoder.
    let i = 0
    for (; i < length; i += 1, at += 1) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) break
      bytes[at] = unit
    }
    if (i < length) {
      if (LONE_SURROGATE.test(text)) return null
      // A UTF-16 unit takes at most 3 bytes of UTF-8.
      this.#reserve(3 * length)
      at = this.#size + encoder.encodeInto(text, this.#bytes.subarray(this.#size)).written
    }
    const size = at - this.#size
    this.#size = at
    return size
  }

  #reserve(size: number): void {
    const needed = this.#size + size
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
