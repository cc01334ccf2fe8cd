import { ClosedError, type OmenError, StorageFailedError } from '../js/errors/omen-error.js'
import { evictedError } from './existence-mark.js'
import { domErrorName } from './indexeddb-errors.js'
import {
  type Connection,
  INSTANCE_KEY,
  openExisting,
  openOrCreate,
  type WriteTransaction,
} from './indexeddb-schema.js'

/** What Safari answers once its storage process has gone, and what browsers say of a connection that they are closing. */
const LOST_MESSAGE = /connection to indexed database server lost|connection is clos/i

/**
 * A session's connection to its store, made anew when it was lost.
 *
 * Each store has an instance id from its creation. A new connection must find the same one: where the store is gone, or
 * another stands in its place, the session is `EVICTED` for good and never writes there.
 */
export class StoreConnection {
  readonly #database: string
  /** Transactions under way, to be told when the connection goes without their own events. */
  readonly #waiting = new Set<(error: OmenError) => void>()
  #connection: Connection | null = null
  #connecting: Promise<Connection | null> | null = null
  #instance: string | undefined
  /** Whether the store was seen to be there; one that goes away afterwards was evicted. */
  #found = false
  #evicted: OmenError | null = null
  #closed = false

  constructor(database: string) {
    this.#database = database
  }

  /** The connection, or null when there is no store and never was one in this session. */
  async get(): Promise<Connection | null> {
    this.#check()
    if (this.#connection !== null) return this.#connection
    this.#connecting ??= this.#connect(openExisting).finally(() => (this.#connecting = null))
    return this.#connecting
  }

  /** The connection, to a store that is created when it is not there. For a writer's first call only. */
  async create(): Promise<Connection> {
    const connection = await this.#connect(openOrCreate)
    if (connection === null) throw new StorageFailedError('the store was created and is not there')
    return connection
  }

  /** Whether the store was found to have an instance id. */
  get isNamed(): boolean {
    return this.#instance !== undefined
  }

  /** The instance id that the session gave the store. */
  name(instance: string): void {
    this.#instance = instance
  }

  /** Begins a readwrite transaction. One that could not begin has changed nothing, so a new connection may be tried. */
  async begin(durability: 'strict' | 'relaxed'): Promise<WriteTransaction> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.get()
      if (connection === null) throw new StorageFailedError('the store has not been created')
      try {
        return connection.transaction(['head', 'objects', 'chunks'], 'readwrite', { durability })
      } catch (error) {
        if (!this.noteError(connection, error) || attempt > 1) throw error
      }
    }
  }

  /** Whether `error` came because `connection` is no longer usable; the next call then makes a new one. */
  noteError(connection: Connection, error: unknown): boolean {
    if (connection !== this.#connection) return true
    const message = error instanceof Error ? error.message : ''
    if (domErrorName(error) !== 'InvalidStateError' && !LOST_MESSAGE.test(message)) return false
    connection.close()
    this.#lose('the browser closed the connection')
    return true
  }

  /** Rejects when the browser ends the connection under `work`: its own events may never come. */
  async untilLost<T>(work: (lost: Promise<never>) => Promise<T>): Promise<T> {
    let stop: (error: OmenError) => void = () => undefined
    const lost = new Promise<never>((_resolve, reject) => (stop = reject))
    lost.catch(() => undefined)
    this.#waiting.add(stop)
    try {
      return await work(lost)
    } finally {
      this.#waiting.delete(stop)
    }
  }

  close(): void {
    this.#closed = true
    this.#connection?.close()
    this.#connection = null
  }

  async #connect(open: typeof openExisting): Promise<Connection | null> {
    let isUsable = true
    const drop = (): void => {
      isUsable = false
      this.#connection = null
    }
    const opened = await open(this.#database, {
      // Transactions under way are allowed to finish, and report how they went.
      asked: drop,
      ended: () => {
        drop()
        this.#lose('the browser closed the connection')
      },
    })
    if (opened === null) {
      if (!this.#found) return null
      throw this.#evict()
    }
    const instance = await opened.get('head', INSTANCE_KEY)
    if (this.#instance !== undefined && instance !== this.#instance) {
      opened.close()
      throw this.#evict()
    }
    this.#found = true
    if (typeof instance === 'string') this.#instance = instance
    if (this.#closed) opened.close()
    this.#check()
    if (!isUsable) throw new StorageFailedError('the store was taken away while it was being opened')
    this.#connection = opened
    return opened
  }

  #check(): void {
    if (this.#evicted !== null) throw this.#evicted
    if (this.#closed) throw new ClosedError('the storage session is closed')
  }

  #evict(): OmenError {
    this.#evicted = evictedError(JSON.stringify(this.#database))
    return this.#evicted
  }

  #lose(reason: string): void {
    this.#connection = null
    const error = new StorageFailedError(
      `lost the connection to the store of ${JSON.stringify(this.#database)}: ${reason}; whether a write that was ` +
        'under way arrived is for opening again to tell',
    )
    for (const stop of this.#waiting) stop(error)
  }
}
