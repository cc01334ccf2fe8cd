/**
 * EngineHost: one open database. The only place where storage and engine meet; it runs in a worker or in place.
 *
 * Reads are answered at once from the engine's memory. Writes go through the commit queue. Indexing and checkpoints
 * go on between requests.
 *
 * Not here: how requests travel, what a user's values look like (js/api), where wasm and storage come from
 * (js/platform).
 */
import type { StorageAdapter } from '../../storage/contract.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import { CoreEngine } from '../wasm/core-engine.js'
import type { CoreModule } from '../wasm/core-module.js'
import { Checkpointer } from './checkpointer.js'
import { CommitQueue } from './commit-queue.js'
import { Indexer } from './indexer.js'
import {
  abortedError,
  asOmenError,
  type CollectionInfo,
  type CollectionSchema,
  type HostPort,
  type HostStats,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  type RequestOutput,
  type WriteToken,
} from './protocol.js'
import { recover } from './recovery.js'
import { checkAgrees, collectionInfo, coreOptions } from './schema.js'
import { Store } from './store.js'
import { findToken, noteToken } from './tokens-in-memory.js'
import { Uploads } from './uploads.js'

export interface HostOptions {
  readonly database: string
  readonly adapter: StorageAdapter
  readonly readOnly: boolean
  readonly core: CoreModule
  /** Where the host runs: in a worker longer tasks are no one's concern but the next request's. */
  readonly engine: 'worker' | 'in-place'
  /** The storage ends with this host, so that keeping WAL and checkpoints in it would only double the memory. */
  readonly ephemeral: boolean
  /** The clock does not move while code runs, and nothing runs after a request was answered (workerd). */
  readonly clockStandsStill: boolean
  readonly signal?: AbortSignal | undefined
}

const MEBIBYTE = 1 << 20
const FRAME_BYTES_TARGET = 8 * MEBIBYTE
const PART_BYTES_WORKER = 8 * MEBIBYTE
/** In place a part is encoded, checked and applied on the caller's thread. */
const PART_BYTES_IN_PLACE = 3 * MEBIBYTE
const SLICE_WORKER_MS = 8
const SLICE_IN_PLACE_MS = 4
const NO_OPTIONS: RequestOptions = {}

type Handlers = {
  readonly [K in RequestKind]: (
    input: RequestInput<K>,
    options: RequestOptions,
  ) => RequestOutput<K> | Promise<RequestOutput<K>>
}

export class EngineHost implements HostPort {
  readonly engine: 'worker' | 'in-place'
  readonly partBytesMax: number
  readonly #database: string
  readonly #core: CoreEngine
  readonly #store: Store
  readonly #queue: CommitQueue
  readonly #uploads: Uploads
  readonly #checkpointer: Checkpointer
  readonly #indexer: Indexer
  /** Nothing may be left to do when a request is answered: nobody would do it. */
  readonly #isOnDemand: boolean
  readonly #creating = new Map<string, Promise<unknown>>()
  #closing: Promise<null> | null = null

  /** Takes the writer lock, recovers, and leaves nothing open when it fails. */
  static async open(options: HostOptions): Promise<EngineHost> {
    const { database, adapter, readOnly, signal } = options
    if (signal?.aborted === true) throw abortedError(signal, 'open')
    const session = await adapter
      .open(database, readOnly ? 'read' : 'write')
      .catch((error: unknown) => Promise.reject(asOmenError(error, 'STORAGE_FAILED')))
    try {
      const createEngine = (): CoreEngine => CoreEngine.create(options.core)
      const { engine, head, names } = await recover({ database, session, readOnly, createEngine, signal })
      const readOnlyReason = readOnly ? 'the database was opened with readOnly' : null
      const { ephemeral } = options
      const store = new Store({ database, adapter, session, head, readOnlyReason, ephemeral })
      for (const name of names) store.names.add(name)
      const host = new EngineHost(options, engine, store)
      if (options.clockStandsStill) await store.settled()
      return host
    } catch (error) {
      await session.close().catch(() => undefined)
      throw asOmenError(error, 'STORAGE_FAILED')
    }
  }

