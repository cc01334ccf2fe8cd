import { ConflictError } from '../errors/omen-error.js'
import { abortedError, type CollectionInfo } from '../engine/protocol.js'
import { encodeIdList } from '../wasm/row-batch.js'
import { CollectionView } from './collection-view.js'
import { DELETE_IDS_PER_PART } from './collection.js'
import type { Connection } from './connection.js'
import { rowSource } from './row-source.js'
import type { ColumnarInput, DeleteOptions, Id, JsonValue, RowInput } from './types.js'
import { uploadInto } from './upload.js'
import { checkIdArray, checkOptions, checkSignal } from './validation.js'
import { ViewAccess } from './view-access.js'

/**
 * Reads and writes that become one commit, or none. Given to the function of `Database.transaction`, and usable until
 * that has ended; later calls reject with `CLOSED`.
 */
export class Transaction {
  readonly #access: ViewAccess
  readonly #writes: TransactionWrites

  /** @internal */
  constructor(access: ViewAccess, writes: TransactionWrites) {
    this.#access = access
    this.#writes = writes
  }

  /** `NOT_FOUND` when there was no collection of that name when the transaction began. */
  async collection<M = JsonValue>(name: string): Promise<TransactionCollection<M>> {
    const info = await this.#access.collectionInfo(name)
    return new TransactionCollection<M>(this.#access, info, this.#writes)
  }
}

/** A collection in a transaction. Its reads see what the transaction wrote, and of other commits what was before it. */
export class TransactionCollection<M = JsonValue> extends CollectionView<M> {
  readonly #writes: TransactionWrites

  /** @internal */
  constructor(access: ViewAccess, info: CollectionInfo, writes: TransactionWrites) {
    super(access, info)
    this.#writes = writes
  }

  /** Inserts rows, replacing those whose ids are there: for this transaction now, for others with its commit. */
  upsert(
    rows: readonly RowInput<M>[] | ColumnarInput<M>,
    options?: Pick<DeleteOptions, 'signal'>,
  ): Promise<void> {
    return this.#writes.add(async (partIn) => {
      const signal = checkSignal('upsert', checkOptions('upsert', options, ['signal']).signal)
      await this.call(async (requests) => {
        const source = await rowSource(rows, this.kind)
        await uploadInto(
          requests,
          { view: this.access.view, collection: this.handle },
          source,
          signal,
          partIn,
        )
      })
    })
  }

  /** Removes rows; resolves to how many of the ids were there. */
  delete(ids: readonly Id[], options?: DeleteOptions): Promise<number> {
    return this.#writes.add(async (partIn) => {
      const signal = checkSignal('delete', checkOptions('delete', options, ['signal']).signal)
      const all = checkIdArray('delete', ids)
      const parts: Uint8Array<ArrayBuffer>[] = []
      for (let start = 0; start < all.length; start += DELETE_IDS_PER_PART) {
        parts.push(encodeIdList(all.slice(start, start + DELETE_IDS_PER_PART)))
      }
      return this.call(async (requests) => {
        let removed = 0
        for (const part of parts) {
          // As for `upsert`: what was posted is done.
          if (signal?.aborted === true) throw abortedError(signal, 'delete')
          removed += await requests.request(
            'transactionDelete',
            { view: this.access.view, collection: this.handle, ids: part },
            { transfer: [part.buffer] },
          )
          partIn()
        }
        return removed
      })
    })
  }
}

/** The writes of a transaction that are on their way, and those that failed. */
class TransactionWrites {
  readonly #pending = new Set<Promise<void>>()
  /** `counts`: whether the transaction must not be committed without the write. */
  readonly #failures: { readonly error: unknown; readonly counts: () => boolean }[] = []

  /** `work` calls `partIn` when a part of it is in the transaction: what fails after that cannot be left out any more. */
  add<T>(work: (partIn: () => void) => Promise<T>): Promise<T> {
    let parts = 0
    const running = work(() => (parts += 1))
    const watched = new WatchedPromise<T>((resolve, reject) => void running.then(resolve, reject))
    const settled = running.then(nothing, (error: unknown) => {
      this.#failures.push({ error, counts: () => parts > 0 || !watched.isWatched })
    })
    this.#pending.add(settled)
    void settled.then(() => this.#pending.delete(settled))
    return watched
  }

  /** Rejects with the failure of a write that nobody looked at: whoever did has dealt with it. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
    for (const { error, counts } of this.#failures) if (counts()) throw error
  }
}

/** Knows whether anyone awaits it. Its rejection is never an unhandled one: the transaction rejects with it. */
class WatchedPromise<T> extends Promise<T> {
  isWatched = false

  constructor(executor: ConstructorParameters<typeof Promise<T>>[0]) {
    super(executor)
    super.then(nothing, nothing)
  }

  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isWatched = true
    return super.then(onFulfilled, onRejected)
  }
}

/** Runs `work` in a transaction and commits it; after a conflict anew, at most `retries` times. */
export async function transact<T>(
  connection: Connection,
  work: (transaction: Transaction) => T | Promise<T>,
  retries: number,
): Promise<T> {
  for (let left = retries; ; left -= 1) {
    const info = await connection.request('beginTransaction', null)
    const { view } = info
    const access = new ViewAccess(connection, info, 'transaction')
    const writes = new TransactionWrites()
    let value: T
    try {
      value = await work(new Transaction(access, writes))
      await writes.settled()
    } catch (error) {
      access.end()
      // With a database that closed the transaction is gone as well.
      await connection.request('closeView', { view }).catch(nothing)
      throw error
    }
    access.end()
    try {
      await connection.request('commitTransaction', { view })
      return value
    } catch (error) {
      if (!(error instanceof ConflictError) || left === 0) throw error
    }
  }
}

function nothing(): void {}
