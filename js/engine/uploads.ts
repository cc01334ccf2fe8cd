/** Upserts of several parts: kept until all parts are checked, then committed one after the other. */
import type { CoreEngine } from '../wasm/core-engine.js'
import { errorFromCode } from '../errors/omen-error.js'
import { rowCount } from '../wasm/row-batch.js'
import type { CommitQueue, WriteChain } from './commit-queue.js'
import type { Handles } from './handles.js'
import { macrotask } from './macrotask.js'
import { type RequestOptions, withCommittedRows } from './protocol.js'

/** Parts given to the queue at a time: one on its way, one in the frame built meanwhile, one for the frame after. */
const PARTS_UNDERWAY = 3

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
    const chain: WriteChain = { broken: null }
    const underway: { readonly rows: number; readonly committed: Promise<number> }[] = []
    let done = 0
    try {
      for (;;) {
        while (underway.length < PARTS_UNDERWAY) {
          // Taken out, so that a part's memory is free as soon as it is committed.
          const batch = parts.shift()
          if (batch === undefined) break
          const rows = rowCount(batch)
          const options = parts.length === 0 ? { signal, token } : { signal }
          const committed = this.#queue.submit({ kind: 'upsert', collection, batch }, options, chain)
          // Awaited below, in order.
          committed.catch(() => undefined)
          underway.push({ rows, committed })
        }
        const first = underway.shift()
        if (first === undefined) return done
        await first.committed
        done += first.rows
        onProgress?.(done, total)
        // Where storage answers in the same turn nothing else would come through, not even a request to stop.
        if (underway.length > 0) await macrotask()
      }
    } catch (error) {
      // The chain is broken: none of these is committed, but they are not done with either.
      await Promise.allSettled(underway.map(({ committed }) => committed))
      throw withCommittedRows(error, done)
    }
  }
}
