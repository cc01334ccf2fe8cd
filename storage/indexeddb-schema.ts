import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import {
  CorruptionError,
  LockedError,
  UnsupportedError,
  UnsupportedVersionError,
} from '../js/errors/omen-error.js'
import { escapeDatabaseName } from './database-name.js'
import { domErrorName } from './indexeddb-errors.js'

/** A small object, with its bytes. */
export interface WholeRecord {
  sizeBytes: number
  bytes: Uint8Array
}

/** A larger object: its chunks stand in 'chunks' under [name, 0], [name, 1], ... */
export interface ChunkedRecord {
  sizeBytes: number
  /** Size of all chunks but the last. */
  chunkBytes: number
}

export type ObjectRecord = WholeRecord | ChunkedRecord

export interface OmenSchema extends DBSchema {
  /** The head, under 'head'. */
  head: { key: 'head'; value: Uint8Array }
  objects: { key: string; value: ObjectRecord; indexes: { sizeBytes: number } }
  chunks: { key: [string, number]; value: Uint8Array }
}

export type Connection = IDBPDatabase<OmenSchema>
export type StoreName = 'head' | 'objects' | 'chunks'
export type WriteTransaction = IDBPTransaction<OmenSchema, StoreName[], 'readwrite'>

const SCHEMA_VERSION = 1
const STORES: readonly StoreName[] = ['head', 'objects', 'chunks']

export interface ConnectionEvents {
  /** The browser ended the connection, or it was given up because another page deletes or upgrades the store. */
  lost(reason: string): void
}

/** IndexedDB's name for a database. */
export function storeName(database: string): string {
  return `omendb:${escapeDatabaseName(database)}`
}

/** Connects, creating the store when it is not there. */
export async function openForWriting(database: string, events: ConnectionEvents): Promise<Connection> {
  checkIndexedDb()
  return openConnection(database, SCHEMA_VERSION, events, (connection) => {
    connection.createObjectStore('head')
    connection.createObjectStore('objects').createIndex('sizeBytes', 'sizeBytes')
    connection.createObjectStore('chunks')
  })
}

/** Connects to a store that is there; null, and nothing created, when it is not. */
export async function openForReading(database: string, events: ConnectionEvents): Promise<Connection | null> {
  checkIndexedDb()
  try {
    // Without a version IndexedDB opens what there is. When there is nothing it starts to create, and aborting that
    // leaves nothing, in every browser; `indexedDB.databases()` is missing from some.
    return await openConnection(database, undefined, events, (_connection, transaction) =>
      transaction.abort(),
    )
  } catch (error) {
    if (domErrorName(error) === 'AbortError') return null
    throw error
  }
}

async function openConnection(
  database: string,
  version: number | undefined,
  events: ConnectionEvents,
  create: (connection: Connection, transaction: { abort(): void }) => void,
): Promise<Connection> {
  let refused = false
  let refuse: (error: Error) => void = () => undefined
  const refusal = new Promise<never>((_resolve, reject) => (refuse = reject))
  let connection: Connection | null = null
  const opening = openDB<OmenSchema>(storeName(database), version, {
    upgrade(upgraded, _oldVersion, _newVersion, transaction) {
      // An aborted upgrade rejects both `opening` and this.
      transaction.done.catch(() => undefined)
      create(upgraded, transaction)
    },
    blocked() {
      refused = true
      refuse(
        new LockedError(`another page holds database ${JSON.stringify(database)} open in an older version`),
      )
    },
    blocking() {
      connection?.close()
      events.lost('another page deletes or upgrades the store')
    },
    terminated() {
      events.lost('the browser closed the connection')
    },
  })
  opening.then(
    (late) => {
      if (refused) late.close()
    },
    () => undefined,
  )
  connection = await Promise.race([opening, refusal])
  checkSchema(connection, database)
  return connection
}

function checkSchema(connection: Connection, database: string): void {
  const name = JSON.stringify(database)
  if (connection.version > SCHEMA_VERSION) {
    const version = connection.version
    connection.close()
    throw new UnsupportedVersionError(
      `the store of ${name} has version ${version}, this OmenDB knows ${SCHEMA_VERSION}`,
    )
  }
  const missing = STORES.filter((store) => !connection.objectStoreNames.contains(store))
  if (missing.length > 0) {
    connection.close()
    throw new CorruptionError(`the store of ${name} lacks ${missing.join(', ')}`)
  }
}

function checkIndexedDb(): void {
  if (typeof indexedDB === 'undefined') throw new UnsupportedError('this runtime has no IndexedDB')
}
