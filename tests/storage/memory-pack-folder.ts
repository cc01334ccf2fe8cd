import { QuotaExceededError } from '../../js/errors/omen-error.js'
import type { AppendFile, PackFolder } from '../../storage/pack-log.js'
import type { PackSnapshots } from '../../storage/pack-reader.js'
import type { ReadableFile } from '../../storage/pack-scan.js'

/**
 * Packs in memory, with room for `roomBytes`, that remember how far each was flushed: what a machine that loses power
 * is sure to keep.
 */
export class MemoryPackFolder implements PackFolder, PackSnapshots {
  readonly files = new Map<number, Uint8Array>()
  readonly flushedBytes = new Map<number, number>()
  roomBytes = Number.POSITIVE_INFINITY
  /** Rejects the next flush with this. */
  flushError: Error | null = null

  /** Another folder with these files. */
  static of(files: ReadonlyMap<number, Uint8Array>): MemoryPackFolder {
    const folder = new MemoryPackFolder()
    for (const [number, bytes] of files) {
      folder.files.set(number, bytes.slice())
      folder.flushedBytes.set(number, bytes.byteLength)
    }
    return folder
  }

  get usedBytes(): number {
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0)
  }

  async list(): Promise<number[]> {
    return [...this.files.keys()]
  }

  async create(number: number): Promise<AppendFile> {
    if (!this.files.has(number)) this.files.set(number, new Uint8Array(0))
    return this.open(number)
  }

  async open(number: number): Promise<AppendFile> {
    this.#bytes(number)
    return {
      ...this.#readable(() => this.#bytes(number)),
      write: async (bytes, at) => {
        const before = this.#bytes(number)
        const grown = Math.max(0, at + bytes.byteLength - before.byteLength)
        // A disk that is full takes a part first.
        const taken = Math.min(bytes.byteLength, bytes.byteLength - grown + this.#freeBytes())
        const after = new Uint8Array(Math.max(before.byteLength, at + taken))
        after.set(before)
        after.set(bytes.subarray(0, taken), at)
        this.files.set(number, after)
        if (taken < bytes.byteLength) throw new QuotaExceededError('the memory is full')
      },
      truncate: async (sizeBytes) => {
        const before = this.#bytes(number)
        const after = new Uint8Array(sizeBytes)
        after.set(before.subarray(0, sizeBytes))
        this.files.set(number, after)
        this.flushedBytes.set(number, Math.min(sizeBytes, this.flushedBytes.get(number) ?? 0))
      },
      flush: async () => {
        const { flushError } = this
        this.flushError = null
        if (flushError !== null) throw flushError
        this.flushedBytes.set(number, this.#bytes(number).byteLength)
      },
    }
  }

  async remove(number: number): Promise<void> {
    this.files.delete(number)
  }

  async snapshot(number: number): Promise<ReadableFile> {
    const bytes = this.#bytes(number).slice()
    return this.#readable(() => bytes)
  }

  #readable(current: () => Uint8Array): ReadableFile {
    return {
      size: async () => current().byteLength,
      read: async (start, end) => current().slice(start, end),
    }
  }

  #bytes(number: number): Uint8Array {
    const bytes = this.files.get(number)
    if (bytes === undefined) throw new Error(`there is no pack ${number}`)
    return bytes
  }

  #freeBytes(): number {
    return Math.max(0, this.roomBytes - this.usedBytes)
  }
}
