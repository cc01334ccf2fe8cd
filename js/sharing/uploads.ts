/**
 * Upserts of several parts, kept by the tab that makes them: the leader checks each part, keeps none, and then commits
 * them as writes of one part with a token each. So an upload goes on under the next leader where the last one ended.
 */
import { macrotask } from '../engine/macrotask.js'
import {
  type HostPort,
  type RequestInput,
  type RequestOptions,
  withCommittedRows,
} from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'

interface Upload {
  readonly collection: number
  readonly parts: Uint8Array<ArrayBuffer>[]
}

export class Uploads {
  readonly #request: HostPort['request']
  readonly #uploads = new Map<number, Upload>()

  constructor(request: HostPort['request']) {
    this.#request = request
  }

  async stage(input: RequestInput<'stagePart'>, options: RequestOptions): Promise<null> {
    const { upload, collection, batch } = input
    const staged = this.#uploads.get(upload) ?? { collection, parts: [] }
    this.#uploads.set(upload, staged)
    staged.parts.push(batch)
    return this.#request('stagePart', input, options)
  }

  discard(upload: number): null {
    this.#uploads.delete(upload)
    return null
  }

  /** The rows committed. An error carries how many were, when not all. */
  async commit(upload: number, { signal, onProgress }: RequestOptions): Promise<number> {
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
        await this.#request('upsert', { collection, batch }, { signal })
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

function rowCount(batch: Uint8Array): number {
  return new DataView(batch.buffer, batch.byteOffset, 4).getUint32(0, true)
}
