/// <reference lib="esnext.disposable" preserve="true" />
import type { CollectionSchema, PointInTime } from '../engine/protocol.js'
import { VECTOR_TYPES } from '../wasm/vector-types.js'
import { backupStream, restoreStream } from './backup.js'
import { Collection } from './collection.js'
import type { Connection } from './connection.js'
import { askForPersistence } from './persistence.js'
import { report } from './report.js'
import { Snapshot } from './snapshot.js'
import { transact, type Transaction } from './transaction.js'
import type {
  CollectionOptions,
  DatabaseStats,
  GraphOptions,
  IdleOptions,
  JsonValue,
  RestoreOptions,
  RestoreTarget,
  TransactionOptions,
} from './types.js'
import {
  checkCallback,
  checkCollectionName,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkSignal,
  describe,
  DIMENSIONS_MAX,
  invalid,
} from './validation.js'

/** An open database. Made by `open`; `close` it, or let `await using` do so. */
export class Database {
  readonly name: string
  readonly #connection: Connection
  readonly #workerFallback: string | undefined

  /** @internal */
  constructor(name: string, connection: Connection, workerFallback: string | undefined) {
    this.name = name
    this.#connection = connection
    this.#workerFallback = workerFallback
  }

  /**
   * Creates a collection, or opens it and checks that every option given agrees with what is stored
   * (`SCHEMA_MISMATCH`). Without options it must exist (`NOT_FOUND`).
   *
   * `M` is the type of the rows' metadata; it is not checked at run time.
   */
  async collection<M = JsonValue>(name: string, options?: CollectionOptions): Promise<Collection<M>> {
    checkCollectionName('collection: name', name)
    const schema = options === undefined ? null : checkSchema(options)
    const info = await this.#connection.request('openCollection', { name, schema, view: 0 })
    return new Collection<M>(this.#connection, info)
  }

  /** Names of the collections, in order of creation. */
  async collections(): Promise<string[]> {
    const infos = await this.#connection.request('collections', { view: 0 })
    return infos.map((info) => info.name)
  }

  /** Removes a collection with all its rows. `NOT_FOUND` when there is none of that name. */
  async drop(name: string): Promise<void> {
    checkCollectionName('drop: name', name)
    await this.#connection.request('dropCollection', { name })
  }

  /** The database as it is now, for reading: what is written later does not change it. `close` it when done. */
  async snapshot(): Promise<Snapshot> {
    return new Snapshot(this.#connection, await this.#connection.request('openView', null))
  }

  /**
   * The database as it was after the commit of that sequence number (`stats().sequence`), or at that time. What is kept
   * is set by the option `retentionMs` of `open`; `NOT_RETAINED` before that, `INVALID_ARGUMENT` for a commit to come.
   */
  async at(when: number | Date): Promise<Snapshot> {
    const at = pointInTime('at', when)
    return new Snapshot(this.#connection, await this.#connection.request('openViewAt', { at }))
  }

  /**
   * Runs `work` with a transaction, and commits all that it wrote as one commit when it returns; nothing when it throws.
   * Resolves to what `work` returned.
   *
   * Reads see the database as it was when the transaction began, and what it wrote itself: snapshot isolation. Rejects
   * with `CONFLICT` when another commit wrote one of the same ids meanwhile; with `retries` the function runs anew
   * instead, so it should do nothing that cannot be done twice. A write that failed and was not awaited makes the
   * commit reject with its error. A commit must fit one object of the storage.
   */
  async transaction<T>(
    work: (transaction: Transaction) => T | Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    const { retries = 0 } = checkOptions('transaction', options, ['retries'])
    if (typeof work !== 'function')
      throw invalid(`transaction: the first argument must be a function, found ${describe(work)}`)
    const checked = checkInteger('transaction: retries', retries, 0, Number.MAX_SAFE_INTEGER)
    return transact(this.#connection, work, checked)
  }

  /**
   * A copy of the database as it is now, as a stream of bytes, taken while writes go on. Objects that the copy still
   * needs are not deleted from storage until the stream ends: read it to its end, or cancel it.
   */
  async backup(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return backupStream(this.#connection)
  }

  /**
   * With `{ to }`: undoes, as one commit, what was written since that commit or time; `NOT_RETAINED` as for `at`.
   *
   * With a stream that `backup` made, here or anywhere else: its content takes the place of all that is in this
   * database. The whole stream is read and checked before anything is changed: `CORRUPTION` when it is damaged or cut
   * off. Needs memory for both meanwhile, and room in storage. Snapshots and transactions that are open end with `CLOSED`;
   * a collection goes on as the one of its name with its dimensions, metric and vector type. Where several tabs share the database,
   * and another comes to lead, those obtained before a restore from another database answer `NOT_FOUND`: ask for them again.
   */
  async restore(source: RestoreTarget | ReadableStream<Uint8Array>, options?: RestoreOptions): Promise<void> {
    const given = checkOptions('restore', options, ['signal'])
    const signal = checkSignal('restore', given.signal)
    if (typeof source !== 'object' || source === null)
      throw invalid(`restore: expected { to } or a stream, found ${describe(source)}`)
    if ('getReader' in source) {
      await restoreStream(this.#connection, source, signal)
    } else {
      const { to } = checkOptions('restore', source, ['to'])
      await this.#connection.request('restoreTo', { at: pointInTime('restore: to', to) })
    }
  }

  /**
   * Asks the browser not to remove the database when space runs out; whether it will not. `false` where there is nothing
   * to ask.
   */
  async persist(): Promise<boolean> {
    return askForPersistence()
  }

  async stats(): Promise<DatabaseStats> {
    const stats = await this.#connection.request('databaseStats', null)
    return {
      name: this.name,
      engine: this.#connection.port.engine,
      ...(this.#workerFallback === undefined ? {} : { workerFallback: this.#workerFallback }),
      ...stats,
    }
  }

  /** Resolves when no write, indexing, compaction or checkpoint is under way. Progress counts steps, about one per row. */
  async idle(options?: IdleOptions): Promise<void> {
    const given = checkOptions('idle', options, ['signal', 'onProgress'])
    const signal = checkSignal('idle', given.signal)
    const callback = checkCallback('idle: onProgress', given.onProgress)
    const onProgress = callback && ((done: number, total: number) => report(callback, { done, total }))
    await this.#connection.request('idle', null, { signal, onProgress })
  }

  /**
   * Writes a checkpoint, so that the next `open` is quick and storage is compact. With the durability `'strict'` a write
   * that resolved is durable already; with the others it is when this resolves.
   */
  async flush(): Promise<void> {
    await this.#connection.request('flush', null)
  }

  /**
   * Waits for the calls that have begun (but a `list`, whose next page rejects with `CLOSED`), writes a last
   * checkpoint when a write came after the one before, and releases lock, worker and memory. Idempotent. Every
   * later call rejects with `CLOSED`.
   */
  close(): Promise<void> {
    return this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function pointInTime(what: string, when: unknown): PointInTime {
  if (!(when instanceof Date)) {
    return { sequence: checkInteger(`${what}: a sequence`, when, 0, Number.MAX_SAFE_INTEGER) }
  }
  const timeMs = when.getTime()
  if (Number.isNaN(timeMs)) throw invalid(`${what}: the date is invalid`)
  return { timeMs }
}

/** What was given of a schema; the host fills in the rest when it creates. */
function checkSchema(options: CollectionOptions): Partial<CollectionSchema> {
  const given = checkOptions('collection', options, [
    'dimensions',
    'metric',
    'vectorType',
    'quantization',
    'index',
  ])
  const index: Partial<GraphOptions> = checkOptions('collection: index', given.index, ['M', 'efConstruction'])
  return {
    dimensions: checkInteger('collection: dimensions', given.dimensions, 1, DIMENSIONS_MAX),
    metric: checkOneOf('collection: metric', given.metric, ['cosine', 'l2', 'dot', 'l1']),
    ...(given.vectorType === undefined
      ? {}
      : { vectorType: checkOneOf('collection: vectorType', given.vectorType, VECTOR_TYPES) }),
    ...(given.quantization === undefined
      ? {}
      : {
          quantization: checkOneOf('collection: quantization', given.quantization, [
            'auto',
            'none',
            'sq8',
            'rabitq1',
            'rabitq2',
            'rabitq4',
            'rabitq7',
          ]),
        }),
    ...(index.M === undefined ? {} : { M: checkInteger('collection: index.M', index.M, 4, 64) }),
    ...(index.efConstruction === undefined
      ? {}
      : { efConstruction: checkInteger('collection: index.efConstruction', index.efConstruction, 8, 2000) }),
  }
}
