import { randomUUID } from 'node:crypto'
import { close, constants, fdatasync, openSync, write } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { fileErrorCode, isAbsent } from './node-file-errors.js'

const writeAsync = promisify(write)
const datasyncAsync = promisify(fdatasync)
const closeAsync = promisify(close)

/** What a file system without hard links (FAT, some network shares) answers to `link`. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/**
 * What makes a write return only when its bytes are durable, so that the two are one call that the thread pool does
 * alone. 0 elsewhere than in Node on Linux: macOS has the flag but leaves the bytes in the drive's cache, which `fdatasync`
 * empties there; Windows has none; another runtime that offers Node's interface may ignore it.
 */
const DURABLE_WRITE = isNode() && process.platform === 'linux' ? constants.O_DSYNC : 0

/**
 * Writes `bytes` to a new file in `folder` and, unless `relaxed`, makes them durable. Returns its path; a failure leaves
 * nothing behind. Writing begins before this function returns: the caller can compute meanwhile without giving the
 * event loop a turn.
 */
export async function writeTemporaryFile(
  folder: string,
  bytes: Uint8Array,
  { relaxed = false }: { relaxed?: boolean } = {},
): Promise<string> {
  const path = join(folder, randomUUID())
  const isDurableWrite = !relaxed && DURABLE_WRITE !== 0 && bytes.byteLength > 0
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  const file = openSync(path, isDurableWrite ? flags | DURABLE_WRITE : flags)
  try {
    for (let done = 0; done < bytes.byteLength;) {
      const { bytesWritten } = await writeAsync(file, bytes, done, bytes.byteLength - done, done)
      done += bytesWritten
    }
    if (!relaxed && !isDurableWrite) await datasyncAsync(file)
  } catch (error) {
    await closeAsync(file)
    await removeFile(path)
    throw error
  }
  await closeAsync(file)
  return path
}

/**
 * Gives the file at `temporary` the name `path`, whole and without overwriting; false when the name is taken. Durable
 * once the folder of `path` has been synced. The temporary name may be left, and is the caller's to remove.
 *
 * `link` decides between two that want the same name. Without hard links a look and a rename stand in for it: two
 * writers at the same instant are then kept apart by the lock file alone.
 */
export async function publishFile(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return false
    if (!NO_HARD_LINKS.has(fileErrorCode(error))) throw error
    if (await exists(path)) return false
    await rename(temporary, path)
    return true
  }
}

/** Removes a file; one that is not there is fine. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

/** Makes the bytes of a file durable. */
export async function syncFile(path: string): Promise<void> {
  // Windows flushes only what was opened to be written.
  const file = await open(path, 'r+')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** A folder held open, so that the names in it can be made durable without opening it each time. */
export class SyncedFolder {
  readonly #handle: FileHandle | null

  private constructor(handle: FileHandle | null) {
    this.#handle = handle
  }

  /** Windows cannot open a folder for this, and journals names by itself; there `sync` does nothing. */
  static async open(folder: string): Promise<SyncedFolder> {
    return new SyncedFolder(process.platform === 'win32' ? null : await open(folder, 'r'))
  }

  async sync(): Promise<void> {
    await this.#handle?.sync()
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await SyncedFolder.open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Creates a folder with its parents, and makes those it created durable. */
export async function createFolder(folder: string): Promise<void> {
  const firstCreated = await mkdir(folder, { recursive: true })
  if (firstCreated === undefined) return
  const last = dirname(firstCreated)
  for (let path = dirname(folder); ; path = dirname(path)) {
    await syncFolder(path)
    if (path === last || path === dirname(path)) return
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

function isNode(): boolean {
  return !('deno' in process.versions) && !('bun' in process.versions)
}
