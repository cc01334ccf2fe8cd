/** Files of the origin private file system, as the pack log and the head want them. */
import {
  LockedError,
  type OmenError,
  QuotaExceededError,
  StorageFailedError,
  UnsupportedError,
} from '../js/errors/omen-error.js'
import { domErrorName } from './indexeddb-errors.js'
import type { AppendFile, PackFolder } from './pack-log.js'
import type { PackSnapshots } from './pack-reader.js'
import type { ReadableFile } from './pack-scan.js'
import { toStorageError } from './session-guard.js'

/** What is used of `FileSystemSyncAccessHandle`, which the DOM library knows in workers only. */
interface SyncAccessHandle {
  read(buffer: Uint8Array, options: { at: number }): number
  write(buffer: Uint8Array, options: { at: number }): number
  truncate(sizeBytes: number): void
  getSize(): number
  flush(): void
  close(): void
}

type SyncFileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccessHandle> }

export const HEAD_FILE = 'head'
const PACK_NAME = /^pack-([0-9]{10})$/
/** A page that was reloaded may keep its handles for a moment longer than its locks, and a shared writer those it just used. */
const HELD_PAUSE_MS = 20
const HELD_ATTEMPTS = 100
/** Packs that are kept open: one handle each. */
const OPEN_FILES_MOST = 256

/** `QUOTA_EXCEEDED`, `LOCKED` or `STORAGE_FAILED` for what the file system reports. */
export function toOpfsError(error: unknown, what: string): OmenError {
  switch (domErrorName(error)) {
    case 'QuotaExceededError':
      return new QuotaExceededError(`${what}: this origin's storage quota is used up`, { cause: error })
    case 'NoModificationAllowedError':
      return new LockedError(`${what}: another page or worker has the file open for writing`, {
        cause: error,
      })
    default:
      return toStorageError(error, what)
  }
}

export function isNotFound(error: unknown): boolean {
  return domErrorName(error) === 'NotFoundError'
}