  private constructor(options: HostOptions, core: CoreEngine, store: Store) {
    const inWorker = options.engine === 'worker'
    const { largestObjectBytes } = store.adapter.capabilities
    this.engine = options.engine
    this.partBytesMax = Math.min(inWorker ? PART_BYTES_WORKER : PART_BYTES_IN_PLACE, largestObjectBytes / 2)
    this.#database = options.database
    this.#core = core
    this.#store = store
    this.#isOnDemand = options.clockStandsStill
    this.#checkpointer = new Checkpointer(core, store)
    this.#queue = new CommitQueue(core, store, {
      frameBytesTarget: FRAME_BYTES_TARGET,
      onApplied: (rows) => {
        this.#checkpointer.afterCommit()
        this.#indexer.noteWrite(rows)
      },
    })
    this.#uploads = new Uploads(core, this.#queue)
    const sliceMs = inWorker ? SLICE_WORKER_MS : SLICE_IN_PLACE_MS
    this.#indexer = new Indexer(core, {
      sliceMs: options.clockStandsStill ? null : sliceMs,
      onCaughtUp: () => {
        if (!this.#isOnDemand) this.#checkpointer.afterIndexing()
      },
      writing: () => this.#queue.busy,
      onError: () => this.#releaseIfFailed(),
      unblocked: () => this.#checkpointer.settled(),
    })
    if (!options.readOnly) {
      // What an earlier writer left behind. Best effort, before the first write of this one.
      void store.exclusive(() => store.deleteUnreferenced((name) => core.isReferenced(name)))
    }
    this.#indexer.noteWrite(0)
  }

  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<RequestOutput<K>> {
    try {
      if (kind === 'close') return this.#close()
      if (this.#closing !== null) throw this.#closedError()
      const { signal } = options
      if (signal?.aborted === true) throw abortedError(signal, kind)
      const output = this.#handlers[kind](input, options)
      return output instanceof Promise
        ? output.catch((error: unknown) => this.#rejected(error))
        : Promise.resolve(output)
    } catch (error) {
      return this.#rejected(error)
    }
  }

  readonly #handlers: Handlers = {
    search: (input) => {
      const answer = this.#core.search(input)
      this.#indexer.noteRead()
      return answer
    },
    get: ({ collection, ids, include }) => {
      const answer = this.#core.get(collection, ids, include)
      this.#indexer.noteRead()
      return answer
    },
    list: ({ collection, cursor, limit, include }) => {
      const answer = this.#core.list(collection, cursor, limit, include)
      this.#indexer.noteRead()
      return answer
    },
    cursorAfter: ({ collection, id }) => this.#core.cursorAfter(collection, id),
    count: ({ collection }) => this.#core.count(collection),
    collectionStats: ({ collection }) => this.#core.stats(collection),

    upsert: ({ collection, batch }, { signal, token }) =>
      this.#tokened(token, this.#queue.submit({ kind: 'upsert', collection, batch }, signal)),
    deleteRows: ({ collection, ids }, { signal, token }) =>
      this.#tokened(token, this.#queue.submit({ kind: 'delete', collection, ids }, signal)),
    stagePart: ({ collection, upload, batch }) => {
      this.#requireWritable()
      this.#uploads.stage(upload, collection, batch)
      return null
    },
    commitUpload: ({ upload }, options) => this.#written(this.#uploads.commit(upload, options)),
    discardUpload: ({ upload }) => {
      this.#uploads.discard(upload)
      return null
    },

    collections: () => this.#collections(),
    openCollection: ({ name, schema }) => this.#openCollection(name, schema),
    dropCollection: ({ name }, { token }) => this.#dropCollection(name, token),

    databaseStats: () => this.#stats(),
    flush: async () => {
      await this.#queue.drained()
      await this.#checkpointer.run()
      return null
    },
    idle: () => this.#idle(),
    close: () => this.#close(),
    relinquish: () => this.#relinquish(),
    findToken: ({ token }) => findToken(this.#store.adapter, token),
  }

  #collections(): CollectionInfo[] {
    const infos: CollectionInfo[] = []
    for (let i = 0; i < this.#core.collectionCount(); i += 1) {
      infos.push(collectionInfo(this.#core, this.#core.collectionAt(i)))
    }
    return infos
  }

  async #openCollection(name: string, schema: Partial<CollectionSchema> | null): Promise<CollectionInfo> {
    for (;;) {
      const collection = this.#core.findCollection(name)
      if (collection !== 0) {
        const info = collectionInfo(this.#core, collection)
        if (schema !== null) checkAgrees(info, schema)
        return info
      }
      if (schema === null) throw this.#noCollection(name)
      await this.#create(name, schema)
    }
  }

  /** Of calls for one new name that overlap, one creates; the others look again when it has. */
  async #create(name: string, schema: Partial<CollectionSchema>): Promise<void> {
    const underway = this.#creating.get(name)
    if (underway !== undefined) {
      await underway.catch(() => undefined)
      return
    }
    const creating = this.#written(this.#queue.submit({ kind: 'create', name, options: coreOptions(schema) }))
    this.#creating.set(name, creating)
    try {
      await creating
    } finally {
      this.#creating.delete(name)
    }
  }

  async #dropCollection(name: string, token: WriteToken | undefined): Promise<null> {
    const collection = this.#core.findCollection(name)
    if (collection === 0) throw this.#noCollection(name)
    await this.#tokened(token, this.#queue.submit({ kind: 'drop', collection }))
    return null
  }

  async #stats(): Promise<HostStats> {
    const { adapter, readOnlyReason } = this.#store
    const usage = await this.#store.usage().catch((error: unknown) => {
      throw asOmenError(error, 'STORAGE_FAILED')
    })
    const error = this.#indexer.error ?? this.#checkpointer.backgroundError
    return {
      storage: adapter.name,
      durable: adapter.capabilities.durableOnResolve,
      simd: this.#core.simd,
      readOnly: readOnlyReason !== null,
      ...(readOnlyReason === null ? {} : { readOnlyReason }),
      sequence: Number(this.#core.sequence()),
      collections: this.#core.collectionCount(),
      memoryBytes: this.#core.wasmMemoryBytes(),
      storageUsedBytes: usage.usedBytes,
      ...(usage.availableBytes === undefined ? {} : { storageAvailableBytes: usage.availableBytes }),
      busy: this.#busy,
      ...(error === null ? {} : { backgroundError: `${error.code}: ${error.message}` }),
    }
  }

  get #busy(): boolean {
    return this.#queue.busy || this.#indexer.busy || this.#checkpointer.busy
  }

  async #idle(): Promise<null> {
    // Each may give the others new work: a commit rows to index, a finished graph a checkpoint.
    do {
      await this.#queue.drained()
      await this.#indexer.idle()
      await this.#checkpointed()
      this.#core.sequence() // Throws when the engine has failed.
    } while (this.#busy && this.#closing === null)
    return null
  }

  async #tokened(token: WriteToken | undefined, rows: Promise<number>): Promise<number> {
    const count = await this.#written(rows)
    if (token !== undefined) noteToken(this.#store.adapter, token, count)
    return count
  }

  /** A write is answered; where nothing runs afterwards, not before the checkpoint that it brought about. */
  async #written(rows: Promise<number>): Promise<number> {
    const count = await rows
    if (this.#isOnDemand && !this.#core.failed) await this.#checkpointed()
    return count
  }

  /** Resolves when no checkpoint is under way, and where none begins by itself, when one that is due was written. */
  async #checkpointed(): Promise<void> {
    if (this.#isOnDemand && this.#indexer.hasCaughtUp) this.#checkpointer.afterIndexing()
    await this.#checkpointer.settled()
  }

  #close(): Promise<null> {
    this.#closing ??= this.#closeOnce()
    return this.#closing
  }

  async #closeOnce(): Promise<null> {
    await this.#queue.close()
    await this.#indexer.stop()
    await this.#checkpointer.settled()
    if (!this.#core.failed && this.#store.readOnlyReason === null && this.#checkpointer.worthwhileAtClose) {
      // What was acknowledged is durable in the WAL; a checkpoint that fails now only costs the next open some time.
      await this.#checkpointer.run().catch(() => undefined)
    }
    await this.#store.settled()
    this.#core.dispose()
    try {
      await this.#store.session.close()
    } catch (error) {
      throw asOmenError(error, 'STORAGE_FAILED')
    }
    return null
  }

  /** What waits is committed, unless another writer has taken over. */
  async #relinquish(): Promise<null> {
    await this.#queue.close()
    this.#store.becomeReadOnly('another writer waits for the database')
    return this.#close()
  }

  /** Whoever hears that this handle is of no more use can open the database again at once: its lock is given up. */
  async #rejected(error: unknown): Promise<never> {
    this.#releaseIfFailed()
    await this.#store.released
    throw asOmenError(error)
  }

  #releaseIfFailed(): void {
    if (this.#core.failed) this.#store.release()
  }

  #requireWritable(): void {
    if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
  }

  #noCollection(name: string): OmenError {
    return errorFromCode('NOT_FOUND', `there is no collection ${JSON.stringify(name)}`)
  }

  #closedError(): OmenError {
    return errorFromCode('CLOSED', `the database ${JSON.stringify(this.#database)} was closed`)
  }
}
