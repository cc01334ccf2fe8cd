/**
 * The bytes of a pack: a file to which records are only ever added.
 *
 * A pack is a header of 32 bytes and records one after the other, each at a multiple of 8 bytes: a header of 112
 * bytes, the content, zeros up to the next multiple. All numbers are little-endian.
 *
 *     pack header                          record header
 *      0  u32  magic 'OPAK'                 0  u32  magic 'OREC'
 *      4  u32  version 1                    4  u8   kind: 1 object, 2 deletion, 3 seal
 *      8  u64  pack id, random              5  u8   1: the next record belongs to the same batch
 *     16  12 zero bytes                     6  u8   length of the name
 *     28  u32  crc32c of the bytes before   8  u64  pack id
 *                                          16  u64  bytes of content
 *                                          24  u64  synced: bytes of this pack that were durable before this record
 *                                          32  u32  crc32c of the content
 *                                          36  64 bytes of name, then zeros
 *                                         108  u32  crc32c of the bytes before
 *
 * Records name their pack's id so that none of another pack, which an object may well hold as content, is taken for
 * one of this. What `synced` says tells damage from a torn end: nothing below it was ever still to be written.
 */
import { crc32c } from './crc32c.js'

export const PACK_HEADER_BYTES = 32
export const RECORD_HEADER_BYTES = 112
const ALIGNMENT_BYTES = 8

const PACK_MAGIC = 0x4b41504f
export const RECORD_MAGIC = 0x4345524f
const VERSION = 1
const NAME_OFFSET = 36
const PACK_CHECKSUM_OFFSET = 28
const RECORD_CHECKSUM_OFFSET = 108
const KINDS = ['object', 'deletion', 'seal'] as const

/**
 * An object; the removal of objects, whose names are its content; or the mark that all before it is durable, with
 * which every pack but the last one ends.
 */
export type RecordKind = (typeof KINDS)[number]

export interface RecordHeader {
  readonly kind: RecordKind
  /** Of an object; else empty. */
  readonly name: string
  readonly contentBytes: number
  readonly contentChecksum: number
  readonly syncedBytes: number
  /** The next record belongs to the same batch: both count, or neither. */
  readonly continues: boolean
}

/** Bytes of a record with this much content. */
export function recordBytes(contentBytes: number): number {
  return RECORD_HEADER_BYTES + Math.ceil(contentBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
}

export function newPackId(): bigint {
  const [id = 0n] = crypto.getRandomValues(new BigUint64Array(1))
  return id
}

export function encodePackHeader(packId: bigint): Uint8Array {
  const bytes = new Uint8Array(PACK_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, PACK_MAGIC, true)
  view.setUint32(4, VERSION, true)
  view.setBigUint64(8, packId, true)
  view.setUint32(PACK_CHECKSUM_OFFSET, crc32c(bytes.subarray(0, PACK_CHECKSUM_OFFSET)), true)
  return bytes
}

/** The pack's id; `null` for bytes that are no pack header; a version for one that this code does not know. */
export function decodePackHeader(bytes: Uint8Array): bigint | { readonly version: number } | null {
  if (bytes.byteLength < PACK_HEADER_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== PACK_MAGIC) return null
  const checksum = crc32c(bytes.subarray(0, PACK_CHECKSUM_OFFSET))
  if (view.getUint32(PACK_CHECKSUM_OFFSET, true) !== checksum) return null
  const version = view.getUint32(4, true)
  return version === VERSION ? view.getBigUint64(8, true) : { version }
}

export function encodeRecordHeader(header: RecordHeader, packId: bigint): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, RECORD_MAGIC, true)
  view.setUint8(4, KINDS.indexOf(header.kind) + 1)
  view.setUint8(5, header.continues ? 1 : 0)
  view.setUint8(6, header.name.length)
  view.setBigUint64(8, packId, true)
  view.setBigUint64(16, BigInt(header.contentBytes), true)
  view.setBigUint64(24, BigInt(header.syncedBytes), true)
  view.setUint32(32, header.contentChecksum, true)
  // Names are ASCII: `checkObjectName` has seen to that.
  bytes.set(new TextEncoder().encode(header.name), NAME_OFFSET)
  view.setUint32(RECORD_CHECKSUM_OFFSET, crc32c(bytes.subarray(0, RECORD_CHECKSUM_OFFSET)), true)
  return bytes
}

/** The header at the beginning of `bytes`, or `null` when no record of the pack begins there. */
export function decodeRecordHeader(bytes: Uint8Array, packId: bigint): RecordHeader | null {
  if (bytes.byteLength < RECORD_HEADER_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== RECORD_MAGIC || view.getBigUint64(8, true) !== packId) return null
  const checksum = crc32c(bytes.subarray(0, RECORD_CHECKSUM_OFFSET))
  if (view.getUint32(RECORD_CHECKSUM_OFFSET, true) !== checksum) return null
  const kind = KINDS[view.getUint8(4) - 1]
  if (kind === undefined) return null
  const name = bytes.subarray(NAME_OFFSET, NAME_OFFSET + view.getUint8(6))
  return {
    kind,
    name: new TextDecoder().decode(name),
    contentBytes: Number(view.getBigUint64(16, true)),
    contentChecksum: view.getUint32(32, true),
    syncedBytes: Number(view.getBigUint64(24, true)),
    continues: view.getUint8(5) === 1,
  }
}

/** The content of a deletion: names hold no line ends. */
export function encodeNames(names: readonly string[]): Uint8Array {
  return new TextEncoder().encode(names.join('\n'))
}

export function decodeNames(content: Uint8Array): string[] {
  return new TextDecoder().decode(content).split('\n')
}
