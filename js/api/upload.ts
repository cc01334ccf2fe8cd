/**
 * An upsert on its way to the host: rows become row batches, one task of a few milliseconds each.
 *
 * Rows that fit one part are one commit, all or nothing. More go in parts: all of them are encoded and
 * checked (values here, finiteness and norms in the core, ids against each other) before the first is
 * committed; then they are committed in order. The host keeps the encoded rows until then, so a call
 * needs the memory of its rows once more.
 */
import { macrotask } from '../engine/macrotask.js'
import type { RequestOptions } from '../engine/protocol.js'
import { abortedError } from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'
import { encodeRowBatch, type RowSource } from '../wasm/row-batch.js'
import { vectorBytes } from '../wasm/vector-types.js'
import type { Requests } from './connection.js'
import { describe } from './validation.js'

const PART_ROWS = 2048
const PART_BYTES_MIN = 1 << 20
/** About what an id and its offset take in a batch. */
const ID_BYTES_TYPICAL = 20

let nextUpload = 1

export interface UploadOptions {
  readonly signal: AbortSignal | undefined
  readonly onProgress: RequestOptions['onProgress']
}

export async function upload(
  requests: Requests,
  collection: number,
  source: RowSource,
  options: UploadOptions,
): Promise<void> {
  const total = source.ids.length
  const bytesTarget = partBytesTarget(source, requests.partBytesMax)
  const first = encodeRowBatch(source, 0, bytesTarget)
  if (first.end < total) return uploadParts(requests, collection, source, first, bytesTarget, options)

  const { batch } = first
  const { signal, onProgress } = options
  await requests.request('upsert', { collection, batch }, { transfer: [batch.buffer], signal })
  onProgress?.(total, total)
}

/** Rows into a transaction: its commit is what makes them one, so the parts need not wait for each other. */
export async function uploadInto(
  requests: Requests,
  where: { readonly view: number; readonly collection: number },
  source: RowSource,
  signal: AbortSignal | undefined,
  partIn: () => void,
): Promise<void> {
  const bytesTarget = partBytesTarget(source, requests.partBytesMax)
  const ids = new Set<unknown>()
  for (let start = 0; start < source.ids.length;) {
    const { batch, end } = encodeRowBatch(source, start, bytesTarget)
    if (start > 0 || end < source.ids.length) checkDistinct(ids, source.ids, start, end)
    if (start > 0) await requests.turn()
    // Not handed on: a request that was posted is done, and what is said to be aborted must not be in the transaction.
    if (signal?.aborted === true) throw abortedError(signal, 'upsert')
    await requests.request('transactionUpsert', { ...where, batch }, { transfer: [batch.buffer] })
    partIn()
    start = end
  }
}

/** Small enough that encoding a part is a short task, large enough that committing it is worth a write. */
function partBytesTarget({ vectorType, dimensions }: RowSource, bytesMax: number): number {
  const rowBytes = vectorBytes(vectorType ?? 'float32', dimensions) + ID_BYTES_TYPICAL
  return Math.min(Math.max(PART_ROWS * rowBytes, PART_BYTES_MIN), bytesMax)
}

async function uploadParts(
  requests: Requests,
  collection: number,
  source: RowSource,
  first: { batch: Uint8Array<ArrayBuffer>; end: number },
  bytesTarget: number,
  { signal, onProgress }: UploadOptions,
): Promise<void> {
  const upload = nextUpload
  nextUpload += 1
  const ids = new Set<unknown>()
  const staging: Promise<null>[] = []
  try {
    let part = first
    let start = 0
    for (;;) {
      checkDistinct(ids, source.ids, start, part.end)
      const { batch } = part
      const staged = requests.request(
        'stagePart',
        { collection, upload, batch },
        { transfer: [batch.buffer], signal },
      )
      // Awaited below, with all others; until then a rejection is not unhandled.
      staged.catch(() => undefined)
      staging.push(staged)
      if (part.end === source.ids.length) break
      await macrotask()
      if (signal?.aborted === true) throw abortedError(signal, 'upsert')
      start = part.end
      part = encodeRowBatch(source, start, bytesTarget)
    }
    await Promise.all(staging)
  } catch (error) {
    await Promise.allSettled(staging)
    await requests.request('discardUpload', { upload }).catch(() => undefined)
    throw error
  }
  await requests.request('commitUpload', { upload }, { signal, onProgress })
}

/** The core sees duplicates inside a part; those across parts are seen here. */
function checkDistinct(seen: Set<unknown>, ids: readonly unknown[], start: number, end: number): void {
  for (let row = start; row < end; row += 1) {
    const id = ids[row]
    if (seen.has(id))
      throw errorFromCode('DUPLICATE_ID', `row ${row}: the id ${describe(id)} stands twice in this upsert`)
    seen.add(id)
  }
}
