/**
 * Row batches and id lists: the bytes in which rows cross into the engine and come back
 * (docs/file-format.md, "Id list", "Row batch", "Answers").
 *
 * Encoding is strict: whatever could not come back as it was given is refused here, with the row it
 * stands in. Not here: whether values are finite, norms, duplicates and dimensions of the collection;
 * the core checks those, on every path.
 */
import { errorFromCode } from '../errors/omen-error.js'
import { ByteWriter } from './byte-writer.js'
import { checkJson } from './json-value.js'
import {
  arraysOf,
  isStoredArray,
  narrow,
  type StoredArray,
  storedBytes,
  unitOf,
  VECTOR_TYPES,
  vectorBytes,
  vectorLength,
  type VectorType,
} from './vector-types.js'

/** A string of 1..1,024 UTF-8 bytes, a safe integer, or a bigint of 64 bits (signed). */
export type RowId = string | number | bigint

/** Rows as they are given: arrays of one length. Values are checked while they are encoded. */
export interface RowSource {
  /** Numbers per row. */
  readonly dimensions: number
  /** Of the collection; `float32` when absent. */
  readonly vectorType?: VectorType
  readonly ids: readonly unknown[]
  /** All vectors in one array of floats, or of the type, row-major; or one vector per row. */
  readonly vectors: StoredArray | readonly unknown[]
  /** One per row, `undefined` where a row has none; absent when no row has any. */
  readonly metadata?: readonly unknown[] | undefined
}

export interface EncodedRows {
  /** One row batch, alone in its buffer, so that it can be transferred. */
  readonly batch: Uint8Array<ArrayBuffer>
  /** The row after the last one encoded. */
  readonly end: number
}

/** Rows as they come back. */
export interface DecodedRows {
  readonly ids: RowId[]
  /** JSON text parsed, `undefined` where a row has none; absent when the batch carries no metadata. */
  readonly metadata?: unknown[]
  /** `ids.length * dimensions` floats, row-major: a view of the answer; absent when the batch carries none. */
  readonly vectors?: Float32Array<ArrayBuffer>
  readonly dimensions: number
}

export interface SearchAnswer {
  /** Hits of each query; they stand one after the other in `distances` and `rows`, nearest first. */
  readonly hitCounts: Uint32Array<ArrayBuffer>
  readonly distances: Float32Array<ArrayBuffer>
  readonly rows: DecodedRows
}

export interface GetAnswer {
  /** One per id that was asked for: 1 when the row is there. `rows` holds only those, in order. */
  readonly present: Uint8Array<ArrayBuffer>
  readonly rows: DecodedRows
}

export interface ListAnswer {
  /** 0n: no more. */
  readonly nextCursor: bigint
  readonly rows: DecodedRows
}

/** UTF-8 bytes of a string id. */
export const ID_BYTES_MAX = 1024
/** UTF-8 bytes of one row's metadata as JSON. */
export const METADATA_BYTES_MAX = 1 << 20

const KIND_NUMBER = 0
const KIND_BIGINT = 1
const KIND_STRING = 2
const INTEGER_ID_BYTES = 9
const ROW_BATCH_HEADER_BYTES = 32
const TWO_POW_32 = 4294967296

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Encodes rows from `start` on, until the batch holds about `bytesTarget` bytes or the rows are at an
 * end; at least one row. `INVALID_ARGUMENT`, `DIMENSION_MISMATCH` or `LIMIT_EXCEEDED`, naming the row.
 */
