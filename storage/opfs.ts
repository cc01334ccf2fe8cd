import type { StorageAdapter } from './contract.js'
import { escapeDatabaseName } from './database-name.js'
import { evictedError, ExistenceMark } from './existence-mark.js'
import { openRootFolder, toOpfsError } from './opfs-files.js'
import { OpfsReader } from './opfs-reader.js'
import { LARGEST_OBJECT_BYTES, OpfsWriter } from './opfs-writer.js'
import { checkDatabaseName, SessionGuard } from './session-guard.js'
import { acquireWebLock, type LockProvider } from './web-lock.js'

export interface OpfsOptions {
  /** In place of `navigator.locks`. */
  locks?: LockProvider
  /** Another writer may take over from one that is frozen, so a writer that has nothing to do lets go of its files. */
  isShared?: boolean
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
export function opfsStorage({ locks, isShared = false }: OpfsOptions = {}): StorageAdapter {
  return {
    name: 'opfs',
    capabilities: {
      atomicMultiPut: true,
      compareAndSet: true,
      rangedReads: true,
      synchronousReads: true,
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
      const lock = await acquireWebLock(`opfs:${folderName}:writer`, locks)
      if (lock === null) throw guard.lockHeld()
      const session = new OpfsWriter({ guard, lock, mark, reader, isShared })
      try {
        if (!recreate && (await reader.readHead()) === null && (await mark.isThere())) {
          throw evictedError(guard.quotedName)
        }
        if ((await reader.findFolder()) === null) await createInstance(files, folderName)
        await session.start()
        return session
      } catch (error) {
        await session.close()
        throw toOpfsError(error, `opening the files of ${guard.quotedName}`)
      }
    },
  }
}

/**
 * Makes a folder under a name that was never used: where the one before was removed with its files open, Chromium
 * keeps their names locked until it is started again.
 */
async function createInstance(root: FileSystemDirectoryHandle, folderName: string): Promise<void> {
  const database = await root.getDirectoryHandle(folderName, { create: true })
  await database.getDirectoryHandle(crypto.randomUUID(), { create: true })
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
