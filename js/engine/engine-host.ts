/**
 * EngineHost: one open database. The only place where storage and engine meet; it runs in a worker or in place.
 *
 * Reads are answered from the engine's memory, at once where the vectors they need are there. Writes go through the commit queue. Indexing and checkpoints
 * go on between requests.
 *
 * Not here: how requests travel, what a user's values look like (js/api), where wasm and storage come from
 * (js/platform).
 */
import type { StorageAdapter } from '../../storage/contract.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import { CoreEngine } from '../wasm/core-engine.js'
import type { CoreSearchRequest, Token } from '../wasm/core-values.js'
import { rowCount } from '../wasm/row-batch.js'
import type { CoreModule } from '../wasm/core-module.js'
import { Backups } from './backups.js'
import { Catalog } from './catalog.js'
import { Checkpointer } from './checkpointer.js'
import { CommitQueue } from './commit-queue.js'
import { durabilityOf } from './durability.js'
import { Handles } from './handles.js'
import { hostStats } from './host-stats.js'
import { Indexer } from './indexer.js'
import { MemoryRoom } from './memory-room.js'
import { frameBytesWithin, prepareMemory, setBudget } from './memory-setup.js'
import {
  abortedError,
  asOmenError,
  type HostPort,
  type HostSettings,
  type HostStats,
  orAborted,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  type RequestOutput,
} from './protocol.js'
import { recover } from './recovery.js'
import { Store } from './store.js'
import { Uploads } from './uploads.js'
import { VectorReader } from './vector-reader.js'

export interface HostOptions {
  readonly database: string
  readonly adapter: StorageAdapter
  readonly readOnly: boolean
  readonly settings: HostSettings
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
const FRAME_BYTES_WORKER = 8 * MEBIBYTE
/** In place what goes into a frame is encoded, checked and applied on the caller's thread. */
const FRAME_BYTES_IN_PLACE = 3 * MEBIBYTE
const SLICE_WORKER_MS = 8
const SLICE_IN_PLACE_MS = 4
const NO_OPTIONS: RequestOptions = {}
/** A walk wants its candidates once, and where their codes have no error bounds a few more times. */
const WALK_ROUNDS_MAX = 4

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
  readonly #settings: HostSettings
  readonly #core: CoreEngine
  readonly #handles: Handles
  readonly #store: Store
  readonly #queue: CommitQueue
  readonly #uploads: Uploads
  readonly #checkpointer: Checkpointer
  readonly #backups: Backups
  readonly #indexer: Indexer
  readonly #vectors: VectorReader
  /** Bytes that opening read. */
  readonly #openingBytes: number
  /** Nothing may be left to do when a request is answered: nobody would do it. */
  readonly #isOnDemand: boolean
  #lastScan: Promise<unknown> = Promise.resolve()
  readonly #setBudget: (engine: CoreEngine) => void
  readonly #catalog: Catalog
  #closing: Promise<null> | null = null
  /** Milliseconds since 1970: the latest that was seen, as a clock may be set back. */
  #nowMs = 0

  /** Takes the writer lock, recovers, and leaves nothing open when it fails. */
  static async open(options: HostOptions): Promise<EngineHost> {
    const { database, adapter, readOnly, settings, signal } = options
    if (signal?.aborted === true) throw abortedError(signal, 'open')
    const session = await adapter
      .open(database, readOnly ? 'read' : 'write', { recreate: settings.recreate })
      .catch((error: unknown) => Promise.reject(asOmenError(error, 'STORAGE_FAILED')))
    try {
      const createEngine = (): CoreEngine => prepareMemory(CoreEngine.create(options.core), options)
      const recovered = await recover({ database, session, readOnly, createEngine, signal })
      const { engine, head, names, readBytes } = recovered
      const readOnlyReason = readOnly ? 'the database was opened with readOnly' : null
      const { ephemeral, clockStandsStill } = options
      const durability = durabilityOf(options)
      const place = { database, adapter, session, ephemeral }
      const store = new Store({ ...place, head, readOnlyReason, durability })
      for (const name of names) store.names.add(name)
      const host = new EngineHost(options, engine, store, readBytes)
      if (clockStandsStill) await store.settled()
      return host
    } catch (error) {
      await session.close().catch(() => undefined)
      throw asOmenError(error, 'STORAGE_FAILED')
    }
  }

