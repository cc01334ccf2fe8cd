import { randomUUID } from 'node:crypto'
import { link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileErrorCode, isAbsent } from './node-file-errors.js'

/** What a file system without hard links (FAT, some network shares) answers to `link`. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Writes `bytes` to a new file in `folder` and syncs it. Returns its path; a failure leaves nothing behind. */
export async function writeTemporaryFile(folder: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, randomUUID())
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.datasync()
  } catch (error) {
    await file.close()
    await removeFile(path)
    throw error
  }
  await file.close()
  return path
}

/**
 * Gives the file at `temporary` the name `path`, whole and without overwriting; false when the name is taken. The
 * temporary name is gone afterwards. Durable once the folder of `path` has been synced.
 *
 * `link` decides between two that want the same name. Without hard links a look and a rename stand in for it: two
 * writers at the same instant are then kept apart by the lock file alone.
 */
export async function publishFile(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') {
      await removeFile(temporary)
      return false
    }
    if (!NO_HARD_LINKS.has(fileErrorCode(error))) throw error
    if (await exists(path)) {
      await removeFile(temporary)
      return false
    }
    await rename(temporary, path)
    return true
  }
  await removeFile(temporary)
  return true
}

/** Removes a file; one that is not there is fine. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

/** Makes the names in a folder durable. Windows cannot open a folder for this, and journals names by itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
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

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}
