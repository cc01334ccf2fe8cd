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
  /** The head, under 'head', and what tells this store from any other, under 'instance'. */
  head: { key: 'head' | 'instance'; value: Uint8Array | string }
  objects: { key: string; value: ObjectRecord; indexes: { sizeBytes: number } }
  chunks: { key: [string, number]; value: Uint8Array }
}

export type Connection = IDBPDatabase<OmenSchema>
export type StoreName = 'head' | 'objects' | 'chunks'
export type WriteTransaction = IDBPTransaction<OmenSchema, StoreName[], 'readwrite'>

/** Stores that were made before there were instances have none until the next writer. */
export const INSTANCE_KEY = 'instance'
const SCHEMA_VERSION = 1
const STORES: readonly StoreName[] = ['head', 'objects', 'chunks']

export interface ConnectionEvents {
  /** The connection was given up because another page deletes or upgrades the store; transactions under way finish. */
  asked(): void
  /** The browser ended the connection, and with it the transactions under way. */
  ended(): void
}

/** IndexedDB's name for a database. */
export function storeName(database: string): string {
  return `omendb:${escapeDatabaseName(database)}`
}

/** Connects, creating the store when it is not there. */
export async function openOrCreate(database: string, events: ConnectionEvents): Promise<Connection> {
  checkIndexedDb()
  return openConnection(database, SCHEMA_VERSION, events, (connection) => {
    void connection.createObjectStore('head').put(crypto.randomUUID(), INSTANCE_KEY)
    connection.createObjectStore('objects').createIndex('sizeBytes', 'sizeBytes')
    connection.createObjectStore('chunks')
  })
}

/** Connects to a store that is there; null, and nothing created, when it is not. */
export async function openExisting(database: string, events: ConnectionEvents): Promise<Connection | null> {
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
      events.asked()
    },
    terminated() {
      events.ended()
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

/** The head's bytes among the values of its store. */
export function headBytes(value: Uint8Array | string | undefined): Uint8Array | null {
  if (value === undefined) return null
  if (value instanceof Uint8Array) return value
  throw new CorruptionError('the store holds a head that is no bytes')
}

function checkIndexedDb(): void {
  if (typeof indexedDB === 'undefined') throw new UnsupportedError('this runtime has no IndexedDB')
}
