import { type OmenError, StorageFailedError } from '../js/errors/omen-error.js'
import { availableQuotaBytes } from './browser-quota.js'
import { type ByteRange, clampRange, equalBytes } from './byte-range.js'
import type { PutOptions, StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { escapeDatabaseName } from './database-name.js'
import { evictedError, ExistenceMark } from './existence-mark.js'
import { prepareHeadSlots, readHeadSlots, type SlottedHead, writeHeadSlot } from './head-slots.js'
import {
  isNotFound,
  openRootFolder,
  OpfsFile,
  OpfsPackFolder,
  OpfsPackSnapshots,
  snapshotOf,
  toOpfsError,
} from './opfs-files.js'
import { PackLog } from './pack-log.js'
import { PackReader, withRetries } from './pack-reader.js'
import { checkDatabaseName, checkObjectName, checkObjects, SessionGuard } from './session-guard.js'
import { acquireWebLock, type LockProvider, type WriterLock } from './web-lock.js'

const HEAD_FILE = 'head'
/** As IndexedDB's, so that a database fits both. */
const LARGEST_OBJECT_BYTES = 512 * 1024 * 1024

export interface OpfsOptions {
  /** In place of `navigator.locks`. */
  locks?: LockProvider
}

/**
 * Databases in the origin private file system, one folder each, for dedicated workers.
 *
 *     omendb-DATABASE/INSTANCE/head              the head, in two slots
 *     omendb-DATABASE/INSTANCE/pack-0000000001   objects: see pack-format.ts
 *
 * A writer holds a Web Lock and the head's file, which the browser opens for one at a time, so a second writer is kept
 * out even where its lock was stolen. Readers read snapshots of the files.
 */
export function opfsStorage(options: OpfsOptions = {}): StorageAdapter {
  return {
    name: 'opfs',
    capabilities: {
      atomicMultiPut: true,
      compareAndSet: true,
      rangedReads: true,
      synchronousReads: false,
      durableOnResolve: true,
      relaxedPutsInOrder: true,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode, { recreate = false } = {}) {
      checkDatabaseName(database)
      const guard = new SessionGuard(database, mode)
      const folderName = await opfsFolderName(database)
      const mark = new ExistenceMark(await opfsMarkName(database))
      const files = await openRootFolder(mode)
      const reader = new OpfsReader(guard, files, folderName)
      if (mode === 'read') {
        if (!recreate && (await reader.readHead()) === null && (await mark.isThere())) {
          throw evictedError(guard.quotedName)
        }
        return reader
      }
      const lock = await acquireWebLock(`opfs:${folderName}:writer`, options.locks)
      if (lock === null) throw guard.lockHeld()
      const session = new OpfsWriter(guard, lock, mark)
      try {
        if (!recreate && (await reader.readHead()) === null && (await mark.isThere())) {
          throw evictedError(guard.quotedName)
        }
        await session.start((await reader.findFolder()) ?? (await createInstance(files, folderName)))
        return session
      } catch (error) {
        await session.close()
        throw toOpfsError(error, `opening the files of ${guard.quotedName}`)
      }
    },
  }
}

/** Everything that is open once a writer has started. */
interface OpenFiles {
  readonly folder: FileSystemDirectoryHandle
  readonly headFile: OpfsFile
  readonly packs: OpfsPackFolder
  readonly log: PackLog
}

class OpfsWriter implements StorageSession {
  readonly #guard: SessionGuard
  readonly #lock: WriterLock
  readonly #mark: ExistenceMark
  #files: OpenFiles | null = null
  #head: SlottedHead | null = null
  /** One call after the other: a pack is read and moved by several steps. */
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null
  #evicted: OmenError | null = null

  constructor(guard: SessionGuard, lock: WriterLock, mark: ExistenceMark) {
    this.#guard = guard
    this.#lock = lock
    this.#mark = mark
  }

  async start(folder: FileSystemDirectoryHandle): Promise<void> {
    const headFile = await OpfsFile.open(folder, HEAD_FILE, { create: true })
    const packs = new OpfsPackFolder(folder)
    try {
      await prepareHeadSlots(headFile)
      this.#head = await readHeadSlots(headFile)
      this.#files = { folder, headFile, packs, log: await PackLog.open(packs) }
    } catch (error) {
      packs.close()
      headFile.close()
      throw error
    }
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#do('reading the head', async () => this.#head?.bytes.slice() ?? null)
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    this.#guard.checkWritable()
    return this.#do('replacing the head', async (files) => {
      if (!equalBytes(this.#head?.bytes ?? null, expected)) return false
      // It may name what was put relaxed.
      await files.log.sync()
      this.#head = await writeHeadSlot(files.headFile, this.#head, next)
      await this.#checkIsThere(files)
      this.#mark.leave()
      return true
    })
  }

  async put(
    objects: readonly StorageObject[],
    head: Uint8Array,
    { relaxed = false }: PutOptions = {},
  ): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#do('writing objects', async (files) => {
      if (!equalBytes(this.#head?.bytes ?? null, head)) throw this.#guard.headReplaced()
      for (const { name } of objects) {
        if (files.log.has(name)) throw this.#guard.nameTaken(name)
      }
      await files.log.put(objects, relaxed)
      if (!relaxed) await this.#checkIsThere(files)
    })
  }

  async sync(): Promise<void> {
    this.#guard.checkWritable()
    await this.#do('making objects durable', async (files) => {
      await files.log.sync()
      await this.#checkIsThere(files)
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    checkObjectName(name)
    return this.#do(`reading object ${name}`, async ({ log }) => {
      const sizeBytes = log.sizeOf(name)
      if (sizeBytes === null) return null
      const { start, end } = clampRange(range, sizeBytes)
      return log.read(name, start, end)
    })
  }

  async list(prefix: string): Promise<string[]> {
    return this.#do('listing objects', async ({ log }) =>
      [...log.names].filter((name) => name.startsWith(prefix)),
    )
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    await this.#do('deleting objects', async (files) => {
      await files.log.delete(names)
      await this.#checkIsThere(files)
    })
  }

  async usage(): Promise<StorageUsage> {
    const usedBytes = await this.#do(
      'measuring the files',
      async ({ log }) => log.usedBytes + (this.#head?.bytes.byteLength ?? 0),
    )
    return withAvailable(usedBytes)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#guard.close()
    await this.#queue
    try {
      // Chromium never returns from closing a file of an origin that was cleared.
      if (this.#files !== null && this.#evicted === null) {
        // Without room for it, or after a failure, the next opening finds the end by itself.
        await this.#files.log.seal().catch(() => undefined)
        this.#files.packs.close()
        this.#files.headFile.close()
      }
      this.#files = null
      await this.#mark.settled()
    } finally {
      await this.#lock.release()
    }
  }

  /** Files that are open stay writable when the browser has deleted them: what goes there is lost. */
  async #checkIsThere({ folder }: OpenFiles): Promise<void> {
    try {
      await folder.getFileHandle(HEAD_FILE)
    } catch (error) {
      if (!isNotFound(error)) throw error
      this.#evicted = evictedError(this.#guard.quotedName)
      throw this.#evicted
    }
  }

  #do<T>(what: string, work: (files: OpenFiles) => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      try {
        this.#guard.checkReadable()
        if (this.#evicted !== null) throw this.#evicted
        if (this.#files === null) throw new StorageFailedError('the session has not been started')
        return await work(this.#files)
      } catch (error) {
        throw toOpfsError(error, what)
      }
    })
    this.#queue = result.catch(() => undefined)
    return result
  }
}

