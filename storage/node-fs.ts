import { type FileHandle, open, readdir, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  InvalidArgumentError,
  LimitExceededError,
  type OmenError,
  StorageFailedError,
} from '../js/errors/omen-error.js'
import { type ByteRange, clampRange, equalBytes } from './byte-range.js'
import type {
  PutOptions,
  RangeRead,
  StorageAdapter,
  StorageObject,
  StorageSession,
  StorageUsage,
} from './contract.js'
import {
  createFolder,
  exists,
  publishFile,
  removeFile,
  SyncedFolder,
  writeTemporaryFile,
} from './node-durable-file.js'
import { fileErrorCode, isAbsent, toFileStorageError } from './node-file-errors.js'
import { FileRegister, type RegisterValue } from './node-file-register.js'
import { LockFile } from './node-lock-file.js'
import { OpenFiles } from './node-open-files.js'
import { RelaxedObjects } from './node-relaxed-objects.js'
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
 *     relaxed/...       objects of relaxed puts, until they are synced
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
      synchronousReads: true,
      durableOnResolve: true,
      relaxedPutsInOrder: true,
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
  readonly #relaxedFolder: string
  readonly #relaxed: RelaxedObjects
  readonly #openFiles: OpenFiles
  readonly #head: FileRegister
  #lastHead: RegisterValue | null = null
  #lock: LockFile | null = null
  #syncedObjects: SyncedFolder | null = null
  #closing: Promise<void> | null = null
  /** Whether the folder was seen to be there; one that goes away afterwards is a failure, not an absence. */
  #found = false
  #hasReplacedHead = false

  constructor(guard: SessionGuard, folder: string) {
    this.#guard = guard
    this.#folder = folder
    this.#objectFolder = join(folder, 'objects')
    this.#temporaryFolder = join(folder, 'temporary')
    this.#relaxedFolder = join(folder, 'relaxed')
    this.#relaxed = new RelaxedObjects(this.#relaxedFolder, this.#temporaryFolder, this.#objectFolder)
    this.#openFiles = new OpenFiles((name) => this.#objectPath(name))
    this.#head = new FileRegister(join(folder, 'head'), this.#temporaryFolder)
  }

  async prepareToWrite(): Promise<void> {
    const lockFolder = join(this.#folder, 'lock')
    for (const folder of [
      this.#objectFolder,
      this.#relaxedFolder,
      join(this.#folder, 'head'),
      lockFolder,
      this.#temporaryFolder,
    ]) {
      await createFolder(folder)
    }
    this.#lock = await LockFile.acquire(new FileRegister(lockFolder, this.#temporaryFolder))
    if (this.#lock === null) throw this.#guard.lockHeld()
    this.#syncedObjects = await SyncedFolder.open(this.#objectFolder)
    this.#relaxed.begin(this.#lock.generation)
    await this.#relaxed.recover(this.#syncedObjects)
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
      const isReplaced = await this.#head.compareAndSet(current?.generation ?? 0, next)
      // What a writer that was taken over put until this instant; from now on it is refused.
      if (isReplaced && !this.#hasReplacedHead) await this.sync()
      this.#hasReplacedHead ||= isReplaced
      return isReplaced
    } catch (error) {
      throw await this.#writeError(error, 'replacing the head', expected)
    }
  }

  async put(
    objects: readonly StorageObject[],
    head: Uint8Array,
    { relaxed = false }: PutOptions = {},
  ): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    try {
      if (relaxed) await this.#putRelaxed(objects)
      else await this.#putDurably(objects)
      const current = await this.#currentHead()
      if (!equalBytes(current?.bytes ?? null, head)) throw this.#guard.headReplaced()
    } catch (error) {
      throw await this.#writeError(error, 'writing objects', head)
    }
  }

  async sync(): Promise<void> {
    this.#guard.checkWritable()
    try {
      if (this.#syncedObjects !== null) await this.#relaxed.promote(this.#syncedObjects)
    } catch (error) {
      throw toFileStorageError(error, 'making objects durable')
    }
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    return this.#read(`reading object ${name}`, async () => {
      checkObjectName(name)
      const file = await this.#openObject(name)
      if (file === null) {
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

  readNow(reads: readonly RangeRead[]): boolean {
    this.#guard.checkReadable()
    try {
      return reads.every((read) => this.#openFiles.read(read))
    } catch (error) {
      throw toFileStorageError(error, 'reading objects')
    }
  }

  async list(prefix: string): Promise<string[]> {
    return this.#read('listing objects', async () => {
      const paths = await this.#objectPaths()
      return [...paths.keys()].filter((name) => name.startsWith(prefix))
    })
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    try {
      // A gap among relaxed objects would pass for one that a crash made.
      const relaxed = await this.#relaxed.paths()
      if (names.some((name) => relaxed.has(name))) await this.sync()
      for (const name of names) this.#openFiles.close(name)
      // Not synced: an object that comes back after a power cut is one that nothing names.
      await Promise.all(names.map((name) => removeFile(this.#objectPath(name))))
    } catch (error) {
      throw toFileStorageError(error, 'deleting objects')
    }
  }

  async usage(): Promise<StorageUsage> {
    return this.#read('measuring the folder', async () => {
      const paths = await this.#objectPaths()
      const sizes = await Promise.all([...paths.values()].map(sizeOf))
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
    this.#openFiles.closeAll()
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

  async #putDurably(objects: readonly StorageObject[]): Promise<void> {
    // Or a crash might keep these and lose relaxed ones before them.
    if (this.#relaxed.isWaiting) await this.sync()
    const temporaries: string[] = []
    for (const { name, bytes } of objects) {
      const temporary = await writeTemporaryFile(this.#temporaryFolder, bytes)
      temporaries.push(temporary)
      if (await publishFile(temporary, this.#objectPath(name))) continue
      await removeFile(temporary)
      throw this.#guard.nameTaken(name)
    }
    await Promise.all([this.#syncedObjects?.sync(), ...temporaries.map(removeFile)])
  }

  async #putRelaxed(objects: readonly StorageObject[]): Promise<void> {
    for (const { name, bytes } of objects) {
      if (this.#relaxed.has(name) || (await exists(this.#objectPath(name)))) throw this.#guard.nameTaken(name)
      await this.#relaxed.put(name, bytes)
    }
  }

  /** Null when the object is not there. It may move from the relaxed ones to the others while it is looked for. */
  async #openObject(name: string): Promise<FileHandle | null> {
    for (const findPath of [
      () => this.#objectPath(name),
      async () => (await this.#relaxed.paths()).get(name),
      () => this.#objectPath(name),
    ]) {
      const path = await findPath()
      if (path === undefined) continue
      try {
        return await open(path, 'r')
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
    }
    return null
  }

  /** Where each object lies. */
  async #objectPaths(): Promise<Map<string, string>> {
    // First those that may move to the others meanwhile.
    const paths = await this.#relaxed.paths()
    try {
      for (const name of await readdir(this.#objectFolder)) paths.set(name, this.#objectPath(name))
      this.#found = true
    } catch (error) {
      if (!isAbsent(error)) throw error
      await this.#checkFolder()
    }
    return paths
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
