import type { IDBPObjectStore } from 'idb'
import { CorruptionError } from '../js/errors/omen-error.js'
import { type ByteRange, clampRange } from './byte-range.js'
import type { ObjectRange, StorageObject } from './contract.js'
import type {
  ChunkedRecord,
  Connection,
  ObjectRecord,
  OmenSchema,
  WriteTransaction,
} from './indexeddb-schema.js'

/** Larger objects are cut, so that a part of one can be read without the rest. */
const CHUNK_BYTES = 128 * 1024

type ChunkStore = Pick<IDBPObjectStore<OmenSchema, ('objects' | 'chunks')[], 'chunks'>, 'get' | 'getAll'>

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

/** Parts of objects in one transaction; null for objects that are not there. */
export async function readRanges(
  connection: Connection,
  ranges: readonly ObjectRange[],
): Promise<(Uint8Array | null)[]> {
  const transaction = connection.transaction(['objects', 'chunks'], 'readonly')
  transaction.done.catch(() => undefined)
  const objects = transaction.objectStore('objects')
  const chunks = transaction.objectStore('chunks')
  const record = memoized((name: string) => objects.get(name))
  // Ranges of neighbours are often of one chunk.
  const chunk = memoized((key: string) => chunks.get(JSON.parse(key) as [string, number]))
  const store = {
    get: (key: [string, number]) => chunk(JSON.stringify(key)),
    getAll: (keys: IDBKeyRange) => chunks.getAll(keys),
  }
  return Promise.all(
    ranges.map(async ({ name, ...range }) => {
      const found = await record(name)
      return found === undefined ? null : readRecord(store, name, found, range)
    }),
  )
}

function memoized<T>(get: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const known = new Map<string, Promise<T>>()
  return (key) => {
    const promise = known.get(key) ?? get(key)
    known.set(key, promise)
    return promise
  }
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
  return record === undefined ? null : readRecord(transaction.objectStore('chunks'), name, record, range)
}

async function readRecord(
  chunks: ChunkStore,
  name: string,
  record: ObjectRecord,
  range: ByteRange | undefined,
): Promise<Uint8Array> {
  checkRecord(record, name)
  const { start, end } = clampRange(range, record.sizeBytes)
  if ('bytes' in record)
    return end - start === record.sizeBytes ? record.bytes : record.bytes.slice(start, end)
  return readChunks(chunks, name, record, { start, end })
}

async function readChunks(
  chunks: ChunkStore,
  name: string,
  { sizeBytes, chunkBytes }: ChunkedRecord,
  { start, end }: ByteRange,
): Promise<Uint8Array> {
  const part = new Uint8Array(end - start)
  if (end === start) return part
  const first = Math.floor(start / chunkBytes)
  const last = Math.ceil(end / chunkBytes) - 1
  const found: unknown[] =
    first === last
      ? [await chunks.get([name, first])]
      : await chunks.getAll(IDBKeyRange.bound([name, first], [name, last]))
  for (let i = first; i <= last; i++) {
    const from = i * chunkBytes
    const expectedBytes = Math.min(chunkBytes, sizeBytes - from)
    const chunk = found[i - first]
    if (!(chunk instanceof Uint8Array) || chunk.byteLength !== expectedBytes) {
      const what = chunk instanceof Uint8Array ? `${chunk.byteLength} bytes` : 'nothing'
      throw new CorruptionError(
        `object ${name}, offset ${from}: expected a chunk of ${expectedBytes} bytes, found ${what}`,
      )
    }
    part.set(chunk.subarray(Math.max(start - from, 0), end - from), Math.max(from - start, 0))
  }
  return part
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
