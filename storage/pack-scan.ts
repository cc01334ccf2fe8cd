/** Reads a pack from its bytes: what is in it, where it ends, and whether it is damaged. */
import { CorruptionError, UnsupportedVersionError } from '../js/errors/omen-error.js'
import { crc32c } from './crc32c.js'
import {
  decodeNames,
  decodePackHeader,
  decodeRecordHeader,
  PACK_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  recordBytes,
  type RecordHeader,
} from './pack-format.js'

/** A file that can be read in parts. */
export interface ReadableFile {
  size(): Promise<number>
  /** The bytes of `[start, end)`, or fewer where the file ends before. */
  read(start: number, end: number): Promise<Uint8Array>
}

export interface StoredObject {
  readonly kind: 'object'
  readonly name: string
  /** Where the content begins in the pack. */
  readonly contentStart: number
  readonly sizeBytes: number
  readonly checksum: number
}

export interface StoredDeletion {
  readonly kind: 'deletion'
  readonly names: readonly string[]
}

/** What records of a pack say, in the order in which they were written. */
export type PackEntry = StoredObject | StoredDeletion

export interface PackScan {
  readonly packId: bigint
  readonly entries: readonly PackEntry[]
  /** Where the last whole batch ends: what follows was never acknowledged. */
  readonly endBytes: number
  /** Whether a seal is the last thing in the file: everything in it is durable. */
  readonly isSealed: boolean
}

interface Record {
  readonly header: RecordHeader
  readonly start: number
  readonly end: number
}

interface Walked {
  readonly records: readonly Record[]
  /** Where the walk ended: the end of the file, or the first thing that is no whole record. */
  readonly end: number
}

/** Headers are read in blocks of this size: many fit one, and where contents lie between them little is read in vain. */
const READ_AHEAD_BYTES = 16 * 1024
const SEARCH_BLOCK_BYTES = 1024 * 1024

/**
 * Scans a pack. The last one may end with what was being written when the writer ended: that is left out, and
 * `endBytes` says where it begins. `null` for a last pack whose creation was not finished, and for any whose removal was
 * not: Firefox takes a file's content away before its name, and killed in between it leaves an empty file. (A sealed
 * pack that lost all its content otherwise looks the same, as it would if its name were lost.) Everything else that is not as it was
 * written is `CORRUPTION`, as far as headers tell; contents are checked only where they may be torn. `known` is an
 * earlier scan of the same file, which has only grown since unless its id is another one.
 */
export async function scanPack(
  file: ReadableFile,
  label: string,
  { isLast, known = null }: { isLast: boolean; known?: PackScan | null },
): Promise<PackScan | null> {
  const sizeBytes = await file.size()
  const packId = decodePackHeader(await file.read(0, PACK_HEADER_BYTES))
  if (packId === null) {
    // The header is made durable before the first record is written.
    if (sizeBytes === 0 || (isLast && sizeBytes <= PACK_HEADER_BYTES)) return null
    throw new CorruptionError(`${label}, offset 0: expected a pack header`)
  }
  if (typeof packId !== 'bigint') {
    throw new UnsupportedVersionError(`${label} has version ${packId.version}, this OmenDB knows 1`)
  }
  const before = known?.packId === packId && known.endBytes <= sizeBytes ? known : null
  const startBytes = before?.endBytes ?? PACK_HEADER_BYTES
  const walked = await walk(file, packId, startBytes, sizeBytes)
  if (walked.end < sizeBytes && !isLast) {
    throw new CorruptionError(`${label}, offset ${walked.end}: expected a record`)
  }
  let syncedBytes = walked.records.reduce((most, { header }) => Math.max(most, header.syncedBytes), 0)
  if (walked.end < sizeBytes) {
    syncedBytes = Math.max(syncedBytes, await findSyncedBytes(file, packId, walked.end, sizeBytes))
  }
  if (syncedBytes > walked.end) {
    throw new CorruptionError(
      `${label}, offset ${walked.end}: expected a record; up to ${syncedBytes} everything had been stored`,
    )
  }
  const records = wholeBatches(await wholeRecords(file, walked.records, syncedBytes))
  const endBytes = records.at(-1)?.end ?? startBytes
  const endsWithSeal = records.length > 0 ? records.at(-1)?.header.kind === 'seal' : before?.isSealed === true
  const isSealed = endBytes === sizeBytes && endsWithSeal
  if (!isLast && !isSealed) {
    throw new CorruptionError(
      `${label}, offset ${endBytes}: expected the pack's seal, found ${sizeBytes} bytes`,
    )
  }
  const entries = await readEntries(file, records, label)
  return { packId, entries: before === null ? entries : before.entries.concat(entries), endBytes, isSealed }
}

