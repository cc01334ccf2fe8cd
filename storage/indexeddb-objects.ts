import type { IDBPObjectStore } from 'idb'
import { CorruptionError } from '../js/errors/omen-error.js'
import { type ByteRange, clampRange } from './byte-range.js'
import type { StorageObject } from './contract.js'
import type {
  ChunkedRecord,
  Connection,
  ObjectRecord,
  OmenSchema,
  WriteTransaction,
} from './indexeddb-schema.js'

/** Larger objects are cut: browsers refuse single values from about 100 MB on. */
export const CHUNK_BYTES = 4 * 1024 * 1024

type ChunkStore = Pick<IDBPObjectStore<OmenSchema, ('objects' | 'chunks')[], 'chunks'>, 'get'>

/** Asks for the writes of one object; the transaction's end tells how they went. */
export function requestObject(
  transaction: WriteTransaction,
  { name, bytes }: StorageObject,
): Promise<unknown>[] {
  const sizeBytes = bytes.byteLength
  const objects = transaction.objectStore('objects')
  if (sizeBytes <= CHUNK_BYTES) return [objects.add({ sizeBytes, bytes: ownBytes(bytes) }, name)]
  const chunks = transaction.objectStore('chunks')
  const requests: Promise<unknown>[] = [objects.add({ sizeBytes, chunkBytes: CHUNK_BYTES }, name)]
  for (let start = 0, i = 0; start < sizeBytes; start += CHUNK_BYTES, i++) {
    requests.push(chunks.add(bytes.slice(start, start + CHUNK_BYTES), [name, i]))
  }
  return requests
}

/** Asks for the removal of one object with its chunks. */
export function requestDeletion(transaction: WriteTransaction, name: string): Promise<unknown>[] {
  return [
    transaction.objectStore('objects').delete(name),
    // An array sorts after every number, so this holds [name, 0], [name, 1], ...
    transaction.objectStore('chunks').delete(IDBKeyRange.bound([name], [name, []])),
  ]
}

/** The bytes of an object, or null; what does not fit together is `CORRUPTION`. */
export async function readObject(
  connection: Connection,
  name: string,
  range: ByteRange | undefined,
): Promise<Uint8Array | null> {
  const transaction = connection.transaction(['objects', 'chunks'], 'readonly')
  transaction.done.catch(() => undefined)
  const record = await transaction.objectStore('objects').get(name)
  if (record === undefined) return null
  checkRecord(record, name)
  const { start, end } = clampRange(range, record.sizeBytes)
  if ('bytes' in record)
    return end - start === record.sizeBytes ? record.bytes : record.bytes.slice(start, end)
  return readChunks(transaction.objectStore('chunks'), name, record, { start, end })
}

async function readChunks(
  chunks: ChunkStore,
  name: string,
  { sizeBytes, chunkBytes }: ChunkedRecord,
  { start, end }: ByteRange,
): Promise<Uint8Array> {
  const part = new Uint8Array(end - start)
  const first = Math.floor(start / chunkBytes)
  const afterLast = end === start ? first : Math.ceil(end / chunkBytes)
  const reads: Promise<void>[] = []
  for (let i = first; i < afterLast; i++) reads.push(copyChunk(i))
  await Promise.all(reads)
  return part

  async function copyChunk(i: number): Promise<void> {
    const from = i * chunkBytes
    const expectedBytes = Math.min(chunkBytes, sizeBytes - from)
    const chunk = await chunks.get([name, i])
    if (!(chunk instanceof Uint8Array) || chunk.byteLength !== expectedBytes) {
      const found = chunk instanceof Uint8Array ? `${chunk.byteLength} bytes` : 'nothing'
      throw new CorruptionError(
        `object ${name}, offset ${from}: expected a chunk of ${expectedBytes} bytes, found ${found}`,
      )
    }
    part.set(chunk.subarray(Math.max(start - from, 0), end - from), Math.max(from - start, 0))
  }
}

function checkRecord(record: ObjectRecord, name: string): void {
  const fits =
    'bytes' in record
      ? record.bytes instanceof Uint8Array && record.bytes.byteLength === record.sizeBytes
      : Number.isSafeInteger(record.chunkBytes) && record.chunkBytes > 0
  if (!fits) {
    throw new CorruptionError(
      `object ${name}: expected a record of ${record.sizeBytes} bytes, found another length`,
    )
  }
}

/** A structured clone of a view copies the whole buffer below it, so a view of part of one is copied first. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? bytes
    : bytes.slice()
}
