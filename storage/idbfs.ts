import { type OmenError, StorageFailedError } from '../js/errors/omen-error.js'
import { withAvailable } from './browser-quota.js'
import { type ByteRange, clampRange } from './byte-range.js'
import type { PutOptions, StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { escapeDatabaseName } from './database-name.js'
import { evictedError, ExistenceMark } from './existence-mark.js'
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
      // No browser says in which order relaxed transactions reach the disk.
      relaxedPutsInOrder: false,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode, { recreate = false } = {}) {
      checkDatabaseName(database)
      const guard = new SessionGuard(database, mode)
      const path = `/omendb-idbfs-${escapeDatabaseName(database)}`
      const lock = mode === 'read' ? null : await acquireWebLock(`${path}:writer`, options.locks)
      if (mode === 'write' && lock === null) throw guard.lockHeld()
      const session = new IdbfsSession(guard, path, options.createModule, lock)
      try {
        await session.mount(recreate)
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
  readonly #mark: ExistenceMark
  #mount: IdbfsMount | null = null
  /** Whether a head was seen to be stored; a store that has none afterwards was evicted. */
  #found = false
  /** A store that has vanished stays so for this session, whatever stands in its place later. */
  #evicted: OmenError | null = null
  /** IDBFS does one transfer at a time. */
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(guard: SessionGuard, path: string, createModule: CreateIdbfsModule, lock: WriterLock | null) {
    this.#guard = guard
    this.#path = path
    this.#createModule = createModule
    this.#lock = lock
    this.#mark = new ExistenceMark(path)
  }

  async mount(recreate: boolean): Promise<void> {
    const mount = await this.#findMount()
    const isEmpty = mount === null || this.#knownHead(mount) === null
    if (isEmpty && !recreate && (await this.#mark.isThere())) throw evictedError(this.#guard.quotedName)
    if (mount !== null || this.#guard.mode === 'read') return
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
    const isReplaced = await this.#write((mount) =>
      mount.persist(expected, () => mount.write(HEAD_FILE, next)),
    )
    if (isReplaced) {
      this.#found = true
      this.#mark.leave()
    }
    return isReplaced
  }

  async put(
    objects: readonly StorageObject[],
    head: Uint8Array,
    { relaxed = false }: PutOptions = {},
  ): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#write(async (mount) => {
      const change = (): void => {
        for (const { name } of objects) {
          if (mount.has(OBJECT_PREFIX + name)) throw this.#guard.nameTaken(name)
        }
        for (const { name, bytes } of objects) mount.write(OBJECT_PREFIX + name, bytes)
      }
      const isStored = await mount.persist(head, change, relaxed ? 'relaxed' : 'strict')
      if (!isStored) throw this.#guard.headReplaced()
    })
  }

  async sync(): Promise<void> {
    await this.#write((mount) => mount.sync())
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
    return withAvailable(usedBytes)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#guard.close()
    await this.#queue
    await this.#mark.settled()
    this.#mount?.close()
    this.#mount = null
    await this.#lock?.release()
  }

  #knownHead(mount: IdbfsMount): Uint8Array | null {
    return mount.has(HEAD_FILE) ? mount.read(HEAD_FILE, 0, mount.sizeBytes(HEAD_FILE)) : null
  }

  async #write<T>(work: (mount: IdbfsMount) => Promise<T>): Promise<T> {
    this.#guard.checkWritable()
    return this.#enqueue(async () => work(await this.#writableMount()))
  }

  /** Reads; once more on a new connection when this one was lost meanwhile. */
  async #read<T>(absent: T, work: (mount: IdbfsMount) => Promise<T>): Promise<T> {
    this.#guard.checkReadable()
    return this.#enqueue(async () => {
      for (let attempt = 1; ; attempt++) {
        const mount = await this.#findMount()
        if (mount === null) return absent
        try {
          return await work(mount)
        } catch (error) {
          if (attempt > 1 || mount.lost === null) throw error
        }
      }
    })
  }

  async #writableMount(): Promise<IdbfsMount> {
    const mount = await this.#findMount()
    if (mount === null) throw new StorageFailedError(`the IDBFS store of ${this.#guard.quotedName} is closed`)
    return mount
  }

  /**
   * The mount; made anew when its connection was lost. What is written there is checked against the stored head, so
   * nothing is written into a store that another took the place of.
   */
  async #findMount(): Promise<IdbfsMount | null> {
    if (this.#evicted !== null) throw this.#evicted
    if (this.#mount !== null && this.#mount.lost === null) return this.#mount
    const mount = await IdbfsMount.find(this.#createModule, this.#path)
    await mount?.populate()
    const head = mount === null ? null : this.#knownHead(mount)
    if (head === null && this.#found) {
      mount?.close()
      this.#evicted = evictedError(this.#guard.quotedName)
      throw this.#evicted
    }
    this.#found = head !== null
    this.#mount = mount
    return mount
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work).catch((error: unknown) => {
      throw toIndexedDbError(error, `using the IDBFS store of ${this.#guard.quotedName}`)
    })
    this.#queue = result.catch(() => undefined)
    return result
  }
}