/** Follows the records from the first one on, by their headers alone. */
async function walk(
  file: ReadableFile,
  packId: bigint,
  startBytes: number,
  sizeBytes: number,
): Promise<Walked> {
  const records: Record[] = []
  let block = new Uint8Array(0)
  let blockStart = 0
  let start = startBytes
  while (start + RECORD_HEADER_BYTES <= sizeBytes) {
    if (start < blockStart || start + RECORD_HEADER_BYTES > blockStart + block.byteLength) {
      block = new Uint8Array(await file.read(start, Math.min(start + READ_AHEAD_BYTES, sizeBytes)))
      blockStart = start
    }
    const header = decodeRecordHeader(block.subarray(start - blockStart), packId)
    if (header === null) break
    const end = start + recordBytes(header.contentBytes)
    if (end > sizeBytes) break
    records.push({ header, start, end })
    start = end
  }
  return { records, end: start }
}

/** The furthest that any record after `start` says was durable. */
async function findSyncedBytes(
  file: ReadableFile,
  packId: bigint,
  start: number,
  sizeBytes: number,
): Promise<number> {
  let most = 0
  for (let blockStart = start; blockStart < sizeBytes; blockStart += SEARCH_BLOCK_BYTES) {
    const blockEnd = Math.min(blockStart + SEARCH_BLOCK_BYTES + RECORD_HEADER_BYTES, sizeBytes)
    const block = await file.read(blockStart, blockEnd)
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
    for (let i = 0; i < SEARCH_BLOCK_BYTES && i + RECORD_HEADER_BYTES <= block.byteLength; i += 8) {
      if (view.getUint32(i, true) !== RECORD_MAGIC) continue
      const header = decodeRecordHeader(block.subarray(i, i + RECORD_HEADER_BYTES), packId)
      if (header !== null) most = Math.max(most, header.syncedBytes)
    }
  }
  return most
}

/** The records up to the first whose content is not what its header says; below `syncedBytes` none is torn. */
async function wholeRecords(
  file: ReadableFile,
  records: readonly Record[],
  syncedBytes: number,
): Promise<readonly Record[]> {
  for (const [i, { header, start, end }] of records.entries()) {
    if (end <= syncedBytes) continue
    if (
      (await checksumOf(file, start + RECORD_HEADER_BYTES, header.contentBytes)) !== header.contentChecksum
    ) {
      return records.slice(0, i)
    }
  }
  return records
}

async function checksumOf(file: ReadableFile, start: number, sizeBytes: number): Promise<number> {
  let checksum = 0
  for (let done = 0; done < sizeBytes; done += SEARCH_BLOCK_BYTES) {
    const end = start + Math.min(done + SEARCH_BLOCK_BYTES, sizeBytes)
    checksum = crc32c(await file.read(start + done, end), checksum)
  }
  return checksum
}

/** Without a last batch of which the end is missing. */
function wholeBatches(records: readonly Record[]): readonly Record[] {
  const last = records.findLastIndex(({ header }) => !header.continues)
  return records.slice(0, last + 1)
}

async function readEntries(
  file: ReadableFile,
  records: readonly Record[],
  label: string,
): Promise<PackEntry[]> {
  const entries: PackEntry[] = []
  for (const { header, start } of records) {
    const contentStart = start + RECORD_HEADER_BYTES
    if (header.kind === 'object') {
      const { name, contentBytes: sizeBytes, contentChecksum: checksum } = header
      entries.push({ kind: 'object', name, contentStart, sizeBytes, checksum })
    } else if (header.kind === 'deletion') {
      const content = await file.read(contentStart, contentStart + header.contentBytes)
      if (crc32c(content) !== header.contentChecksum) {
        throw new CorruptionError(`${label}, offset ${contentStart}: expected the names of deleted objects`)
      }
      entries.push({ kind: 'deletion', names: decodeNames(content) })
    }
  }
  return entries
}