/** `true`, or why databases cannot be kept in the origin private file system from here. */
export async function opfsAvailable(): Promise<true | string> {
  const missing = whatIsMissing('write')
  if (missing !== null) return missing
  const probe = `omendb-probe-${crypto.randomUUID()}`
  try {
    const root = await navigator.storage.getDirectory()
    // Some private modes offer the calls and refuse at this point only.
    const file = await OpfsFile.open(root, probe, { create: true })
    file.close()
    await root.removeEntry(probe)
    return true
  } catch (error) {
    return `this browser refuses it here: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** The origin's root folder; `UNSUPPORTED` where databases cannot be kept there, or not in this mode. */
export async function openRootFolder(mode: 'read' | 'write'): Promise<FileSystemDirectoryHandle> {
  const missing = whatIsMissing(mode)
  if (missing !== null) throw new UnsupportedError(missing)
  try {
    return await navigator.storage.getDirectory()
  } catch (error) {
    throw new UnsupportedError('this browser refuses its private file system here, as in a private window', {
      cause: error,
    })
  }
}

function whatIsMissing(mode: 'read' | 'write'): string | null {
  const { navigator, FileSystemFileHandle: fileHandle } = globalThis as {
    navigator?: { storage?: { getDirectory?: unknown } }
    FileSystemFileHandle?: { prototype: object }
  }
  if (navigator?.storage?.getDirectory === undefined) {
    return 'this runtime has no private file system; browsers offer it to pages from https or localhost only'
  }
  if (mode === 'read') return null
  if (fileHandle === undefined || !('createSyncAccessHandle' in fileHandle.prototype)) {
    return 'the private file system can be written from a dedicated worker only, and the engine is not in one'
  }
  return null
}

/** A file open for writing: nobody else can open it so. */
export class OpfsFile implements AppendFile {
  readonly #handle: SyncAccessHandle

  private constructor(handle: SyncAccessHandle) {
    this.#handle = handle
  }

  static async open(
    folder: FileSystemDirectoryHandle,
    name: string,
    { create, isPatient = true }: { create: boolean; isPatient?: boolean },
  ): Promise<OpfsFile> {
    try {
      const file = (await folder.getFileHandle(name, { create })) as SyncFileHandle
      return new OpfsFile(await openHandle(file, isPatient ? HELD_ATTEMPTS : 1))
    } catch (error) {
      throw toOpfsError(error, `opening ${name}`)
    }
  }

  async size(): Promise<number> {
    return this.#handle.getSize()
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(0, Math.min(end, this.#handle.getSize()) - start))
    let done = 0
    while (done < bytes.byteLength) {
      const count = this.#handle.read(bytes.subarray(done), { at: start + done })
      if (count === 0) throw new StorageFailedError(`a file ended at ${start + done} instead of ${end}`)
      done += count
    }
    return bytes
  }

  /** Bytes read. */
  readNow(into: Uint8Array, at: number): number {
    return attempt('reading', () => this.#handle.read(into, { at }))
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    let done = 0
    while (done < bytes.byteLength) {
      const count = attempt('writing', () => this.#handle.write(bytes.subarray(done), { at: at + done }))
      // How Firefox says that the quota is used up, where others throw.
      if (count === 0) throw new QuotaExceededError("writing: this origin's storage quota is used up")
      done += count
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    attempt('setting the size of a file', () => this.#handle.truncate(sizeBytes))
  }

  async flush(): Promise<void> {
    attempt('making a file durable', () => this.#handle.flush())
  }

  close(): void {
    this.#handle.close()
  }
}

/** The packs of one database. Handles stay open, as opening one costs more than reading through it. */
export class OpfsPackFolder implements PackFolder {
  readonly #folder: FileSystemDirectoryHandle
  /** In the order of their last use. */
  readonly #files = new Map<number, OpfsFile>()

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder
  }

  list(): Promise<number[]> {
    return listPacks(this.#folder)
  }

  async open(number: number): Promise<AppendFile> {
    const file =
      this.#files.get(number) ?? (await OpfsFile.open(this.#folder, packName(number), { create: false }))
    return this.#keep(number, file)
  }

  openNow(number: number): OpfsFile | null {
    const file = this.#files.get(number)
    return file === undefined ? null : this.#keep(number, file)
  }

  async create(number: number): Promise<AppendFile> {
    return this.#keep(number, await OpfsFile.open(this.#folder, packName(number), { create: true }))
  }

  async remove(number: number): Promise<void> {
    this.#files.get(number)?.close()
    this.#files.delete(number)
    try {
      await this.#folder.removeEntry(packName(number))
    } catch (error) {
      if (!isNotFound(error)) throw toOpfsError(error, `removing ${packName(number)}`)
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close()
    this.#files.clear()
  }

  #keep(number: number, file: OpfsFile): OpfsFile {
    this.#files.delete(number)
    this.#files.set(number, file)
    for (const [oldest, unused] of this.#files) {
      if (this.#files.size <= OPEN_FILES_MOST) break
      unused.close()
      this.#files.delete(oldest)
    }
    return file
  }
}

/** The packs of one database, for who may not write. */
export class OpfsPackSnapshots implements PackSnapshots {
  readonly #folder: () => Promise<FileSystemDirectoryHandle | null>

  constructor(folder: () => Promise<FileSystemDirectoryHandle | null>) {
    this.#folder = folder
  }

  async list(): Promise<number[]> {
    const folder = await this.#folder()
    return folder === null ? [] : listPacks(folder)
  }

  async snapshot(number: number): Promise<ReadableFile> {
    const folder = await this.#folder()
    if (folder === null) throw new StorageFailedError(`${packName(number)} went away while it was being read`)
    return snapshotOf(folder, packName(number))
  }
}

/** A file as it is now, whoever has it open. */
export async function snapshotOf(folder: FileSystemDirectoryHandle, name: string): Promise<ReadableFile> {
  const file = await (await folder.getFileHandle(name)).getFile()
  return {
    size: async () => file.size,
    read: async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer()),
  }
}

async function listPacks(folder: FileSystemDirectoryHandle): Promise<number[]> {
  const numbers: number[] = []
  for await (const name of folder.keys()) {
    const number = PACK_NAME.exec(name)?.[1]
    if (number !== undefined) numbers.push(Number.parseInt(number, 10))
  }
  return numbers
}

function packName(number: number): string {
  return `pack-${String(number).padStart(10, '0')}`
}

async function openHandle(file: SyncFileHandle, attemptsMost: number): Promise<SyncAccessHandle> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await file.createSyncAccessHandle()
    } catch (error) {
      if (domErrorName(error) !== 'NoModificationAllowedError' || attempts === attemptsMost) throw error
      await new Promise((resolve) => setTimeout(resolve, HELD_PAUSE_MS))
    }
  }
}

function attempt<T>(what: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw toOpfsError(error, what)
  }
}
