import { type FileHandle, open, readdir, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  InvalidArgumentError,
  LimitExceededError,
  type OmenError,
  StorageFailedError,
} from '../js/errors/omen-error.js'
import { type ByteRange, clampRange, equalBytes } from './byte-range.js'
import type { StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import {
  createFolder,
  publishFile,
  removeFile,
  SyncedFolder,
  writeTemporaryFile,
} from './node-durable-file.js'
import { fileErrorCode, isAbsent, toFileStorageError } from './node-file-errors.js'
import { FileRegister, type RegisterValue } from './node-file-register.js'
import { LockFile } from './node-lock-file.js'
import { checkDatabaseName, checkObjectName, checkObjects, SessionGuard } from './session-guard.js'

/** Linux's PATH_MAX; what a file system takes is for it to say. */
const PATH_MAX_CHARACTERS = 4096
/** Node reads and writes at most 2 GiB at once. */
const LARGEST_OBJECT_BYTES = 2 ** 31 - 1

/**
 * Databases in folders, for Node, Deno and Bun. A database's name is the folder's path, absolute or from the working
 * directory; the folder is created by the first open in write mode.
 *
 *     objects/NAME      one file per object, linked to its name when it is whole and synced
 *     head/GENERATION   the head: the highest generation counts
 *     lock/GENERATION   the writer lock
 *     temporary/        what is being written; emptied by the next writer
 */
export function nodeFsStorage(): StorageAdapter {
  return {
    name: 'fs',
    capabilities: {
      atomicMultiPut: false,
      compareAndSet: true,
      rangedReads: true,
      synchronousReads: false,
      durableOnResolve: true,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode) {
      checkDatabaseName(database, PATH_MAX_CHARACTERS)
      if (/[\0\p{Surrogate}]/u.test(database)) {
        throw new InvalidArgumentError('a folder name holds no NUL and no half of a surrogate pair')
      }
      const guard = new SessionGuard(database, mode)
      const session = new FolderSession(guard, resolve(database))
      try {
        if (mode === 'write') await session.prepareToWrite()
        return session
      } catch (error) {
        await session.close().catch(() => undefined)
        if (fileErrorCode(error) === 'ENAMETOOLONG') {
          throw new LimitExceededError('the file system does not take a folder name this long', {
            cause: error,
          })
        }
        throw toFileStorageError(error, `opening folder ${guard.quotedName}`)
      }
    },
  }
}

class FolderSession implements StorageSession {
  readonly #guard: SessionGuard
  readonly #folder: string
  readonly #objectFolder: string
  readonly #temporaryFolder: string
  readonly #head: FileRegister
  #lastHead: RegisterValue | null = null
  #lock: LockFile | null = null
  #syncedObjects: SyncedFolder | null = null
  #closing: Promise<void> | null = null
  /** Whether the folder was seen to be there; one that goes away afterwards is a failure, not an absence. */
  #found = false

  constructor(guard: SessionGuard, folder: string) {
    this.#guard = guard
    this.#folder = folder
    this.#objectFolder = join(folder, 'objects')
    this.#temporaryFolder = join(folder, 'temporary')
    this.#head = new FileRegister(join(folder, 'head'), this.#temporaryFolder)
  }

  async prepareToWrite(): Promise<void> {
    const lockFolder = join(this.#folder, 'lock')
    for (const folder of [
      this.#objectFolder,
      join(this.#folder, 'head'),
      lockFolder,
      this.#temporaryFolder,
    ]) {
      await createFolder(folder)
    }
    this.#lock = await LockFile.acquire(new FileRegister(lockFolder, this.#temporaryFolder))
    if (this.#lock === null) throw this.#guard.lockHeld()
    this.#syncedObjects = await SyncedFolder.open(this.#objectFolder)
    const left = await readdir(this.#temporaryFolder)
    await Promise.all(left.map((name) => removeFile(join(this.#temporaryFolder, name))))
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#read('reading the head', async () => {
      const head = await this.#currentHead()
      if (head === null) await this.#checkFolder()
      else this.#found = true
      return head?.bytes.slice() ?? null
    })
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    this.#guard.checkWritable()
    try {
      const current = await this.#currentHead()
      if (!equalBytes(current?.bytes ?? null, expected)) return false
      return await this.#head.compareAndSet(current?.generation ?? 0, next)
    } catch (error) {
      throw await this.#writeError(error, 'replacing the head', expected)
    }
  }

  async put(objects: readonly StorageObject[], head: Uint8Array): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    try {
      const temporaries: string[] = []
      for (const { name, bytes } of objects) {
        const temporary = await writeTemporaryFile(this.#temporaryFolder, bytes)
        temporaries.push(temporary)
        if (await publishFile(temporary, this.#objectPath(name))) continue
        await removeFile(temporary)
        throw this.#guard.nameTaken(name)
      }
      await Promise.all([this.#syncedObjects?.sync(), ...temporaries.map(removeFile)])
      const current = await this.#currentHead()
      if (!equalBytes(current?.bytes ?? null, head)) throw this.#guard.headReplaced()
    } catch (error) {
      throw await this.#writeError(error, 'writing objects', head)
    }
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    return this.#read(`reading object ${name}`, async () => {
      checkObjectName(name)
      let file: FileHandle
      try {
        file = await open(this.#objectPath(name), 'r')
      } catch (error) {
        if (!isAbsent(error)) throw error
        await this.#checkFolder()
        return null
      }
      try {
        const { size } = await file.stat()
        const { start, end } = clampRange(range, size)
        return await readFully(file, start, end)
      } finally {
        await file.close()
      }
    })
  }

  async list(prefix: string): Promise<string[]> {
    return this.#read('listing objects', async () => {
      const names = await this.#objectNames()
      return names.filter((name) => name.startsWith(prefix))
    })
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    try {
      // Not synced: an object that comes back after a power cut is one that nothing names.
      await Promise.all(names.map((name) => removeFile(this.#objectPath(name))))
    } catch (error) {
      throw toFileStorageError(error, 'deleting objects')
    }
  }

  async usage(): Promise<StorageUsage> {
    return this.#read('measuring the folder', async () => {
      const sizes = await Promise.all(
        (await this.#objectNames()).map(async (name) => sizeOf(this.#objectPath(name))),
      )
      const head = await this.#currentHead()
      const usedBytes = sizes.reduce((sum, size) => sum + size, head?.bytes.byteLength ?? 0)
      if (!this.#found) return { usedBytes }
      const { bavail, bsize } = await statfs(this.#folder)
      return { usedBytes, availableBytes: bavail * bsize }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#guard.close()
    try {
      await this.#syncedObjects?.close()
      await this.#lock?.release()
    } catch (error) {
      // A folder that was removed holds no lock.
      if (!isAbsent(error)) throw toFileStorageError(error, 'releasing the lock file')
    }
  }

  async #read<T>(what: string, read: () => Promise<T>): Promise<T> {
    this.#guard.checkReadable()
    try {
      return await read()
    } catch (error) {
      throw toFileStorageError(error, what)
    }
  }

  async #objectNames(): Promise<string[]> {
    try {
      const names = await readdir(this.#objectFolder)
      this.#found = true
      return names
    } catch (error) {
      if (!isAbsent(error)) throw error
      await this.#checkFolder()
      return []
    }
  }

  /** Tells a database that is not there yet from one whose folder was taken away under this session. */
  async #checkFolder(): Promise<void> {
    try {
      await stat(this.#objectFolder)
      this.#found = true
    } catch (error) {
      if (!isAbsent(error)) throw error
      if (this.#found || this.#guard.mode === 'write') {
        throw new StorageFailedError(`folder ${this.#folder} was removed while the database was open`)
      }
    }
  }

  /** A write that failed because a new writer cleaned up after this one is a fenced write. */
  async #writeError(error: unknown, what: string, head: Uint8Array | null): Promise<OmenError> {
    if (isAbsent(error)) {
      const current = await this.#currentHead().catch(() => null)
      if (current !== null && !equalBytes(current.bytes, head)) return this.#guard.headReplaced()
    }
    return toFileStorageError(error, what)
  }

  /** The stored head; its file is read only when it is a new one. */
  async #currentHead(): Promise<RegisterValue | null> {
    const head = await this.#head.read(this.#lastHead)
    this.#lastHead = head
    return head
  }

  #objectPath(name: string): string {
    return join(this.#objectFolder, name)
  }
}

async function readFully(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  let done = 0
  while (done < bytes.byteLength) {
    const { bytesRead } = await file.read(bytes, done, bytes.byteLength - done, start + done)
    if (bytesRead === 0) throw new StorageFailedError(`a file ended at ${start + done} instead of ${end}`)
    done += bytesRead
  }
  return bytes
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isAbsent(error)) return 0
    throw error
  }
}
