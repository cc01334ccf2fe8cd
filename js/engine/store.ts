/**
 * The open storage session with what the host knows of it: the head as last set, the names that are there,
 * and whether it may still be written.
 *
 * Every write goes through `exclusive`, one at a time: a `put` is refused when the head is not the one
 * it was told, so no head may be replaced under a put on its way.
 *
 * Objects may be put *relaxed*: then a crash of the machine may take them until the next `sync`. What a head names is
 * synced before that head is set, whatever the durability of writes is.
 */
import type {
  ObjectRange,
  StorageAdapter,
  StorageObject,
  StorageSession,
  StorageUsage,
} from '../../storage/contract.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import { asOmenError, type Durability } from './protocol.js'

export interface StoreOptions {
  readonly database: string
  readonly adapter: StorageAdapter
  readonly session: StorageSession
  readonly head: Uint8Array
  /** `null`: it may be written. */
  readonly readOnlyReason: string | null
  readonly ephemeral: boolean
  readonly durability: Durability
}

/** How long a relaxed write may wait to be made durable. */
const SYNC_DELAY_MS = 1000

export class Store {
  readonly adapter: StorageAdapter
  readonly session: StorageSession
  /** Names of stored objects, as far as this session listed or wrote them. */
  readonly names = new Set<string>()
  /** Nobody can open this again: then nothing is kept twice. */
  readonly ephemeral: boolean
  readonly durability: Durability
  head: Uint8Array
  /** Bytes put since the session began. */
  #putBytes = 0
  /** Puts that a crash of the machine may still take. */
  #unsynced = false
  /** What one sync could not make durable no later one can promise. */
  #syncFailed = false
  #syncTimer: ReturnType<typeof setTimeout> | null = null
  /** Names that must stay although nothing refers to them, and for how many readers. */
  readonly #pins = new Map<string, number>()
  readonly #database: string
  #readOnlyReason: string | null
  #released: Promise<void> | null = null
  /** For reads after that. */
  #reader: Promise<StorageSession> | null = null
  #last: Promise<unknown> = Promise.resolve()
  /** Tasks given to `exclusive` that have not settled. */
  #tasks = 0

  constructor(options: StoreOptions) {
    this.#database = options.database
    this.adapter = options.adapter
    this.session = options.session
    this.head = options.head
    this.ephemeral = options.ephemeral
    this.durability = options.durability
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
    // What closing fails with is for the host's own `close` to report, and `mayLoseWrites` tells of what was not synced.
    this.#released ??= this.exclusive(() => this.#closeSession()).catch(() => undefined)
  }

  async #closeSession(): Promise<void> {
    try {
      if (this.mayLoseWrites && !this.#syncFailed)
        await this.session.sync().then(() => (this.#unsynced = false))
    } finally {
      await this.session.close()
    }
  }

  /** There are writes that resolved, and that a crash of the machine may take as long as no `sync` resolves. */
  get mayLoseWrites(): boolean {
    return this.#unsynced && this.durability !== 'strict'
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

  /** Reads ranges to their places in `into` before it returns; false when that is not possible now. */
  readNow(ranges: readonly ObjectRange[], places: readonly number[], into: Uint8Array): boolean {
    if (this.#released !== null || this.session.readNow === undefined) return false
    return this.session.readNow(
      ranges.map(({ name, start, end }, i) => {
        const place = places[i] as number
        return { name, start, into: into.subarray(place, place + end - start) }
      }),
    )
  }

  /** `null` for objects that are not there. A handle that gave its session up reads what the next writer left. */
  async readRanges(ranges: readonly ObjectRange[]): Promise<(Uint8Array | null)[]> {
    const session = this.#released === null ? this.session : await this.#readSession()
    if (session.getRanges !== undefined) return session.getRanges(ranges)
    return Promise.all(ranges.map(({ name, ...range }) => session.get(name, range)))
  }

  #readSession(): Promise<StorageSession> {
    this.#reader ??= this.adapter.open(this.#database, 'read')
    return this.#reader
  }

  /** When the host closes. */
  async closeReader(): Promise<void> {
    await (await this.#reader?.catch(() => null))?.close()
  }

  readOnlyError(): OmenError {
    return errorFromCode('READ_ONLY', this.#readOnlyReason ?? 'the database was opened with readOnly')
  }

  /** Runs after all tasks given before it have settled. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    this.#tasks += 1
    const result = this.#last.then(task)
    const settled = (): void => void (this.#tasks -= 1)
    this.#last = result.then(settled, settled)
    return result
  }

  /** Within `exclusive`: other tasks wait for this one. */
  get contended(): boolean {
    return this.#tasks > 1
  }

  /** Resolves when all tasks given so far have settled. */
  async settled(): Promise<void> {
    await this.#last
  }

  get putBytes(): number {
    return this.#putBytes
  }

  /** Stores a write's object, as durable as writes are to be. Call within `exclusive`. */
  async put(object: StorageObject): Promise<void> {
    await this.#put(object, this.durability !== 'strict')
    if (this.durability === 'relaxed' && this.#unsynced) this.#syncSoon()
  }

  /** Stores an object for a head to name, which `replaceHead` makes durable first. Call within `exclusive`. */
  async putForHead(object: StorageObject): Promise<void> {
    await this.#put(object, true)
  }

  async #put(object: StorageObject, relaxed: boolean): Promise<void> {
    if (this.ephemeral) return
    await this.session.put([object], this.head, { relaxed })
    this.#putBytes += object.bytes.length
    if (relaxed) this.#unsynced = true
  }

  /** False when the stored head is another one than this session's. Call within `exclusive`. */
  async replaceHead(next: Uint8Array): Promise<boolean> {
    await this.sync()
    this.#putBytes += next.length
    return this.session.compareAndSetHead(this.head, next)
  }

  /** Makes durable what was put. Call within `exclusive`. */
  async sync(): Promise<void> {
    if (this.#syncTimer !== null) clearTimeout(this.#syncTimer)
    this.#syncTimer = null
    if (!this.#unsynced || this.#released !== null) return
    try {
      await this.session.sync()
      this.#unsynced = false
    } catch (error) {
      const failure = asOmenError(error, 'STORAGE_FAILED')
      if (this.durability !== 'strict') {
        this.#syncFailed = true
        this.becomeReadOnly(
          `writes could not be made durable (${failure.code}: ${failure.message}); open the database again to write`,
        )
      }
      throw failure
    }
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      // `readOnlyReason` has what it fails with.
      this.exclusive(() => this.sync()).catch(() => undefined)
    }, SYNC_DELAY_MS)
    // A process that has nothing else to do may end: what it wrote is with the system already.
    ;(this.#syncTimer as { unref?: () => void }).unref?.()
  }

  /** Keeps objects from being deleted until the function returned is called. */
  pin(names: readonly string[]): () => void {
    const pinned = [...names]
    for (const name of pinned) this.#pins.set(name, (this.#pins.get(name) ?? 0) + 1)
    return () => {
      for (const name of pinned) {
        const left = (this.#pins.get(name) ?? 0) - 1
        if (left > 0) this.#pins.set(name, left)
        else this.#pins.delete(name)
      }
    }
  }

  /** Deletes objects that nothing refers to; what fails is tried again with the next. Call within `exclusive`. */
  async deleteUnreferenced(isReferenced: (name: string) => boolean): Promise<void> {
    const obsolete = [...this.names].filter((name) => !isReferenced(name) && !this.#pins.has(name))
    if (obsolete.length === 0) return
    try {
      await this.session.delete(obsolete)
    } catch {
      return
    }
    for (const name of obsolete) this.names.delete(name)
  }
}
