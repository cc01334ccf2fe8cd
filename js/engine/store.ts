/**
 * The open storage session with what the host knows of it: the head as last set, the names that are there,
 * and whether it may still be written.
 *
 * Every write goes through `exclusive`, one at a time: a `put` is refused when the head is not the one
 * it was told, so no head may be replaced under a put on its way.
 */
import type { StorageAdapter, StorageObject, StorageSession, StorageUsage } from '../../storage/contract.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'

export interface StoreOptions {
  readonly database: string
  readonly adapter: StorageAdapter
  readonly session: StorageSession
  readonly head: Uint8Array
  /** `null`: it may be written. */
  readonly readOnlyReason: string | null
  readonly ephemeral: boolean
}

export class Store {
  readonly adapter: StorageAdapter
  readonly session: StorageSession
  /** Names of stored objects, as far as this session listed or wrote them. */
  readonly names = new Set<string>()
  /** Nobody can open this again: then nothing is kept twice. */
  readonly ephemeral: boolean
  head: Uint8Array
  readonly #database: string
  #readOnlyReason: string | null
  #released: Promise<void> | null = null
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: StoreOptions) {
    this.#database = options.database
    this.adapter = options.adapter
    this.session = options.session
    this.head = options.head
    this.ephemeral = options.ephemeral
    this.#readOnlyReason = options.readOnlyReason
  }

  /** `null`: it can be written. */
  get readOnlyReason(): string | null {
    return this.#readOnlyReason
  }

  /**
   * From now on nothing is written: after a write whose outcome nobody knows, the state in memory may differ from the
   * one in storage, and only opening again tells. The first reason stands. The lock is given up, so that opening again
   * is possible beside this handle, which goes on reading from memory.
   */
  becomeReadOnly(reason: string): void {
    this.#readOnlyReason ??= reason
    this.release()
  }

  /** Ends the session, and with it the lock, once nothing given to `exclusive` so far is under way. */
  release(): void {
    // What closing fails with is for the host's own `close` to report.
    this.#released ??= this.exclusive(() => this.session.close()).catch(() => undefined)
  }

  /** Settled when the session of a handle that can no longer write has ended; `null` while it has not been released. */
  get released(): Promise<void> | null {
    return this.#released
  }

  async usage(): Promise<StorageUsage> {
    try {
      if (this.#released === null) return await this.session.usage()
    } catch (error) {
      // It may have been released meanwhile.
      if (this.#released === null) throw error
    }
    const reader = await this.adapter.open(this.#database, 'read')
    try {
      return await reader.usage()
    } finally {
      await reader.close()
    }
  }

  readOnlyError(): OmenError {
    return errorFromCode('READ_ONLY', this.#readOnlyReason ?? 'the database was opened with readOnly')
  }

  /** Runs after all tasks given before it have settled. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Resolves when all tasks given so far have settled. */
  async settled(): Promise<void> {
    await this.#last
  }

  /** Makes a new object durable, where anything is. Call within `exclusive`. */
  async put(object: StorageObject): Promise<void> {
    if (this.ephemeral) return
    await this.session.put([object], this.head)
  }

  /** Deletes objects that nothing refers to; what fails is tried again with the next. Call within `exclusive`. */
  async deleteUnreferenced(isReferenced: (name: string) => boolean): Promise<void> {
    const obsolete = [...this.names].filter((name) => !isReferenced(name))
    if (obsolete.length === 0) return
    try {
      await this.session.delete(obsolete)
    } catch {
      return
    }
    for (const name of obsolete) this.names.delete(name)
  }
}
