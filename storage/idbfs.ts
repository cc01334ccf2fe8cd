import { StorageFailedError } from '../js/errors/omen-error.js'
import { availableQuotaBytes } from './browser-quota.js'
import { type ByteRange, clampRange } from './byte-range.js'
import type { StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { escapeDatabaseName } from './database-name.js'
import type { CreateIdbfsModule } from './idbfs-module.js'
import { HEAD_FILE, IdbfsMount } from './idbfs-mount.js'
import { toIndexedDbError } from './indexeddb-errors.js'
import { checkDatabaseName, checkObjectName, checkObjects, SessionGuard } from './session-guard.js'
import { acquireWebLock, type LockProvider, type WriterLock } from './web-lock.js'

/** IDBFS stores a file as one value, and browsers refuse values from about 100 MB on. */
const LARGEST_OBJECT_BYTES = 64 * 1024 * 1024
const OBJECT_PREFIX = 'o-'

export interface IdbfsOptions {
  /** The default export of the module built from `wasm/idbfs`. */
  createModule: CreateIdbfsModule
  /** In place of `navigator.locks`. */
  locks?: LockProvider
}

/**
 * Databases in Emscripten's IDBFS, one IndexedDB database each, for pages and workers.
 *
 * IDBFS keeps every file in memory, so a session costs as much JavaScript heap as the database has bytes, and each
 * write compares all paths. What it has is that stored files can be read by any program that mounts IDBFS.
 */
export function idbfsStorage(options: IdbfsOptions): StorageAdapter {
  return {
    name: 'idbfs',
    capabilities: {
      atomicMultiPut: true,
      compareAndSet: true,
      rangedReads: true,
      synchronousReads: false,
      durableOnResolve: true,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode) {
      checkDatabaseName(database)
      const guard = new SessionGuard(database, mode)
      const path = `/omendb-idbfs-${escapeDatabaseName(database)}`
      if (mode === 'read') return new IdbfsSession(guard, path, options.createModule, null)
      const lock = await acquireWebLock(`${path}:writer`, options.locks)
      if (lock === null) throw guard.lockHeld()
      const session = new IdbfsSession(guard, path, options.createModule, lock)
      try {
        await session.mount()
        return session
      } catch (error) {
        await session.close()
        throw toIndexedDbError(error, `opening the IDBFS store of ${guard.quotedName}`)
      }
    },
  }
}

class IdbfsSession implements StorageSession {
  readonly #guard: SessionGuard
  readonly #path: string
  readonly #createModule: CreateIdbfsModule
  readonly #lock: WriterLock | null
  #mount: IdbfsMount | null = null
  /** Whether the store was seen to be there; one that goes away afterwards is a failure, not an absence. */
  #found = false
  /** IDBFS does one transfer at a time. */
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(guard: SessionGuard, path: string, createModule: CreateIdbfsModule, lock: WriterLock | null) {
    this.#guard = guard
    this.#path = path
    this.#createModule = createModule
    this.#lock = lock
  }

  async mount(): Promise<void> {
    this.#mount = await IdbfsMount.create(this.#createModule, this.#path)
    await this.#mount.populate()
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#read(null, async (mount) => {
      await mount.populate()
      return this.#knownHead(mount)
    })
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    return this.#write((mount) => mount.persist(expected, () => mount.write(HEAD_FILE, next)))
  }

  async put(objects: readonly StorageObject[], head: Uint8Array): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#write(async (mount) => {
      const isStored = await mount.persist(head, () => {
        for (const { name } of objects) {
          if (mount.has(OBJECT_PREFIX + name)) throw this.#guard.nameTaken(name)
        }
        for (const { name, bytes } of objects) mount.write(OBJECT_PREFIX + name, bytes)
      })
      if (!isStored) throw this.#guard.headReplaced()
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    checkObjectName(name)
    const file = OBJECT_PREFIX + name
    return this.#read(null, async (mount) => {
      if (this.#guard.mode === 'read') {
        if (!(await mount.isStored(file))) return null
        if (!mount.has(file)) await mount.populate()
      }
      if (!mount.has(file)) return null
      const { start, end } = clampRange(range, mount.sizeBytes(file))
      return mount.read(file, start, end)
    })
  }

  async list(prefix: string): Promise<string[]> {
    return this.#read([], async (mount) => {
      if (this.#guard.mode === 'read') await mount.populate()
      const wanted = OBJECT_PREFIX + prefix
      return mount
        .files()
        .filter((file) => file.startsWith(wanted))
        .map((file) => file.slice(OBJECT_PREFIX.length))
    })
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    await this.#write(async (mount) => {
      // Under the head that this session knows: what it would delete may be needed under another.
      const isStored = await mount.persist(this.#knownHead(mount), () => {
        for (const name of names) mount.remove(OBJECT_PREFIX + name)
      })
      if (!isStored) throw this.#guard.headReplaced()
    })
  }

  async usage(): Promise<StorageUsage> {
    const usedBytes = await this.#read(0, async (mount) => {
      if (this.#guard.mode === 'read') await mount.populate()
      return mount.files().reduce((sum, file) => sum + mount.sizeBytes(file), 0)
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
    await this.#queue
    this.#mount?.close()
    this.#mount = null
    await this.#lock?.release()
  }

  #knownHead(mount: IdbfsMount): Uint8Array | null {
    return mount.has(HEAD_FILE) ? mount.read(HEAD_FILE, 0, mount.sizeBytes(HEAD_FILE)) : null
  }

  async #write<T>(work: (mount: IdbfsMount) => Promise<T>): Promise<T> {
    this.#guard.checkWritable()
    return this.#enqueue(() => work(this.#mounted()))
  }

  async #read<T>(absent: T, work: (mount: IdbfsMount) => Promise<T>): Promise<T> {
    this.#guard.checkReadable()
    return this.#enqueue(async () => {
      const mount = this.#guard.mode === 'write' ? this.#mounted() : await this.#findMount()
      return mount === null ? absent : work(mount)
    })
  }

  #mounted(): IdbfsMount {
    if (this.#mount === null)
      throw new StorageFailedError(`the IDBFS store of ${this.#guard.quotedName} is closed`)
    if (this.#mount.lost !== null) throw this.#mount.lost
    return this.#mount
  }

  /** A reader's mount: made when the store is there, and made anew when its connection was lost. */
  async #findMount(): Promise<IdbfsMount | null> {
    this.#guard.checkReadable()
    if (this.#mount !== null && this.#mount.lost === null) return this.#mount
    this.#mount = await IdbfsMount.find(this.#createModule, this.#path)
    if (this.#mount === null) {
      if (this.#found)
        throw new StorageFailedError(`the store of ${this.#guard.quotedName} was deleted while it was open`)
      return null
    }
    this.#found = true
    await this.#mount.populate()
    return this.#mount
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work).catch((error: unknown) => {
      throw toIndexedDbError(error, `using the IDBFS store of ${this.#guard.quotedName}`)
    })
    this.#queue = result.catch(() => undefined)
    return result
  }
}
