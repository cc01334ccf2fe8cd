/** CRC-32C (Castagnoli), eight bytes at a time: what stores without checksums of their own are checked by. */

/** Eight tables of 256 words; views rather than arrays, because an index beyond a view is an error. */
const TABLES = makeTables()
const TABLE_BYTES = 1024

/** The checksum of `bytes`; given that of what stands before them, of both together. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = bytes.byteLength
  let crc = ~before
  let i = 0
  for (; i + 8 <= end; i += 8) {
    const low = crc ^ view.getUint32(i, true)
    const high = view.getUint32(i + 4, true)
    crc =
      entry(7, low & 0xff) ^
      entry(6, (low >>> 8) & 0xff) ^
      entry(5, (low >>> 16) & 0xff) ^
      entry(4, low >>> 24) ^
      entry(3, high & 0xff) ^
      entry(2, (high >>> 8) & 0xff) ^
      entry(1, (high >>> 16) & 0xff) ^
      entry(0, high >>> 24)
  }
  for (; i < end; i++) crc = entry(0, (crc ^ view.getUint8(i)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

function entry(table: number, index: number): number {
  return TABLES.getInt32(table * TABLE_BYTES + index * 4, true)
}

function makeTables(): DataView {
  const tables = new DataView(new ArrayBuffer(8 * 1024))
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    tables.setInt32(i * 4, crc, true)
  }
  for (let i = 256; i < 8 * 256; i++) {
    const before = tables.getInt32((i - 256) * 4, true)
    tables.setInt32(i * 4, tables.getInt32((before & 0xff) * 4, true) ^ (before >>> 8), true)
  }
  return tables
}