  private constructor(options: HostOptions, core: CoreEngine, store: Store, openingBytes: number) {
    const inWorker = options.engine === 'worker'
    const { largestObjectBytes } = store.adapter.capabilities
    this.engine = options.engine
    const frameBytes = frameBytesWithin(inWorker ? FRAME_BYTES_WORKER : FRAME_BYTES_IN_PLACE, options)
    this.partBytesMax = Math.min(frameBytes, largestObjectBytes / 2)
    this.#database = options.database
    this.#settings = options.settings
    this.#core = core
    this.#store = store
    this.#openingBytes = openingBytes
    this.#handles = new Handles(core)
    this.#isOnDemand = options.clockStandsStill
    this.#setBudget = (engine) => setBudget(engine, options)
    this.#vectors = new VectorReader(core, store)
    this.#checkpointer = new Checkpointer(core, store, this.#vectors)
    this.#backups = new Backups(core, store, this.#checkpointer)
    const memory =
      options.settings.memoryBudgetBytes === 0
        ? null
        : new MemoryRoom(core, {
            work: () => this.#indexer.hurry(),
            checkpoint: () => this.#checkpointer.run().catch(() => undefined),
          })
    this.#queue = new CommitQueue(core, store, this.#handles, {
      frameBytesTarget: frameBytes,
      roomForFrame: async (bytes) => {
        await this.#checkpointer.roomForFrame()
        await memory?.make(bytes)
      },
      hasRoomForFrame: (bytes) => this.#checkpointer.hasRoomForFrame && memory?.has(bytes) !== false,
      vectors: this.#vectors,
      now: () => this.#now(),
      onApplied: (rows) => {
        this.#forget()
        this.#checkpointer.afterCommit()
        this.#indexer.noteWrite(rows)
      },
    })
    this.#uploads = new Uploads(core, this.#handles, this.#queue)
    this.#catalog = new Catalog(core, this.#handles, (operation, request) =>
      this.#written(this.#queue.submit(operation, request)),
    )
    const sliceMs = inWorker ? SLICE_WORKER_MS : SLICE_IN_PLACE_MS
    this.#indexer = new Indexer(core, this.#vectors, {
      sliceMs: options.clockStandsStill ? null : sliceMs,
      onCaughtUp: () => {
        if (!this.#isOnDemand) this.#checkpointer.afterIndexing()
      },
      onSlice: () => this.#forget(),
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
    search: (input, { signal }) => {
      const request = { ...input, ...this.#place(input) }
      return this.#noted(
        this.#vectors.now(() => this.#core.search(request)) ?? this.#searchLater(request, signal),
      )
    },
    get: ({ ids, include, ...where }, { signal }) => {
      const { collection, view } = this.#place(where)
      return this.#noted(this.#vectors.read(() => this.#core.get(collection, ids, include, view), signal))
    },
    list: ({ cursor, limit, include, ...where }, { signal }) => {
      const { collection, view } = this.#place(where)
      return this.#noted(
        this.#vectors.read(() => this.#core.list(collection, cursor, limit, include, view), signal),
      )
    },
    cursorAfter: ({ id, ...where }) => {
      const { collection, view } = this.#place(where)
      return this.#core.cursorAfter(collection, id, view)
    },
    count: (where) => {
      const { collection, view } = this.#place(where)
      return this.#core.count(collection, view)
    },
    collectionStats: ({ collection }) => this.#core.stats(this.#handles.collection(collection)),

    upsert: ({ collection, batch }, options) =>
      this.#written(this.#queue.submit({ kind: 'upsert', collection, batch }, options)),
    deleteRows: ({ collection, ids }, options) =>
      this.#written(this.#queue.submit({ kind: 'delete', collection, ids }, options)),
    stagePart: ({ collection, upload, batch }) => {
      this.#requireWritable()
      this.#uploads.stage(upload, collection, batch)
      this.#indexer.noteImport(rowCount(batch))
      return null
    },
    commitUpload: ({ upload }, options) => this.#written(this.#uploads.commit(upload, options)),
    discardUpload: ({ upload }) => {
      this.#uploads.discard(upload)
      return null
    },

    collections: ({ view }) => this.#catalog.list(this.#handles.view(view)),
    openCollection: ({ name, schema, view }) =>
      view === 0 ? this.#catalog.open(name, schema) : this.#catalog.openIn(this.#handles.view(view), name),
    dropCollection: ({ name }, options) => this.#catalog.drop(name, options),

    openView: () => this.#handles.openView(),
    openViewAt: ({ at }) => this.#handles.openViewAt(at),
    closeView: ({ view }) => {
      this.#handles.closeView(view)
      return null
    },
    beginTransaction: () => {
      this.#requireWritable()
      return this.#handles.beginTransaction()
    },
    transactionUpsert: ({ batch, ...where }) => {
      const { collection, view } = this.#place(where)
      this.#core.transactionUpsert(view, collection, batch)
      return rowCount(batch)
    },
    transactionDelete: ({ ids, ...where }) => {
      const { collection, view } = this.#place(where)
      return this.#core.transactionDelete(view, collection, ids)
    },
    commitTransaction: ({ view }, { token }) => this.#commitView('transaction', view, token),
    restoreTo: ({ at }, { token }) => {
      this.#requireWritable()
      return this.#commitView('restore', this.#handles.openViewAt(at).view, token)
    },
    findToken: ({ token }) => this.#findToken(token),

    openBackup: async () => {
      await this.#queue.drained()
      return { backup: await this.#backups.open() }
    },
    nextBackupChunk: ({ backup }) => this.#backups.nextChunk(backup),
    closeBackup: async ({ backup }) => {
      await this.#backups.close(backup)
      return null
    },
    beginRestore: () => {
      this.#requireWritable()
      return { restore: this.#backups.beginRestore() }
    },
    restoreChunk: ({ restore, chunk }) => {
      this.#backups.add(restore, chunk)
      return null
    },
    finishRestore: async ({ restore }) => {
      await this.#backups.finishRestore(restore, (next) => {
        this.#setBudget(next)
        this.#handles.moveTo(next)
      })
      this.#indexer.noteWrite(0)
      return null
    },
    discardRestore: ({ restore }) => {
      this.#backups.discardRestore(restore)
      return null
    },

    databaseStats: () => this.#stats(),
    flush: async () => {
      await this.#queue.drained()
      await this.#checkpointer.run()
      await this.#store.exclusive(() => this.#store.sync())
      return null
    },
    idle: (_, { signal, onProgress }) => orAborted(this.#idle(onProgress), signal, 'idle'),
    close: () => this.#close(),
    relinquish: () => this.#relinquish(),
  }

  /** A request was answered, or will be. */
  #noted<T>(answer: T): T {
    this.#indexer.noteRead()
    return answer
  }

  /** Other requests come in between. What wants vectors again and again compares every row. */
  async #searchLater(request: CoreSearchRequest, signal: AbortSignal | undefined) {
    const search = (): Uint8Array<ArrayBuffer> => this.#core.search(request)
    const walked = await this.#vectors.within(WALK_ROUNDS_MAX, search, signal)
    if (walked !== undefined) return walked
    const scanned = this.#lastScan.then(() => this.#scan(request, signal))
    this.#lastScan = scanned.catch(() => undefined)
    return scanned
  }

  /** Goes on where it was within a view, which others do not change; the engine remembers one at a time. */
  async #scan(request: CoreSearchRequest, signal: AbortSignal | undefined) {
    const own = request.view === 0 ? this.#core.openView() : 0
    const inView = own === 0 ? request : { ...request, view: own }
    try {
      return await this.#vectors.later(() => this.#core.search(inView), signal)
    } finally {
      if (own !== 0 && !this.#core.failed) this.#core.closeView(own)
    }
  }

  #place({ collection, view }: { collection: number; view: number }) {
    return { collection: this.#handles.collection(collection), view: this.#handles.view(view) }
  }

  /** What a view stands for becomes one commit; the view has ended then, whatever came of it. */
  async #commitView(
    kind: 'transaction' | 'restore',
    view: number,
    token: RequestOptions['token'],
  ): Promise<number> {
    try {
      return await this.#written(this.#queue.submit({ kind, view }, { token }))
    } finally {
      this.#handles.closeView(view)
    }
  }

  #findToken(token: Token): number | null {
    try {
      return this.#core.findToken(token)
    } catch (error) {
      if (error instanceof OmenError && error.code === 'NOT_FOUND') return null
      throw error
    }
  }

  #now(): number {
    this.#nowMs = Math.max(this.#nowMs, Date.now())
    return this.#nowMs
  }

  /** A reader keeps what the writer's retention left. */
  #forget(): void {
    if (this.#store.readOnlyReason === null) this.#core.forgetBefore(this.#now() - this.#settings.retentionMs)
  }

  #stats(): Promise<HostStats> {
    return hostStats(this.#core, this.#store, {
      openingBytes: this.#openingBytes,
      acceptedBytes: this.#queue.acceptedBytes,
      memoryBudgetBytes: this.#settings.memoryBudgetBytes,
      busy: this.#busy,
      error: this.#indexer.error ?? this.#checkpointer.backgroundError,
    })
  }

  get #busy(): boolean {
    return this.#queue.busy || this.#indexer.busy || this.#checkpointer.busy
  }

  async #idle(onProgress: RequestOptions['onProgress']): Promise<null> {
    let total = 0
    let before = 0
    const onLeft = (left: number): void => {
      // What is left is an estimate, and commits add to it: done must not fall.
      total = Math.max(total, before + left)
      before = Math.max(before, total - left)
      onProgress?.(before, total)
    }
    // Each may give the others new work: a commit rows to index, a finished graph a checkpoint.
    do {
      await this.#queue.drained()
      await this.#indexer.idle(onProgress && onLeft)
      await this.#checkpointed()
      this.#core.sequence() // Throws when the engine has failed.
    } while (this.#busy && this.#closing === null)
    return null
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
    try {
      return await this.#end()
    } catch (error) {
      throw asOmenError(error, 'STORAGE_FAILED')
    }
  }

  async #end(): Promise<null> {
    await this.#queue.close()
    await this.#indexer.stop()
    await this.#checkpointer.settled()
    if (!this.#core.failed && this.#store.readOnlyReason === null && this.#checkpointer.worthwhileAtClose) {
      // What was acknowledged is durable in the WAL; a checkpoint that fails now only costs the next open some time.
      await this.#checkpointer.run().catch(() => undefined)
    }
    await this.#store.settled()
    this.#backups.discardAll()
    this.#core.dispose()
    try {
      if (this.#store.mayLoseWrites && this.#store.readOnlyReason === null) await this.#store.sync()
    } finally {
      await this.#store.closeReader()
      await this.#store.session.close()
    }
    // Until now nobody may have heard of it.
    if (this.#store.mayLoseWrites) {
      throw errorFromCode('STORAGE_FAILED', this.#store.readOnlyReason ?? 'writes could not be made durable')
    }
    return null
  }

  /** What waits is committed and made durable, unless another writer has taken over. */
  async #relinquish(): Promise<null> {
    await this.#queue.close()
    // What it fails with, `close` reports where more was promised.
    await this.#store.exclusive(() => this.#store.sync()).catch(() => undefined)
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

  #closedError(): OmenError {
    return errorFromCode('CLOSED', `the database ${JSON.stringify(this.#database)} was closed`)
  }
}
