import { CorruptionError, LimitExceededError } from '../js/errors/omen-error.js'
import { crc32c } from './crc32c.js'
import type { AppendFile } from './pack-log.js'
import type { ReadableFile } from './pack-scan.js'

/** A head and its place. */
export interface SlottedHead {
  readonly bytes: Uint8Array
  /** Rises by one with each replacement, from 1; its lowest bit says in which slot. */
  readonly counter: number
}

const SLOT_BYTES = 64 * 1024
const SLOT_COUNT = 2
const HEADER_BYTES = 24
const MAGIC = 0x4445484f
const VERSION = 1

/*
 * A file of two slots of 64 KiB, written in turn, so that a write which is cut off leaves the other one:
 *
 *      0  u32  magic 'OHED'
 *      4  u32  version 1
 *      8  u64  counter
 *     16  u32  bytes of the head
 *     20  u32  crc32c of all bytes before and of the head
 *     24  the head
 */

/** The head that counts; null when none was ever written whole. Damage that leaves none is `CORRUPTION`. */
export async function readHeadSlots(file: ReadableFile): Promise<SlottedHead | null> {
  const bytes = await file.read(0, SLOT_BYTES * SLOT_COUNT)
  const slots = [bytes.subarray(0, SLOT_BYTES), bytes.subarray(SLOT_BYTES)]
  const heads = slots.flatMap((slot) => decodeSlot(slot) ?? [])
  if (heads.length > 0) return heads.reduce((a, b) => (a.counter > b.counter ? a : b))
  // The counter begins at 1, in the second slot: while the first is empty, nothing was ever acknowledged.
  if (slots.some((slot) => slot.every((byte) => byte === 0))) return null
  throw new CorruptionError('the file of the head: expected one of two slots to be whole, found none')
}

/** Makes room for all heads to come, so that replacing one never needs more; to be called for an empty file. */
export async function prepareHeadSlots(file: AppendFile): Promise<void> {
  if ((await file.size()) < SLOT_BYTES * SLOT_COUNT) await file.truncate(SLOT_BYTES * SLOT_COUNT)
}

/** Writes `bytes` over the older slot, durably. */
export async function writeHeadSlot(
  file: AppendFile,
  current: SlottedHead | null,
  bytes: Uint8Array,
): Promise<SlottedHead> {
  const mostBytes = SLOT_BYTES - HEADER_BYTES
  if (bytes.byteLength > mostBytes) {
    throw new LimitExceededError(`a head has at most ${mostBytes} bytes here, got ${bytes.byteLength}`)
  }
  const counter = (current?.counter ?? 0) + 1
  const slot = new Uint8Array(HEADER_BYTES + bytes.byteLength)
  const view = new DataView(slot.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, VERSION, true)
  view.setBigUint64(8, BigInt(counter), true)
  view.setUint32(16, bytes.byteLength, true)
  slot.set(bytes, HEADER_BYTES)
  view.setUint32(20, slotChecksum(slot), true)
  await file.write(slot, (counter % SLOT_COUNT) * SLOT_BYTES)
  await file.flush()
  return { bytes: bytes.slice(), counter }
}

function decodeSlot(slot: Uint8Array): SlottedHead | null {
  if (slot.byteLength < HEADER_BYTES) return null
  const view = new DataView(slot.buffer, slot.byteOffset, slot.byteLength)
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return null
  const end = HEADER_BYTES + view.getUint32(16, true)
  if (end > slot.byteLength || view.getUint32(20, true) !== slotChecksum(slot.subarray(0, end))) return null
  return { bytes: slot.slice(HEADER_BYTES, end), counter: Number(view.getBigUint64(8, true)) }
}

function slotChecksum(slot: Uint8Array): number {
  return crc32c(slot.subarray(HEADER_BYTES), crc32c(slot.subarray(0, 20)))
}
