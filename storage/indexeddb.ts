import { StorageFailedError, type OmenError } from '../js/errors/omen-error.js'
import { type ByteRange, equalBytes } from './byte-range.js'
import type { StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { domErrorName, toIndexedDbError } from './indexeddb-errors.js'
import { readObject, requestDeletion, requestObject } from './indexeddb-objects.js'
import {
  type Connection,
  openForReading,
  openForWriting,
  storeName,
  type WriteTransaction,
} from './indexeddb-schema.js'
import { availableQuotaBytes } from './browser-quota.js'
import { checkDatabaseName, checkObjectName, checkObjects, SessionGuard } from './session-guard.js'
import { acquireWebLock, type LockProvider, type WriterLock } from './web-lock.js'

/** Tried with 600 MiB in Chromium and Firefox. */
const LARGEST_OBJECT_BYTES = 512 * 1024 * 1024

export interface IndexedDbOptions {
  /** In place of `navigator.locks`. */
  locks?: LockProvider
}

/**
 * Databases in IndexedDB, one IndexedDB database each, for pages and workers.
 *
 * Every `put` is one readwrite transaction of strict durability that also compares the head, so a writer that lost
 * its lock is stopped before it changes anything. A connection that the browser closed is never opened again for a
 * writer: whether its last write arrived is for recovery to find out. Readers connect again.
 */
export function indexedDbStorage(options: IndexedDbOptions = {}): StorageAdapter {
  return {
    name: 'indexeddb',
    capabilities: {
      atomicMultiPut: true,
      compareAndSet: true,
      // A range reads the 4 MiB chunks it touches, so small objects are read whole.
      rangedReads: false,
      synchronousReads: false,
      durableOnResolve: true,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode) {
      checkDatabaseName(database)
      const guard = new SessionGuard(database, mode)
      if (mode === 'read') return new IndexedDbSession(guard, null)
      const lock = await acquireWebLock(`${storeName(database)}:writer`, options.locks)
      if (lock === null) throw guard.lockHeld()
      const session = new IndexedDbSession(guard, lock)
      try {
        await session.connect()
        return session
      } catch (error) {
        await session.close()
        throw toIndexedDbError(error, `opening the store of ${guard.quotedName}`)
      }
    },
  }
}

class IndexedDbSession implements StorageSession {
  readonly #guard: SessionGuard
  readonly #lock: WriterLock | null
  /** Ends of the transactions under way, to be told when the connection goes without their events. */
  readonly #waiting = new Set<(error: OmenError) => void>()
  #connection: Connection | null = null
  #lost: OmenError | null = null
  #closing: Promise<void> | null = null
  /** Whether the store was seen to be there; one that goes away afterwards is a failure, not an absence. */
  #found = false

  constructor(guard: SessionGuard, lock: WriterLock | null) {
    this.#guard = guard
    this.#lock = lock
  }

  async connect(): Promise<void> {
    this.#connection = await openForWriting(this.#guard.database, { lost: (reason) => this.#lose(reason) })
    this.#found = true
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#read(
      'reading the head',
      null,
      async (connection) => (await connection.get('head', 'head')) ?? null,
    )
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    let same = false
    await this.#write('replacing the head', 'strict', async (transaction) => {
      const heads = transaction.objectStore('head')
      same = equalBytes((await heads.get('head')) ?? null, expected)
      if (same) await heads.put(next.slice(), 'head')
    })
    return same
  }

  async put(objects: readonly StorageObject[], head: Uint8Array): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#write('writing objects', 'strict', async (transaction) => {
      const current = transaction.objectStore('head').get('head')
      // Asked for before the head's answer is there: one round trip, and the transaction can still be aborted.
      const writes = objects.map(({ name, bytes }) => this.#putOne(transaction, { name, bytes }))
      const [stored] = await Promise.all([current, ...writes])
      if (!equalBytes(stored ?? null, head)) throw this.#guard.headReplaced()
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    checkObjectName(name)
    return this.#read(`reading object ${name}`, null, (connection) => readObject(connection, name, range))
  }

  async list(prefix: string): Promise<string[]> {
    return this.#read('listing objects', [], (connection) =>
      connection.getAllKeys('objects', IDBKeyRange.bound(prefix, `${prefix}\uffff`)),
    )
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    // Relaxed: an object that comes back after a power cut is one that nothing names.
    await this.#write('deleting objects', 'relaxed', async (transaction) => {
      await Promise.all(names.flatMap((name) => requestDeletion(transaction, name)))
    })
  }

  async usage(): Promise<StorageUsage> {
    const usedBytes = await this.#read('measuring the store', 0, async (connection) => {
      let sum = (await connection.get('head', 'head'))?.byteLength ?? 0
      const sizes = connection.transaction('objects').store.index('sizeBytes')
      for (let cursor = await sizes.openKeyCursor(); cursor !== null; cursor = await cursor.continue())
        sum += cursor.key
      return sum
    })
    const availableBytes = await availableQuotaBytes()
    return availableBytes === undefined ? { usedBytes } : { usedBytes, availableBytes }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#guard.close()
    this.#connection?.close()
    this.#connection = null
    await this.#lock?.release()
  }

  async #putOne(transaction: WriteTransaction, object: StorageObject): Promise<void> {
    try {
      await Promise.all(requestObject(transaction, object))
    } catch (error) {
      throw domErrorName(error) === 'ConstraintError' ? this.#guard.nameTaken(object.name) : error
    }
  }

  /** Runs `work` in one readwrite transaction; resolves when it is complete, rejects with what made it abort. */
  async #write(
    what: string,
    durability: 'strict' | 'relaxed',
    work: (transaction: WriteTransaction) => Promise<void>,
  ): Promise<void> {
    this.#guard.checkWritable()
    let stop: (error: OmenError) => void = () => undefined
    const stopped = new Promise<never>((_resolve, reject) => (stop = reject))
    this.#waiting.add(stop)
    try {
      const transaction = this.#writableConnection().transaction(['head', 'objects', 'chunks'], 'readwrite', {
        durability,
      })
      const done = transaction.done
      // Handled below; without this an abort would also be reported as unhandled.
      done.catch(() => undefined)
      try {
        await Promise.race([work(transaction), stopped])
      } catch (error) {
        await Promise.race([abort(transaction), stopped])
        // The requests of a transaction that aborted by itself say only that it did.
        throw domErrorName(error) === 'AbortError' ? (transaction.error ?? error) : error
      }
      await Promise.race([done, stopped])
    } catch (error) {
      throw toIndexedDbError(error, what)
    } finally {
      this.#waiting.delete(stop)
    }
  }

  #writableConnection(): Connection {
    if (this.#lost !== null) throw this.#lost
    if (this.#connection === null) throw new StorageFailedError('the connection to IndexedDB is closed')
    return this.#connection
  }

  /** Reads through the connection; answers `absent` when there is no store, and never for one that cannot be read. */
  async #read<T>(what: string, absent: T, read: (connection: Connection) => Promise<T>): Promise<T> {
    this.#guard.checkReadable()
    try {
      const connection =
        this.#guard.mode === 'write' ? this.#writableConnection() : await this.#readableConnection()
      return connection === null ? absent : await read(connection)
    } catch (error) {
      throw toIndexedDbError(error, what)
    }
  }

  async #readableConnection(): Promise<Connection | null> {
    if (this.#connection !== null) return this.#connection
    const opened = await openForReading(this.#guard.database, { lost: (reason) => this.#lose(reason) })
    if (opened === null) {
      if (this.#found)
        throw new StorageFailedError(`the store of ${this.#guard.quotedName} was deleted while it was open`)
      return null
    }
    this.#found = true
    // Two reads, or a close, may have overtaken this one.
    if (this.#connection !== null || this.#closing !== null) opened.close()
    else this.#connection = opened
    this.#guard.checkReadable()
    return this.#connection
  }

  #lose(reason: string): void {
    this.#connection = null
    const error = new StorageFailedError(
      `lost the connection to the store of ${this.#guard.quotedName}: ${reason}`,
    )
    if (this.#guard.mode === 'write') this.#lost = error
    for (const stop of this.#waiting) stop(error)
  }
}

/** Aborts, and waits for the end: only then is it certain that nothing was written. */
async function abort(transaction: WriteTransaction): Promise<void> {
  try {
    transaction.abort()
  } catch {
    // It aborted by itself already.
  }
  await transaction.done.catch(() => undefined)
}
