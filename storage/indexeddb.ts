import { withAvailable } from './browser-quota.js'
import { type ByteRange, equalBytes } from './byte-range.js'
import type {
  ObjectRange,
  PutOptions,
  StorageAdapter,
  StorageObject,
  StorageSession,
  StorageUsage,
} from './contract.js'
import { evictedError, ExistenceMark } from './existence-mark.js'
import { StoreConnection } from './indexeddb-connection.js'
import { domErrorName, toIndexedDbError } from './indexeddb-errors.js'
import { readObject, readRanges, requestDeletion, requestObject } from './indexeddb-objects.js'
import {
  type Connection,
  headBytes,
  INSTANCE_KEY,
  storeName,
  type WriteTransaction,
} from './indexeddb-schema.js'
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
 * Every `put` is one readwrite transaction that also compares the head, so a writer that lost its lock is stopped
 * before it changes anything; it is of strict durability unless it may be relaxed. A connection that was lost is made
 * anew for the next call. A write that was under way on it is rejected, and whether it arrived is for recovery to find
 * out; a read is done again. A store that has vanished, or was replaced, is `EVICTED`.
 */
export function indexedDbStorage(options: IndexedDbOptions = {}): StorageAdapter {
  return {
    name: 'indexeddb',
    capabilities: {
      atomicMultiPut: true,
      compareAndSet: true,
      // A range reads the chunks it touches.
      rangedReads: true,
      synchronousReads: false,
      durableOnResolve: true,
      // No browser says in which order relaxed transactions reach the disk.
      relaxedPutsInOrder: false,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode, { recreate = false } = {}) {
      checkDatabaseName(database)
      const guard = new SessionGuard(database, mode)
      const lock =
        mode === 'read' ? null : await acquireWebLock(`${storeName(database)}:writer`, options.locks)
      if (mode === 'write' && lock === null) throw guard.lockHeld()
      const session = new IndexedDbSession(guard, lock)
      try {
        await session.connect(recreate)
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
  readonly #store: StoreConnection
  readonly #mark: ExistenceMark
  #closing: Promise<void> | null = null

  constructor(guard: SessionGuard, lock: WriterLock | null) {
    this.#guard = guard
    this.#lock = lock
    this.#store = new StoreConnection(guard.database)
    this.#mark = new ExistenceMark(storeName(guard.database))
  }

  async connect(recreate: boolean): Promise<void> {
    const connection = await this.#store.get()
    const isEmpty = connection === null || (await readHead(connection)) === null
    if (isEmpty && !recreate && (await this.#mark.isThere())) throw evictedError(this.#guard.quotedName)
    if (this.#guard.mode === 'read') return
    if (connection === null) await this.#store.create()
    else if (!this.#store.isNamed) await this.#nameInstance()
  }

  /** Gives a store of an older version what tells it from one that may stand in its place later. */
  async #nameInstance(): Promise<void> {
    const instance = crypto.randomUUID()
    await this.#write('naming the store', 'strict', async (transaction) => {
      await transaction.objectStore('head').put(instance, INSTANCE_KEY)
    })
    this.#store.name(instance)
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#read('reading the head', null, readHead)
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    let same = false
    await this.#write('replacing the head', 'strict', async (transaction) => {
      const heads = transaction.objectStore('head')
      same = equalBytes(headBytes(await heads.get('head')), expected)
      if (same) await heads.put(next.slice(), 'head')
    })
    if (same) this.#mark.leave()
    return same
  }

  async put(
    objects: readonly StorageObject[],
    head: Uint8Array,
    { relaxed = false }: PutOptions = {},
  ): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#write('writing objects', relaxed ? 'relaxed' : 'strict', async (transaction) => {
      const current = transaction.objectStore('head').get('head')
      // Asked for before the head's answer is there: one round trip, and the transaction can still be aborted.
      const writes = objects.map(({ name, bytes }) => this.#putOne(transaction, { name, bytes }))
      const [stored] = await Promise.all([current, ...writes])
      if (!equalBytes(headBytes(stored), head)) throw this.#guard.headReplaced()
    })
  }

  /** A strict transaction makes those before it durable too. It has to write something, or browsers skip it. */
  async sync(): Promise<void> {
    await this.#write('making objects durable', 'strict', async (transaction) => {
      const heads = transaction.objectStore('head')
      const head = await heads.get('head')
      if (head !== undefined) await heads.put(head, 'head')
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    checkObjectName(name)
    return this.#read(`reading object ${name}`, null, (connection) => readObject(connection, name, range))
  }

  async getRanges(ranges: readonly ObjectRange[]): Promise<(Uint8Array | null)[]> {
    this.#guard.checkReadable()
    for (const { name } of ranges) checkObjectName(name)
    const absent = ranges.map(() => null)
    return this.#read('reading objects', absent, (connection) => readRanges(connection, ranges))
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
      let sum = (await readHead(connection))?.byteLength ?? 0
      const sizes = connection.transaction('objects').store.index('sizeBytes')
      for (let cursor = await sizes.openKeyCursor(); cursor !== null; cursor = await cursor.continue())
        sum += cursor.key
      return sum
    })
    return withAvailable(usedBytes)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#guard.close()
    await this.#mark.settled()
    this.#store.close()
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
    try {
      await this.#store.untilLost(async (lost) => {
        const transaction = await this.#store.begin(durability)
        const done = transaction.done
        // Handled below; without this an abort would also be reported as unhandled.
        done.catch(() => undefined)
        try {
          await Promise.race([work(transaction), lost])
        } catch (error) {
          await Promise.race([abort(transaction), lost])
          this.#store.noteError(transaction.db, error)
          // The requests of a transaction that aborted by itself say only that it did.
          throw domErrorName(error) === 'AbortError' ? (transaction.error ?? error) : error
        }
        await Promise.race([done, lost])
      })
    } catch (error) {
      throw toIndexedDbError(error, what)
    }
  }

  /** Reads through the connection; answers `absent` when there is no store, and never for one that cannot be read. */
  async #read<T>(what: string, absent: T, read: (connection: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.#guard.checkReadable()
      let connection: Connection | null = null
      try {
        connection = await this.#store.get()
        return connection === null ? absent : await read(connection)
      } catch (error) {
        // A read changes nothing, so it is done again on a new connection, once.
        const isLost = connection !== null && this.#store.noteError(connection, error)
        // The abort of its transaction may be heard of before the end of the connection.
        if (attempt === 1 && (isLost || domErrorName(error) === 'AbortError')) continue
        throw toIndexedDbError(error, what)
      }
    }
  }
}

async function readHead(connection: Connection): Promise<Uint8Array | null> {
  return headBytes(await connection.get('head', 'head'))
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