class OpfsReader implements StorageSession {
  readonly #guard: SessionGuard
  readonly #root: FileSystemDirectoryHandle
  readonly #folderName: string
  readonly #packs: PackReader
  /** The folder's name, once it was seen to be there; if it goes away afterwards it was evicted. */
  #instance: string | null = null

  constructor(guard: SessionGuard, root: FileSystemDirectoryHandle, folderName: string) {
    this.#guard = guard
    this.#root = root
    this.#folderName = folderName
    this.#packs = new PackReader(new OpfsPackSnapshots(() => this.findFolder()))
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#read('reading the head', async () => {
      const head = await withRetries(async () => {
        const folder = await this.findFolder()
        if (folder === null) return null
        try {
          return await readHeadSlots(await snapshotOf(folder, HEAD_FILE))
        } catch (error) {
          // A writer makes the folder first.
          if (isNotFound(error)) return null
          throw error
        }
      })
      return head?.bytes ?? null
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    return this.#read(`reading object ${name}`, async () => {
      checkObjectName(name)
      return this.#packs.get(name, (sizeBytes) => clampRange(range, sizeBytes))
    })
  }

  async list(prefix: string): Promise<string[]> {
    return this.#read('listing objects', async () =>
      (await this.#packs.names()).filter((name) => name.startsWith(prefix)),
    )
  }

  async usage(): Promise<StorageUsage> {
    const head = await this.readHead()
    const usedBytes = await this.#read('measuring the files', () => this.#packs.usedBytes())
    return withAvailable(usedBytes + (head?.byteLength ?? 0))
  }

  async compareAndSetHead(): Promise<boolean> {
    this.#guard.checkWritable()
    return false
  }

  async put(): Promise<void> {
    this.#guard.checkWritable()
  }

  async sync(): Promise<void> {
    this.#guard.checkWritable()
  }

  async delete(): Promise<void> {
    this.#guard.checkWritable()
  }

  async close(): Promise<void> {
    this.#guard.close()
  }

  /** The folder of the files, or null when there is none and never was one in this session. */
  async findFolder(): Promise<FileSystemDirectoryHandle | null> {
    try {
      const database = await this.#root.getDirectoryHandle(this.#folderName)
      this.#instance ??= await firstName(database)
      return this.#instance === null ? null : await database.getDirectoryHandle(this.#instance)
    } catch (error) {
      if (!isNotFound(error)) throw error
      if (this.#instance !== null) throw evictedError(this.#guard.quotedName)
      return null
    }
  }

  async #read<T>(what: string, read: () => Promise<T>): Promise<T> {
    this.#guard.checkReadable()
    try {
      return await read()
    } catch (error) {
      throw toOpfsError(error, what)
    }
  }
}

