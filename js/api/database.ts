/// <reference lib="esnext.disposable" preserve="true" />
import type { CollectionSchema } from '../engine/protocol.js'
import { Collection } from './collection.js'
import type { Connection } from './connection.js'
import type { CollectionOptions, DatabaseStats, GraphOptions, JsonValue } from './types.js'
import { checkCollectionName, checkInteger, checkOneOf, checkOptions, DIMENSIONS_MAX } from './validation.js'

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
    const info = await this.#connection.request('openCollection', { name, schema })
    return new Collection<M>(this.#connection, info)
  }

  /** Names of the collections, in order of creation. */
  async collections(): Promise<string[]> {
    const infos = await this.#connection.request('collections', null)
    return infos.map((info) => info.name)
  }

  /** Removes a collection with all its rows. `NOT_FOUND` when there is none of that name. */
  async drop(name: string): Promise<void> {
    checkCollectionName('drop: name', name)
    await this.#connection.request('dropCollection', { name })
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

  /** Resolves when no write, indexing, compaction or checkpoint is under way. */
  async idle(): Promise<void> {
    await this.#connection.request('idle', null)
  }

  /**
   * Writes a checkpoint, so that the next `open` is quick and storage is compact. Not needed for
   * durability: a write that resolved is durable already.
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

/** What was given of a schema; the host fills in the rest when it creates. */
function checkSchema(options: CollectionOptions): Partial<CollectionSchema> {
  const given = checkOptions('collection', options, ['dimensions', 'metric', 'quantization', 'index'])
  const index: Partial<GraphOptions> = checkOptions('collection: index', given.index, ['M', 'efConstruction'])
  return {
    dimensions: checkInteger('collection: dimensions', given.dimensions, 1, DIMENSIONS_MAX),
    metric: checkOneOf('collection: metric', given.metric, ['cosine', 'l2', 'dot', 'l1']),
    ...(given.quantization === undefined
      ? {}
      : { quantization: checkOneOf('collection: quantization', given.quantization, ['sq8', 'none']) }),
    ...(index.M === undefined ? {} : { M: checkInteger('collection: index.M', index.M, 4, 64) }),
    ...(index.efConstruction === undefined
      ? {}
      : { efConstruction: checkInteger('collection: index.efConstruction', index.efConstruction, 8, 2000) }),
  }
}
