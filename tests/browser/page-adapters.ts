import type { StorageAdapter } from '../../storage/contract.js'
import { escapeDatabaseName } from '../../storage/database-name.js'
import { idbfsStorage } from '../../storage/idbfs.js'
import type { CreateIdbfsModule } from '../../storage/idbfs-module.js'
import { indexedDbStorage } from '../../storage/indexeddb.js'
import { opfsStorage } from '../../storage/opfs.js'
import type { LockProvider } from '../../storage/web-lock.js'

export type AdapterName = 'indexeddb' | 'idbfs' | 'opfs' | 'opfs-shared'

/** Grants every lock at once: the lock of a client that believes to be alone. */
export const NO_LOCKS: LockProvider = { request: async (_name, _options, callback) => callback({}) }

let loaded: CreateIdbfsModule | undefined
const createModule: CreateIdbfsModule = async (options) => {
  // Not bundled: it is the file that the package ships.
  const address = './idbfs.mjs'
  loaded ??= ((await import(address)) as { default: CreateIdbfsModule }).default
  return loaded(options)
}

export function createAdapter(name: AdapterName, locks?: LockProvider): StorageAdapter {
  const options = locks === undefined ? {} : { locks }
  if (name === 'opfs') return opfsStorage(options)
  if (name === 'opfs-shared') return opfsStorage({ ...options, isShared: true })
  return name === 'indexeddb' ? indexedDbStorage(options) : idbfsStorage({ createModule, ...options })
}

/** The name IndexedDB knows a database by. */
export function indexedDbName(adapter: 'indexeddb' | 'idbfs', database: string): string {
  const escaped = escapeDatabaseName(database)
  return adapter === 'indexeddb' ? `omendb:${escaped}` : `/omendb-idbfs-${escaped}`
}