export function encodeRowBatch(source: RowSource, start: number, bytesTarget: number): EncodedRows {
  const { dimensions, ids, metadata } = source
  const type = source.vectorType ?? 'float32'
  const rowBytes = vectorBytes(type, dimensions)
  const idBytes = new ByteWriter()
  const idEnds: number[] = []
  const jsonBytes = new ByteWriter()
  const jsonEnds: number[] = []
  let end = start
  let size = ROW_BATCH_HEADER_BYTES
  while (end < ids.length && (end === start || size < bytesTarget)) {
    writeId(idBytes, ids[end], end)
    idEnds.push(idBytes.size)
    if (metadata !== undefined) {
      writeMetadata(jsonBytes, metadata[end], end)
      jsonEnds.push(jsonBytes.size)
    }
    end += 1
    size = ROW_BATCH_HEADER_BYTES + idBytes.size + jsonBytes.size + (end - start) * (rowBytes + 8)
  }

  const count = end - start
  const hasMetadata = jsonBytes.size > 0
  const idListBytes = blobListSize(count, idBytes.size)
  const metadataListBytes = hasMetadata ? blobListSize(count, jsonBytes.size) : 0
  const vectorsAt = roundUp(ROW_BATCH_HEADER_BYTES + idListBytes + metadataListBytes, 16)
  const batch = allocate(vectorsAt + count * rowBytes)
  const header = new DataView(batch.buffer)
  header.setUint32(0, count, true)
  header.setUint32(4, dimensions, true)
  header.setUint32(8, idListBytes, true)
  header.setUint32(12, metadataListBytes, true)
  header.setUint32(16, VECTOR_TYPES.indexOf(type), true)
  writeBlobList(batch, ROW_BATCH_HEADER_BYTES, idEnds, idBytes)
  if (hasMetadata) writeBlobList(batch, ROW_BATCH_HEADER_BYTES + idListBytes, jsonEnds, jsonBytes)
  writeVectors(batch.subarray(vectorsAt), source, type, start, end)
  return { batch, end }
}

/** Encodes ids, alone in their buffer. `INVALID_ARGUMENT` or `LIMIT_EXCEEDED`, naming the position. */
export function encodeIdList(ids: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter()
  const ends: number[] = []
  for (let i = 0; i < ids.length; i += 1) {
    writeId(writer, ids[i], i)
    ends.push(writer.size)
  }
  const list = allocate(blobListSize(ids.length, writer.size))
  writeBlobList(list, 0, ends, writer)
  return list
}

export function decodeSearchAnswer(answer: Uint8Array<ArrayBuffer>): SearchAnswer {
  const view = viewOf(answer)
  const queryCount = view.getUint32(0, true)
  const hitCount = view.getUint32(4, true)
  const hitCounts = words(answer, 8, queryCount, Uint32Array)
  const distancesAt = 8 + 4 * queryCount
  const distances = words(answer, distancesAt, hitCount, Float32Array)
  return { hitCounts, distances, rows: decodeRows(answer, roundUp(distancesAt + 4 * hitCount, 16)) }
}

export function decodeGetAnswer(answer: Uint8Array<ArrayBuffer>): GetAnswer {
  const count = viewOf(answer).getUint32(0, true)
  return { present: answer.subarray(4, 4 + count), rows: decodeRows(answer, roundUp(4 + count, 16)) }
}

export function decodeListAnswer(answer: Uint8Array<ArrayBuffer>): ListAnswer {
  return { nextCursor: viewOf(answer).getBigUint64(0, true), rows: decodeRows(answer, 16) }
}

/** The row batch that begins at `offset` of an answer. */
export function decodeRows(bytes: Uint8Array<ArrayBuffer>, offset = 0): DecodedRows {
  const view = viewOf(bytes)
  const count = view.getUint32(offset, true)
  const dimensions = view.getUint32(offset + 4, true)
  const idListBytes = view.getUint32(offset + 8, true)
  const metadataListBytes = view.getUint32(offset + 12, true)
  const idListAt = offset + ROW_BATCH_HEADER_BYTES
  const metadataAt = idListAt + idListBytes
  const vectorsAt = offset + roundUp(ROW_BATCH_HEADER_BYTES + idListBytes + metadataListBytes, 16)
  return {
    ids: decodeIds(bytes, view, idListAt, count),
    ...(metadataListBytes > 0 && { metadata: decodeMetadata(bytes, view, metadataAt, count) }),
    ...(dimensions > 0 && { vectors: words(bytes, vectorsAt, count * dimensions, Float32Array) }),
    dimensions,
  }
}

// ---- Writing ---------------------------------------------------------------------------------------