/**
 * Makes a folder under a name that was never used: where the one before was removed with its files open, Chromium
 * keeps their names locked until it is started again.
 */
async function createInstance(
  root: FileSystemDirectoryHandle,
  folderName: string,
): Promise<FileSystemDirectoryHandle> {
  const database = await root.getDirectoryHandle(folderName, { create: true })
  return database.getDirectoryHandle(crypto.randomUUID(), { create: true })
}

/** Of two that were made at once, which only writers without locks can do, all see the same one. */
async function firstName(folder: FileSystemDirectoryHandle): Promise<string | null> {
  const names: string[] = []
  for await (const name of folder.keys()) names.push(name)
  return names.sort()[0] ?? null
}

async function withAvailable(usedBytes: number): Promise<StorageUsage> {
  const availableBytes = await availableQuotaBytes()
  return availableBytes === undefined ? { usedBytes } : { usedBytes, availableBytes }
}

/** What the mark of a database's existence is called. */
export async function opfsMarkName(database: string): Promise<string> {
  return `opfs:${await opfsFolderName(database)}`
}

/** A database's folder. Names may be cut somewhere, and upper and lower case be one: so the name as it is, or its SHA-256. */
export async function opfsFolderName(database: string): Promise<string> {
  if (/^[0-9a-z_-]{1,100}$/.test(database)) return `omendb-${database}`
  // The escaped form is ASCII: encoding the name itself would make one of all halves of surrogate pairs.
  const escaped = new TextEncoder().encode(escapeDatabaseName(database))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', escaped))
  return `omendb-~${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
