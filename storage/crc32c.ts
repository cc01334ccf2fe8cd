/** CRC-32C (Castagnoli), eight bytes at a time: what stores without checksums of their own are checked by. */
const TABLES = makeTables()
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** The checksum of `bytes`; given that of what stands before them, of both together. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES
  const end = bytes.byteLength
  let crc = ~before
  let i = 0
  const byByte = (until: number): void => {
    for (; i < until; i++) crc = t0[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  }
  if (IS_LITTLE_ENDIAN) {
    // Up to where words are aligned.
    byByte(Math.min(end, (4 - (bytes.byteOffset & 3)) & 3))
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + i, ((end - i) >>> 3) << 1)
    for (let w = 0; w < words.length; w += 2) {
      const low = crc ^ words[w]!
      const high = words[w + 1]!
      crc =
        t7[low & 0xff]! ^
        t6[(low >>> 8) & 0xff]! ^
        t5[(low >>> 16) & 0xff]! ^
        t4[low >>> 24]! ^
        t3[high & 0xff]! ^
        t2[(high >>> 8) & 0xff]! ^
        t1[(high >>> 16) & 0xff]! ^
        t0[high >>> 24]!
    }
    i += words.length * 4
  }
  byByte(end)
  return ~crc >>> 0
}

type Tables = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

function makeTables(): Tables {
  const table = (): Int32Array => new Int32Array(256)
  const tables: Tables = [table(), table(), table(), table(), table(), table(), table(), table()]
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    tables[0][i] = crc
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const before = tables[t - 1]![i]!
      tables[t]![i] = tables[0][before & 0xff]! ^ (before >>> 8)
    }
  }
  return tables
}
