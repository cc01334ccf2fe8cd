import { CorruptionError, StorageFailedError } from '../js/errors/omen-error.js'
import { equalBytes } from './byte-range.js'
import type { CreateIdbfsModule, IdbfsModule, IdbfsMount as MountHandle } from './idbfs-module.js'
import { toIndexedDbError } from './indexeddb-errors.js'

/** What must hold inside the transaction that persists a change, or nothing of it is written. */
interface PersistCondition {
  /** The stored head. */
  readonly head: Uint8Array | null
  /** Paths that may be stored: all that this mount knows of. */
  readonly known: ReadonlySet<IDBValidKey>
  readonly durability: 'strict' | 'relaxed'
}

/** Which part of the condition did not hold. */
type PersistConflict = 'head' | 'unknown file'

/** IDBFS's record of a file. */
interface FileEntry {
  readonly contents?: unknown
}

export const HEAD_FILE = 'head'
const ATTEMPTS = 3

/**
 * One mounted IDBFS: files in memory, and their transfer to and from IndexedDB by IDBFS's own code.
 *
 * IDBFS asks its list of connections for one; the connection it finds there is this object's, which adds two things
 * to the transactions IDBFS makes: strict durability, and a check of what is stored before anything is written.
 * Left alone, IDBFS deletes every stored file that it does not know, another writer's last ones among them.
 */
export class IdbfsMount {
  readonly #module: IdbfsModule
  readonly #connection: IDBDatabase
  readonly #path: string
  readonly #mount: MountHandle
  #lost: StorageFailedError | null = null
  /** The transaction that persists a change, and what it has to check. */
  #condition: PersistCondition | null = null
  #conflict: PersistConflict | null = null
  #checked = false
  #transaction: IDBTransaction | null = null
  #stop: (error: unknown) => void = () => undefined

  private constructor(module: IdbfsModule, connection: IDBDatabase, path: string) {
    this.#module = module
    this.#connection = connection
    this.#path = path
    module.FS.mkdirTree(path)
    this.#mount = module.FS.mount(module.IDBFS, {}, path).mount
    module.IDBFS.dbs[path] = {
      transaction: (stores, mode) => this.#begin(stores, mode),
      close: () => connection.close(),
    }
    connection.onclose = () => this.#lose('the browser closed the connection')
    connection.onversionchange = () => {
      connection.close()
      this.#lose('another page deletes or upgrades the store')
    }
  }

  /** Mounts the store called `path`, creating it when it is not there. */
  static async create(createModule: CreateIdbfsModule, path: string): Promise<IdbfsMount> {
    const module = await createModule({})
    const connection = await new Promise<IDBDatabase>((resolve, reject) => {
      module.IDBFS.getDB(path, (error, opened) => {
        if (error === null) resolve(opened)
        else reject(toIndexedDbError(error, 'opening the IDBFS store'))
      })
    })
    return new IdbfsMount(module, connection, path)
  }

  /** Mounts the store called `path`; null, and nothing created, when it is not there. */
  static async find(createModule: CreateIdbfsModule, path: string): Promise<IdbfsMount | null> {
    const connection = await openExisting(path)
    return connection === null ? null : new IdbfsMount(await createModule({}), connection, path)
  }

  get lost(): StorageFailedError | null {
    return this.#lost
  }

