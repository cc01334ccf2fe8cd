/** A page with IndexedDB stores that stand in for others: made by an older version, or in place of the one in use. */
import { deleteDB, type IDBPDatabase, openDB } from 'idb'
import type { StorageSession } from '../../storage/contract.js'
import { indexedDbStorage } from '../../storage/indexeddb.js'
import { pattern } from '../storage/contract-environment.js'

const HEAD = pattern(50, 1)
let session: StorageSession

/** A store as version 1 made it before there were instances, with a head. */
async function makeStore(database: string, instance?: string): Promise<void> {
  const connection: IDBPDatabase = await openDB(`omendb:${database}`, 1, {
    upgrade(upgraded) {
      const heads = upgraded.createObjectStore('head')
      void heads.put(HEAD, 'head')
      if (instance !== undefined) void heads.put(instance, 'instance')
      upgraded.createObjectStore('objects').createIndex('sizeBytes', 'sizeBytes')
      upgraded.createObjectStore('chunks')
    },
  })
  connection.close()
}

const instancePage = {
  makeStore,
  async open(database: string): Promise<void> {
    session = await indexedDbStorage().open(database, 'write')
  },
  async put(name: string): Promise<unknown> {
    try {
      await session.put([{ name, bytes: pattern(100, 2) }], HEAD)
      return 'put'
    } catch (error) {
      return (error as { code?: unknown }).code ?? String(error)
    }
  },
  names: () => session.list(''),
  close: () => session.close(),
  remove: (database: string) => deleteDB(`omendb:${database}`),
  /** What a store holds, whoever asks. */
  async keysOf(database: string): Promise<unknown> {
    const connection: IDBPDatabase = await openDB(`omendb:${database}`)
    const keys = [...(await connection.getAllKeys('head')), ...(await connection.getAllKeys('objects'))]
    connection.close()
    return keys
  },
}

Object.assign(globalThis, { instancePage })
