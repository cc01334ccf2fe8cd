import { withCommittedRows } from '../engine/protocol.js'
import { encodeIdList } from '../wasm/row-batch.js'
import { CollectionView } from './collection-view.js'
import { report } from './report.js'
import { rowSource } from './row-source.js'
import type {
  CollectionStats,
  ColumnarInput,
  DeleteOptions,
  Id,
  JsonValue,
  RowInput,
  WriteOptions,
} from './types.js'
import { upload } from './upload.js'
import { checkCallback, checkIdArray, checkOptions, checkSignal } from './validation.js'

/** How many ids go in one request of `delete`. */
export const DELETE_IDS_PER_PART = 16_384

/**
 * A collection of rows: an id, a vector, and optionally metadata. Made by `Database.collection`.
 *
 * A handle is light and holds no rows. After `Database.drop` its calls reject with `NOT_FOUND`, also when
 * a new collection has taken the name. Calls that overlap may be done in any order; a search sees
 * every write that resolved before it began.
 */
export class Collection<M = JsonValue> extends CollectionView<M> {
  /**
   * Inserts rows, replacing those whose ids are there. Durable and searchable when it resolves.
   *
   * Rows that encode to less than 1 MiB (ids, vectors and metadata as JSON) are one commit: all of them or none.
   * More may go in parts of 1 to 8 MiB (to 3 MiB with the engine in place): checked as a whole first, then
   * committed in order; when a part fails, `committedRows` of the error says how many rows are in. `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`, `INVALID_VECTOR`, `DUPLICATE_ID`,
   * `LIMIT_EXCEEDED`: nothing was changed.
   */
  async upsert(rows: readonly RowInput<M>[] | ColumnarInput<M>, options?: WriteOptions): Promise<void> {
    const given = checkOptions('upsert', options, ['signal', 'onProgress'])
    const signal = checkSignal('upsert', given.signal)
    const callback = checkCallback('upsert: onProgress', given.onProgress)
    const onProgress = callback && ((done: number, total: number) => report(callback, { done, total }))
    await this.call(async (requests) => {
      const checked = rowSource(rows, this.kind)
      const source = checked instanceof Promise ? await checked : checked
      if (source.ids.length === 0) return
      await upload(requests, this.handle, source, { signal, onProgress })
    })
  }

  /**
   * Removes rows; ids that are not there are fine. Resolves to how many rows were removed. Up to
   * 16,384 ids are one commit, more go in parts as `upsert` does.
   */
  async delete(ids: readonly Id[], options?: DeleteOptions): Promise<number> {
    const given = checkOptions('delete', options, ['signal'])
    const signal = checkSignal('delete', given.signal)
    const all = checkIdArray('delete', ids)
    const parts: Uint8Array<ArrayBuffer>[] = []
    for (let start = 0; start < all.length; start += DELETE_IDS_PER_PART) {
      parts.push(encodeIdList(all.slice(start, start + DELETE_IDS_PER_PART)))
    }
    return this.call(async (requests) => {
      let removed = 0
      for (const [i, part] of parts.entries()) {
        try {
          if (i > 0) await requests.turn()
          removed += await requests.request(
            'deleteRows',
            { collection: this.handle, ids: part },
            { transfer: [part.buffer], signal },
          )
        } catch (error) {
          throw parts.length > 1 ? withCommittedRows(error, removed) : error
        }
      }
      return removed
    })
  }

  /** Sizes and memory of this collection. */
  async stats(): Promise<CollectionStats> {
    const stats = await this.request('collectionStats', { collection: this.handle })
    const { dimensions, metric, vectorType, quantization, M, efConstruction } = this.schema
    return {
      name: this.name,
      dimensions,
      metric,
      vectorType,
      quantization,
      codes: {
        kind: stats.codes,
        bytesPerVector: stats.codeRowBytes,
        recallLoss: stats.codeRecallLoss,
      },
      index: { M, efConstruction },
      rows: stats.liveRows,
      deletedRows: stats.deletedRows,
      indexedRows: stats.indexedRows,
      memtableRows: stats.memtableRows,
      segments: stats.segments,
      memory: {
        vectors: stats.vectorBytes,
        codes: stats.codeBytes,
        links: stats.linkBytes,
        ids: stats.idBytes,
        metadata: stats.metadataBytes,
      },
      vectors: {
        inMemory: stats.vectorsInMemory,
        hits: stats.vectorHits,
        misses: stats.vectorMisses,
        evictions: stats.vectorEvictions,
      },
    }
  }
}
