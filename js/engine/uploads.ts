/** Upserts of several parts: kept until all parts are checked, then committed one after the other. */
import type { CoreEngine } from '../wasm/core-engine.js'
import { errorFromCode } from '../errors/omen-error.js'
import { rowCount } from '../wasm/row-batch.js'
import type { CommitQueue } from './commit-queue.js'
import type { Handles } from './handles.js'
import { macrotask } from './macrotask.js'
import { type RequestOptions, withCommittedRows } from './protocol.js'

interface Upload {
  readonly collection: number
  readonly parts: Uint8Array[]
}

export class Uploads {
  readonly #engine: CoreEngine
  readonly #queue: CommitQueue
  readonly #handles: Handles
  readonly #uploads = new Map<number, Upload>()

  constructor(engine: CoreEngine, handles: Handles, queue: CommitQueue) {
    this.#engine = engine
    this.#handles = handles
    this.#queue = queue
  }

  /** Checks the part as its commit will. Nothing is kept of one that is refused. */
  stage(upload: number, collection: number, batch: Uint8Array): void {
    this.#engine.checkRowBatch(this.#handles.collection(collection), batch)
    let staged = this.#uploads.get(upload)
    if (staged === undefined) {
      staged = { collection, parts: [] }
      this.#uploads.set(upload, staged)
    }
    staged.parts.push(batch)
  }

  discard(upload: number): void {
    this.#uploads.delete(upload)
  }

  /** The rows committed. An error carries how many were, when not all. A token stands for the last part. */
  async commit(upload: number, { signal, onProgress, token }: RequestOptions): Promise<number> {
    const staged = this.#uploads.get(upload)
    if (staged === undefined) throw errorFromCode('INVALID_ARGUMENT', `there is no upload ${upload}`)
    this.#uploads.delete(upload)
    const { collection, parts } = staged
    const total = parts.reduce((sum, part) => sum + rowCount(part), 0)
    let done = 0
    for (;;) {
      // Taken out, so that a part's memory is free as soon as it is committed.
      const batch = parts.shift()
      if (batch === undefined) return done
      const rows = rowCount(batch)
      try {
        const options = parts.length === 0 ? { signal, token } : { signal }
        await this.#queue.submit({ kind: 'upsert', collection, batch }, options)
      } catch (error) {
        throw withCommittedRows(error, done)
      }
      done += rows
      onProgress?.(done, total)
      // Where storage answers in the same turn nothing else would come through, not even a request to stop.
      if (parts.length > 0) await macrotask()
    }
  }
}
