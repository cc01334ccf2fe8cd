/// <reference lib="esnext.disposable" preserve="true" />
import type { ViewInfo } from '../engine/protocol.js'
import { CollectionView } from './collection-view.js'
import type { Connection } from './connection.js'
import type { JsonValue } from './types.js'
import { ViewAccess } from './view-access.js'

/**
 * The database as it was after one commit, whatever is written meanwhile. Made by `Database.snapshot` and `Database.at`.
 *
 * It keeps old versions of rows in memory: `close` it, or let `await using` do so. It ends with its database, and when a
 * backup is restored; later calls reject with `CLOSED`.
 */
export class Snapshot {
  /** Of the last commit in it. */
  readonly sequence: number
  readonly #connection: Connection
  readonly #access: ViewAccess

  /** @internal */
  constructor(connection: Connection, info: ViewInfo) {
    this.sequence = info.sequence
    this.#connection = connection
    this.#access = new ViewAccess(connection, info, 'snapshot')
  }

  /** `NOT_FOUND` when the snapshot has no collection of that name. */
  async collection<M = JsonValue>(name: string): Promise<CollectionView<M>> {
    return new CollectionView<M>(this.#access, await this.#access.collectionInfo(name))
  }

  /** Names of its collections, in order of creation. */
  async collections(): Promise<string[]> {
    const infos = await this.#access.request('collections', { view: this.#access.view })
    return infos.map((info) => info.name)
  }

  /** Lets the versions go that only this snapshot needs. Idempotent. */
  async close(): Promise<void> {
    if (!this.#access.end()) return
    // A database that is closed, or whose engine is gone, holds no views any more.
    await this.#connection.request('closeView', { view: this.#access.view }).catch(() => undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