  /** Makes the files in memory what is stored. */
  async populate(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#sync(true)
        return
      } catch (error) {
        if (error instanceof StorageFailedError || error instanceof DOMException) {
          throw toIndexedDbError(error, 'reading the IDBFS store')
        }
        // IDBFS lists and reads in two transactions; a file that a writer deleted in between stops it.
        if (attempt < ATTEMPTS) continue
        throw new CorruptionError('the IDBFS store holds an entry that is no file', { cause: error })
      }
    }
  }

  /**
   * Makes `change` in memory and stores it, in one transaction, if the stored head is `head`; answers false when it is
   * another. After that, and after a failure, memory is again what is stored. What `change` throws is passed on; it
   * has to throw before it changes anything.
   */
  async persist(
    head: Uint8Array | null,
    change: () => void,
    durability: 'strict' | 'relaxed' = 'strict',
  ): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const known = new Set(this.files().map((file) => this.#filePath(file)))
      change()
      const conflict = await this.#persistOnce({ head, known, durability })
      if (conflict !== 'unknown file') return conflict === null
      // Another writer put it before this one takes over. It is known now, so that the change can be made again.
      if (attempt === ATTEMPTS)
        throw new StorageFailedError('another writer keeps adding files to the IDBFS store')
    }
  }

  async #persistOnce(condition: PersistCondition): Promise<PersistConflict | null> {
    this.#condition = condition
    this.#conflict = null
    this.#checked = false
    try {
      await this.#sync(false)
      // With nothing to store IDBFS makes no transaction.
      return this.#checked || equalBytes(await this.storedHead(), condition.head) ? null : 'head'
    } catch (error) {
      this.#condition = null
      await this.populate().catch(() =>
        this.#lose('what is stored could not be read again after a failed write'),
      )
      // Set by the transaction's own events meanwhile.
      const conflict = this.#conflict as PersistConflict | null
      if (conflict !== null) return conflict
      throw toIndexedDbError(error, 'writing the IDBFS store')
    } finally {
      this.#condition = null
    }
  }

  /** Whether a file is stored, whatever is in memory. */
  async isStored(file: string): Promise<boolean> {
    const key = await this.#request((store) => store.getKey(this.#filePath(file)))
    return key !== undefined
  }

  async storedHead(): Promise<Uint8Array | null> {
    return contentsOf(await this.#request<unknown>((store) => store.get(this.#filePath(HEAD_FILE))))
  }

  /**
   * Makes earlier transactions durable by a strict one. It has to write something, or browsers skip it: the head as
   * it is, which no reader can tell from before.
   */
  async sync(): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    const { DB_STORE_NAME } = this.#module.IDBFS
    await new Promise<void>((resolve, reject) => {
      const transaction = this.#connection.transaction(DB_STORE_NAME, 'readwrite', { durability: 'strict' })
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(asError(transaction.error))
      this.#stop = reject
      const store = transaction.objectStore(DB_STORE_NAME)
      const path = this.#filePath(HEAD_FILE)
      const head = store.get(path)
      head.onsuccess = () => {
        if (head.result !== undefined) store.put(head.result, path)
      }
    }).finally(() => (this.#stop = () => undefined))
  }

  files(): string[] {
    return this.#module.FS.readdir(this.#path).filter((name) => name !== '.' && name !== '..')
  }

  has(file: string): boolean {
    return this.#module.FS.analyzePath(this.#filePath(file)).exists
  }

  sizeBytes(file: string): number {
    return this.#module.FS.stat(this.#filePath(file)).size
  }

  read(file: string, start: number, end: number): Uint8Array {
    const { FS } = this.#module
    const bytes = new Uint8Array(end - start)
    const stream = FS.open(this.#filePath(file), 'r')
    try {
      FS.read(stream, bytes, 0, bytes.byteLength, start)
    } finally {
      FS.close(stream)
    }
    return bytes
  }

  /** Writes a file in memory, with a time of change that differs from its last one: all that IDBFS looks at. */
  write(file: string, bytes: Uint8Array): void {
    const { FS } = this.#module
    const path = this.#filePath(file)
    const lastMs = this.has(file) ? FS.stat(path).mtime.getTime() : 0
    FS.writeFile(path, bytes.slice(), { canOwn: true })
    const modifiedMs = Math.max(Date.now(), lastMs + 1)
    FS.utime(path, modifiedMs, modifiedMs)
  }

  remove(file: string): void {
    if (this.has(file)) this.#module.FS.unlink(this.#filePath(file))
  }

  close(): void {
    this.#connection.close()
  }

  #filePath(file: string): string {
    return `${this.#path}/${file}`
  }

  async #sync(populate: boolean): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    try {
      await new Promise<void>((resolve, reject) => {
        this.#stop = reject
        this.#module.IDBFS.syncfs(this.#mount, populate, (error) => {
          if (error === null) resolve()
          // IDBFS keeps a transaction going when one of its requests fails; it has to end whole or not at all.
          else if (!this.#abort(error)) reject(asError(error))
        })
      })
    } finally {
      this.#stop = () => undefined
      this.#transaction = null
    }
  }

  /** Aborts the transaction under way; false when there is none. Its abort event reports `error`. */
  #abort(error: unknown): boolean {
    const transaction = this.#transaction
    if (transaction === null) return false
    const stop = this.#stop
    transaction.addEventListener('abort', () => stop(asError(error)))
    try {
      transaction.abort()
      return true
    } catch {
      return false
    }
  }

  #begin(stores: string | Iterable<string>, mode: IDBTransactionMode | undefined): IDBTransaction {
    const condition = this.#condition
    if (mode !== 'readwrite' || condition === null) return this.#connection.transaction(stores, 'readonly')
    const transaction = this.#connection.transaction(stores, mode, { durability: condition.durability })
    this.#transaction = transaction
    this.#checked = true
    // This transfer's own: the event may come after its requests' errors have ended it, and the next has begun.
    const stop = this.#stop
    transaction.addEventListener('abort', () => stop(asError(transaction.error)))
    const store = transaction.objectStore(this.#module.IDBFS.DB_STORE_NAME)
    const head = store.get(this.#filePath(HEAD_FILE))
    head.onsuccess = () => {
      if (!equalBytes(contentsOf(head.result), condition.head)) this.#refuse(transaction, 'head')
    }
    const keys = store.getAllKeys()
    keys.onsuccess = () => {
      if (keys.result.some((key) => !condition.known.has(key))) this.#refuse(transaction, 'unknown file')
    }
    return transaction
  }

  #refuse(transaction: IDBTransaction, conflict: PersistConflict): void {
    if (this.#conflict !== null) return
    this.#conflict = conflict
    transaction.abort()
  }

  #request<T>(ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    if (this.#lost !== null) throw this.#lost
    return new Promise((resolve, reject) => {
      const { DB_STORE_NAME } = this.#module.IDBFS
      const request = ask(this.#connection.transaction(DB_STORE_NAME, 'readonly').objectStore(DB_STORE_NAME))
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(asError(request.error))
    })
  }

  #lose(reason: string): void {
    this.#lost ??= new StorageFailedError(`lost the connection to the IDBFS store: ${reason}`)
    this.#stop(this.#lost)
  }
}

/** Opens a store at whatever version it has; creating a new one is aborted, which leaves nothing. */
function openExisting(name: string): Promise<IDBDatabase | null> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name)
    let isNew = false
    request.onupgradeneeded = () => {
      isNew = true
      request.transaction?.abort()
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => {
      if (isNew) resolve(null)
      else reject(toIndexedDbError(request.error, 'opening the IDBFS store'))
    }
  })
}

function contentsOf(entry: unknown): Uint8Array | null {
  if (entry === undefined) return null
  const { contents } = entry as FileEntry
  if (contents instanceof Uint8Array) return contents
  throw new CorruptionError('the IDBFS store holds a head without contents')
}

/** A transaction that was aborted has no error; Emscripten's file system throws objects that are none. */
function asError(error: unknown): Error {
  if (error === null || error === undefined)
    return new DOMException('the transaction was aborted', 'AbortError')
  return error instanceof Error ? error : new Error('the file system refused an entry', { cause: error })
}