function writeId(writer: ByteWriter, id: unknown, row: number): void {
  if (typeof id === 'string') writeStringId(writer, id, row)
  else if (typeof id === 'number') writeNumberId(writer, id, row)
  else if (typeof id === 'bigint') writeBigintId(writer, id, row)
  else throw invalid(row, `an id is ${describe(id)}; expected a string, a safe integer or a bigint`)
}

function writeStringId(writer: ByteWriter, id: string, row: number): void {
  if (id.length === 0) throw invalid(row, 'an id is an empty string; expected 1..1,024 UTF-8 bytes')
  writer.writeByte(KIND_STRING)
  const size = writer.writeText(id)
  if (size === null) throw invalid(row, 'an id holds a lone surrogate, which has no UTF-8 form')
  if (size > ID_BYTES_MAX) {
    throw errorFromCode(
      'LIMIT_EXCEEDED',
      `row ${row}: an id has ${size} UTF-8 bytes; at most 1,024 are possible`,
    )
  }
}

function writeNumberId(writer: ByteWriter, id: number, row: number): void {
  if (!Number.isSafeInteger(id))
    throw invalid(row, `the id ${id} is not a safe integer; use a bigint or a string`)
  writer.writeByte(KIND_NUMBER)
  // -0 becomes 0, which it is equal to as a key of a Map.
  writer.writeUint32((id % TWO_POW_32) >>> 0)
  writer.writeUint32(Math.floor(id / TWO_POW_32) >>> 0)
}

function writeBigintId(writer: ByteWriter, id: bigint, row: number): void {
  if (BigInt.asIntN(64, id) !== id)
    throw invalid(row, `the id ${String(id)}n does not fit a signed 64-bit integer`)
  writer.writeByte(KIND_BIGINT)
  writer.writeInt64(id)
}

function writeMetadata(writer: ByteWriter, value: unknown, row: number): void {
  if (value === undefined) return
  const problem = checkJson(value)
  if (problem !== null) throw invalid(row, `metadata${problem}`)
  // JSON.stringify escapes lone surrogates, so the text is always well formed.
  const size = writer.writeText(JSON.stringify(value)) ?? 0
  if (size > METADATA_BYTES_MAX) {
    throw errorFromCode(
      'LIMIT_EXCEEDED',
      `row ${row}: metadata has ${size} UTF-8 bytes as JSON; at most ${METADATA_BYTES_MAX} are possible`,
    )
  }
}

/** Into `target`, the rest of the batch. */
function writeVectors(
  target: Uint8Array<ArrayBuffer>,
  { dimensions, vectors }: RowSource,
  type: VectorType,
  start: number,
  end: number,
): void {
  const rowBytes = vectorBytes(type, dimensions)
  const columns = vectors instanceof Float32Array ? vectors : null
  if (isStoredArray(type, vectors)) {
    target.set(storedBytes(vectors).subarray(start * rowBytes, end * rowBytes))
    return
  }
  const floats = type === 'float32' ? new Float32Array(target.buffer, target.byteOffset) : null
  for (let row = start; row < end; row += 1) {
    const given = columns?.subarray(row * dimensions, (row + 1) * dimensions) ?? vectors[row]
    const vector = checkVector(given, type, dimensions, row)
    const at = (row - start) * rowBytes
    if (floats !== null) floats.set(vector, (row - start) * dimensions)
    else if (isStoredArray(type, vector)) target.set(storedBytes(vector), at)
    else narrow(type, vector, target, at, row)
  }
}

/** A vector as it is written, or narrowed. Whether numbers are finite is the core's to say. */
function checkVector(vector: unknown, type: VectorType, dimensions: number, row: number): ArrayLike<number> {
  const isArray = Array.isArray(vector)
  const expected = isArray ? dimensions : vectorLength(type, dimensions, vector)
  if (expected === 0) {
    throw invalid(row, `a vector is ${describe(vector)}; expected a ${arraysOf(type)} or an array of numbers`)
  }
  const numbers = vector as ArrayLike<number>
  if (numbers.length !== expected) {
    throw errorFromCode(
      'DIMENSION_MISMATCH',
      `row ${row}: expected ${expected} ${unitOf(type, vector)}, found ${numbers.length}`,
    )
  }
  if (!isArray) return numbers
  for (let i = 0; i < dimensions; i += 1) {
    // A hole or a string would become a number in silence.
    if (typeof numbers[i] !== 'number')
      throw invalid(row, `component ${i} of the vector is ${describe(numbers[i])}`)
  }
  return numbers
}

