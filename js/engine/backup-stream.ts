/**
 * The bytes of a backup (docs/file-format.md, "Backup stream"): written chunk by chunk, and read from chunks of any size.
 *
 * A reader trusts nothing before the end mark, whose checksum covers every byte, was reached. Not here: what the objects
 * hold; the engine that loads them checks that.
 */
import { crc32c } from '../../storage/crc32c.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import type { NamedObject } from '../wasm/core-engine.js'

const MAGIC = 0x4b42_4d4f // "OMBK"
const VERSION = 1
const HEADER_BYTES = 16
const RECORD_BYTES = 16
const CHECKSUM_BYTES = 4
const HEAD = 1
const OBJECT = 2
const END = 3
/** As the storage contract has it. */
const NAME_BYTES_MAX = 64
const CONTENT_BYTES_MAX = 2 ** 31

export class BackupWriter {
  #crc = 0

  /** The beginning of the stream. */
  head(head: Uint8Array): Uint8Array<ArrayBuffer> {
    const chunk = new Uint8Array(HEADER_BYTES + RECORD_BYTES + head.length)
    const view = new DataView(chunk.buffer)
    view.setUint32(0, MAGIC, true)
    view.setUint16(4, VERSION, true)
    view.setUint32(12, crc32c(chunk.subarray(0, 12)), true)
    writeRecord(chunk.subarray(HEADER_BYTES), HEAD, '', head)
    return this.#covered(chunk)
  }

  object({ name, bytes }: NamedObject): Uint8Array<ArrayBuffer> {
    const chunk = new Uint8Array(RECORD_BYTES + name.length + bytes.length)
    writeRecord(chunk, OBJECT, name, bytes)
    return this.#covered(chunk)
  }

  end(): Uint8Array<ArrayBuffer> {
    const chunk = new Uint8Array(RECORD_BYTES + CHECKSUM_BYTES)
    writeRecord(chunk, END, '', new Uint8Array(CHECKSUM_BYTES))
    this.#covered(chunk.subarray(0, RECORD_BYTES))
    new DataView(chunk.buffer).setUint32(RECORD_BYTES, this.#crc, true)
    return chunk
  }

  #covered<T extends Uint8Array>(bytes: T): T {
    this.#crc = crc32c(bytes, this.#crc)
    return bytes
  }
}

/** Names are ASCII. */
function writeRecord(target: Uint8Array, kind: number, name: string, content: Uint8Array): void {
  const view = new DataView(target.buffer, target.byteOffset)
  view.setUint32(0, kind, true)
  view.setUint32(4, name.length, true)
  view.setBigUint64(8, BigInt(content.length), true)
  for (let i = 0; i < name.length; i += 1) target[RECORD_BYTES + i] = name.charCodeAt(i)
  target.set(content, RECORD_BYTES + name.length)
}

export interface BackupVisitor {
  /** Comes first. The bytes given are valid during the call only. */
  head(bytes: Uint8Array): void
  object(object: { readonly name: string; readonly bytes: Uint8Array }): void
}

/** Reads a stream as it comes. `CORRUPTION`, `UNSUPPORTED_VERSION`. */
export class BackupReader {
  readonly #visitor: BackupVisitor
  /** Bytes that are not read yet: `#bytes` from `#start` to `#end`. */
  #bytes = new Uint8Array(1 << 16)
  #start = 0
  #end = 0
  /** Of all bytes read. */
  #crc = 0
  /** Bytes read: where in the stream the next one is. */
  #offset = 0
  #state: 'header' | 'head' | 'objects' | 'ended' = 'header'

  constructor(visitor: BackupVisitor) {
    this.#visitor = visitor
  }

  push(chunk: Uint8Array): void {
    this.#append(chunk)
    while (this.#state === 'header' ? this.#readHeader() : this.#readRecord());
  }

  /** After the last chunk. */
  finish(): void {
    if (this.#state === 'ended' && this.#start === this.#end) return
    const found = this.#state === 'ended' ? 'more bytes' : 'the end of the stream'
    throw this.#damage(this.#state === 'ended' ? 'nothing after the end mark' : 'an end mark', found)
  }

  #readHeader(): boolean {
    if (this.#end - this.#start < HEADER_BYTES) return false
    const view = this.#view()
    const crc = crc32c(this.#bytes.subarray(this.#start, this.#start + 12))
    if (view.getUint32(0, true) !== MAGIC) throw this.#damage('a backup of OmenDB', 'something else')
    if (view.getUint32(12, true) !== crc) throw this.#damage('the header’s checksum', 'another one')
    const version = view.getUint16(4, true)
    if (version !== VERSION) {
      throw errorFromCode(
        'UNSUPPORTED_VERSION',
        `the backup has version ${version}; this OmenDB reads version ${VERSION}`,
      )
    }
    if (view.getUint16(6, true) !== 0 || view.getUint32(8, true) !== 0)
      throw this.#damage('reserved bytes of 0', 'others')
    this.#take(HEADER_BYTES)
    this.#state = 'head'
    return true
  }

  /** False when the record is not whole yet. */
  #readRecord(): boolean {
    const size = this.#end - this.#start
    if (size > 0 && this.#state === 'ended') this.finish()
    if (size < RECORD_BYTES) return false
    const view = this.#view()
    const kind = view.getUint32(0, true)
    const nameBytes = view.getUint32(4, true)
    const contentBytes = Number(view.getBigUint64(8, true))
    const isExpected = this.#state === 'head' ? kind === HEAD : kind === OBJECT || kind === END
    const isSound = kind === OBJECT ? nameBytes > 0 && nameBytes <= NAME_BYTES_MAX : nameBytes === 0
    const fits = kind === END ? contentBytes === CHECKSUM_BYTES : contentBytes <= CONTENT_BYTES_MAX
    if (!isExpected || !isSound || !fits) {
      throw this.#damage('a record', `kind ${kind}, a name of ${nameBytes} and ${contentBytes} bytes`)
    }
    if (size < RECORD_BYTES + nameBytes + contentBytes) return false
    const header = this.#take(RECORD_BYTES)
    const crc = this.#crc
    const name = String.fromCharCode(...this.#take(nameBytes))
    const content = this.#take(contentBytes)
    if (kind === HEAD) {
      this.#state = 'objects'
      this.#visitor.head(content)
    } else if (kind === OBJECT) {
      this.#visitor.object({ name, bytes: content })
    } else {
      const stored = new DataView(header.buffer, content.byteOffset).getUint32(0, true)
      if (stored !== crc) throw this.#damage(`the checksum ${crc}`, String(stored))
      this.#state = 'ended'
    }
    return true
  }

  #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#start)
  }

  #take(size: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#start, this.#start + size)
    this.#crc = crc32c(bytes, this.#crc)
    this.#start += size
    this.#offset += size
    return bytes
  }

  #append(chunk: Uint8Array): void {
    const size = this.#end - this.#start
    if (this.#end + chunk.length > this.#bytes.length) {
      const needed = size + chunk.length
      const target =
        needed > this.#bytes.length ? new Uint8Array(Math.max(needed, 2 * this.#bytes.length)) : this.#bytes
      target.set(this.#bytes.subarray(this.#start, this.#end))
      this.#bytes = target
      this.#start = 0
      this.#end = size
    }
    this.#bytes.set(chunk, this.#end)
    this.#end += chunk.length
  }

  #damage(expected: string, found: string): OmenError {
    return errorFromCode(
      'CORRUPTION',
      `the backup is damaged or cut off at offset ${this.#offset}: expected ${expected}, found ${found}`,
    )
  }
}
