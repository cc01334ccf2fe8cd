/** A database in the origin private file system, for who may not write: snapshots of its files. */
import { type ByteRange, clampRange } from './byte-range.js'
import { withAvailable } from './browser-quota.js'
import type { StorageSession, StorageUsage } from './contract.js'
import { evictedError } from './existence-mark.js'
import { readHeadSlots } from './head-slots.js'
import { HEAD_FILE, isNotFound, OpfsPackSnapshots, snapshotOf, toOpfsError } from './opfs-files.js'
import { PackReader, withRetries } from './pack-reader.js'
import { checkObjectName, type SessionGuard } from './session-guard.js'

export class OpfsReader implements StorageSession {
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

/** Of two that were made at once, which only writers without locks can do, all see the same one. */
async function firstName(folder: FileSystemDirectoryHandle): Promise<string | null> {
  const names: string[] = []
  for await (const name of folder.keys()) names.push(name)
  return names.sort()[0] ?? null
}