function blobListSize(count: number, bytes: number): number {
  return 4 + 4 * (count + 1) + roundUp(bytes, 4)
}

function writeBlobList(
  target: Uint8Array<ArrayBuffer>,
  at: number,
  ends: readonly number[],
  blobs: ByteWriter,
): void {
  const table = new Uint32Array(target.buffer, at, ends.length + 2)
  table[0] = ends.length
  // table[1], the first offset, is 0 already.
  for (let i = 0; i < ends.length; i += 1) table[i + 2] = ends[i] as number
  target.set(blobs.bytes(), at + table.byteLength)
}

function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size)
  } catch (cause) {
    throw errorFromCode('OUT_OF_MEMORY', `could not allocate ${size} bytes for a row batch`, cause)
  }
}

// ---- Reading ---------------------------------------------------------------------------------------

function decodeIds(bytes: Uint8Array<ArrayBuffer>, view: DataView, listAt: number, count: number): RowId[] {
  const blobsAt = listAt + 4 + 4 * (count + 1)
  const ids: RowId[] = []
  let from = blobsAt
  for (let i = 0; i < count; i += 1) {
    const to = blobsAt + view.getUint32(listAt + 8 + 4 * i, true)
    const kind = bytes[from]
    if (kind === KIND_STRING) {
      ids.push(decodeText(bytes, from + 1, to))
    } else if (to - from !== INTEGER_ID_BYTES || (kind !== KIND_NUMBER && kind !== KIND_BIGINT)) {
      throw errorFromCode(
        'ENGINE_FAILED',
        `the engine answered with an id of kind ${kind} and ${to - from} bytes`,
      )
    } else if (kind === KIND_BIGINT) {
      ids.push(view.getBigInt64(from + 1, true))
    } else {
      ids.push(view.getInt32(from + 5, true) * TWO_POW_32 + view.getUint32(from + 1, true))
    }
    from = to
  }
  return ids
}

function decodeMetadata(
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView,
  listAt: number,
  count: number,
): unknown[] {
  const blobsAt = listAt + 4 + 4 * (count + 1)
  const values: unknown[] = []
  let from = blobsAt
  for (let i = 0; i < count; i += 1) {
    const to = blobsAt + view.getUint32(listAt + 8 + 4 * i, true)
    values.push(from === to ? undefined : JSON.parse(decodeText(bytes, from, to)))
    from = to
  }
  return values
}

const SHORT_TEXT_BYTES = 24

/** TextDecoder costs more than it saves on the short ASCII texts that most ids are. */
function decodeText(bytes: Uint8Array<ArrayBuffer>, from: number, to: number): string {
  if (to - from <= SHORT_TEXT_BYTES) {
    let text = ''
    let at = from
    for (; at < to; at += 1) {
      const byte = bytes[at] as number
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (at === to) return text
  }
  return decoder.decode(bytes.subarray(from, to))
}

type WordArray<T> = new (buffer: ArrayBuffer, byteOffset: number, length: number) => T

function words<T>(bytes: Uint8Array<ArrayBuffer>, at: number, count: number, Type: WordArray<T>): T {
  return new Type(bytes.buffer, bytes.byteOffset + at, count)
}

function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function roundUp(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple
}

function invalid(row: number, what: string): Error {
  return errorFromCode('INVALID_ARGUMENT', `row ${row}: ${what}`)
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'object') return `of type ${value.constructor?.name ?? 'object'}`
  return value === undefined ? 'undefined' : `of type ${typeof value}`
}

/** Rows of an encoded batch. */
export function rowCount(batch: Uint8Array): number {
  return new DataView(batch.buffer, batch.byteOffset, 4).getUint32(0, true)
}
