/**
 * Checkpoints: state as objects, so that the WAL can go (docs/architecture.md, "Checkpoint").
 *
 * Objects are stored one at a time and frames may be committed between them. A checkpoint that fails leaves the
 * database as usable as before; what it stored is deleted as soon as that is certain to be safe.
 *
 * A restored backup goes the same way: the objects of another engine, then the head that names them.
 */
import { asOmenError } from './protocol.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreEngine, NamedObject } from '../wasm/core-engine.js'
import { macrotask } from './macrotask.js'
import type { Store } from './store.js'
import type { VectorReader } from './vector-reader.js'

const WAL_BYTES_MAX = 64 << 20
const WAL_OBJECTS_MAX = 1000
/** Beyond this writes wait for the checkpoint: the WAL must not grow faster than it can be taken away. */
const WAL_BYTES_WAIT = 2 * WAL_BYTES_MAX
/** Bytes worth a checkpoint of their own: this many, and this share of what is stored. */
const RECLAIM_BYTES_MIN = 4 << 20
const RECLAIM_SHARE_MIN = 0.25
/** Newly indexed rows that are worth writing the graph for: this many and this share of all. */
const GRAPH_ROWS_MIN = 1000
const GRAPH_SHARE_MIN = 0.1
/** What is stored before waiting commits get their turn, and what an object adds to it beside its bytes. */
const TURN_BYTES = 1 << 20
const OBJECT_BYTES = TURN_BYTES / 8

export class Checkpointer {
  readonly #engine: CoreEngine
  readonly #store: Store
  readonly #vectors: VectorReader
  readonly #walBytesWait: number
  #running: Promise<void> | null = null
  /** After a failure nothing is tried unasked until the WAL has grown to this. */
  #walBytesToRetry = 0
  #backgroundError: OmenError | null = null
  /** What the last checkpoint could not free. */
  #unreclaimable = 0

  constructor(engine: CoreEngine, store: Store, vectors: VectorReader, walBytesWait = WAL_BYTES_WAIT) {
    this.#engine = engine
    this.#store = store
    this.#vectors = vectors
    this.#walBytesWait = walBytesWait
  }

  get busy(): boolean {
    return this.#running !== null
  }

  /** Why the last checkpoint that nobody asked for failed; `null` when it did not. */
  get backgroundError(): OmenError | null {
    return this.#backgroundError
  }

  /** After a frame was applied. */
  afterCommit(): void {
    if (this.#store.ephemeral) return
    const bytes = this.#engine.uncheckpointedWalBytes()
    if (bytes < this.#walBytesToRetry) return
    if (bytes > WAL_BYTES_MAX || this.#engine.uncheckpointedWalObjects() > WAL_OBJECTS_MAX) this.#runUnasked()
  }

  /**
   * Resolves when the WAL is short enough to take another frame; `null` when it is. Rejects when a checkpoint that would
   * shorten it fails, for want of room say.
   */
  roomForFrame(): Promise<void> | null {
    return this.#isWalFull ? this.#makeRoom() : null
  }

  /** The WAL is short enough to take another frame. */
  get hasRoomForFrame(): boolean {
    return !this.#isWalFull
  }

  get #isWalFull(): boolean {
    return !this.#store.ephemeral && this.#engine.uncheckpointedWalBytes() > this.#walBytesWait
  }

  async #makeRoom(): Promise<void> {
    while (this.#isWalFull && this.#store.readOnlyReason === null) await (this.#running ?? this.run())
  }

  /** When the graph has caught up. */
  afterIndexing(): void {
    if (this.#store.ephemeral) return
    if (this.#isReclaimWorthwhile) this.#runUnasked()
    const rows = this.#engine.uncheckpointedGraphRows()
    if (rows < GRAPH_ROWS_MIN || this.#engine.uncheckpointedWalBytes() < this.#walBytesToRetry) return
    if (rows >= GRAPH_SHARE_MIN * this.#sumOfCollections('indexedRows')) this.#runUnasked()
  }

  /**
   * The head names everything that a checkpoint stored, so that nothing of it can go missing unnoticed. Of a WAL nobody
   * can tell whether its last objects ever were: after a clean close there is none.
   */
  get worthwhileAtClose(): boolean {
    if (this.#store.ephemeral) return false
    return (
      this.#engine.uncheckpointedWalObjects() > 0 || this.#engine.uncheckpointedGraphRows() >= GRAPH_ROWS_MIN
    )
  }

  get #isReclaimWorthwhile(): boolean {
    const bytes = this.#engine.reclaimableBytes()
    if (bytes - this.#unreclaimable < RECLAIM_BYTES_MIN || this.#store.readOnlyReason !== null) return false
    return bytes >= RECLAIM_SHARE_MIN * (bytes + this.#sumOfCollections('liveBytes'))
  }

  /** A checkpoint of everything applied when this was called. Rejects with what went wrong. */
  run(): Promise<void> {
    return this.#alone(() => this.#write())
  }

  /** The objects of a checkpoint that is not stored, and the head that would name them. */
  async unstored(): Promise<{ head: Uint8Array; objects: NamedObject[] }> {
    const objects: NamedObject[] = []
    let head = new Uint8Array()
    await this.#alone(() =>
      this.#store.exclusive(async () => {
        // Only a writer has checkpoints; of this one nothing will be stored.
        if (this.#engine.isReader) this.#engine.takeOver()
        this.#engine.beginCheckpoint(true)
        try {
          for (;;) {
            const object = await this.#vectors.read(() => this.#engine.nextCheckpointObject())
            if (object === null) break
            objects.push(object)
            await macrotask()
          }
          head = this.#engine.encodeHead()
        } finally {
          if (!this.#engine.failed) this.#engine.abortCheckpoint()
        }
      }),
    )
    return { head, objects }
  }

  /**
   * What `next` holds takes the place of the database's content, by one change of the head; writes wait meanwhile.
   * `replaced` is called just before this engine becomes `next`.
   */
  replaceContent(next: CoreEngine, replaced: (next: CoreEngine) => void): Promise<void> {
    return this.#alone(() =>
      this.#store.exclusive(async () => {
        if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
        next.takePlaceOf(this.#engine)
        if (!this.#store.ephemeral) await this.#storeContent(next)
        replaced(next)
        this.#engine.become(next)
        this.#unreclaimable = 0
      }),
    )
  }

  async #storeContent(next: CoreEngine): Promise<void> {
    const written: string[] = []
    let isHeadAsked = false
    next.beginCheckpoint()
    try {
      while ((await this.#putNext(next, written)) > 0) await macrotask()
      await this.#store.sync()
      isHeadAsked = true
      await this.#replaceHead(next)
    } catch (error) {
      // A head that found no room was certainly not set; any other may still come and name these objects.
      const isOld = !isHeadAsked || (error instanceof OmenError && error.code === 'QUOTA_EXCEEDED')
      // The database itself would give the next objects the same names.
      if (!isOld || !(await this.#abort(next, written))) this.#restoreFailed(error)
      throw error
    }
  }

  #restoreFailed(error: unknown): void {
    const { code, message } = asOmenError(error)
    this.#store.becomeReadOnly(
      `a restore had an unknown outcome (${code}: ${message}); open the database again to write`,
    )
  }

  /** One at a time. */
  async #alone(write: () => Promise<void>): Promise<void> {
    // One under way may have begun before the caller's last write.
    while (this.#running !== null) await this.#running.catch(() => undefined)
    const running = write()
    this.#running = running
    try {
      await running
      this.#walBytesToRetry = 0
      this.#backgroundError = null
    } catch (error) {
      if (!this.#engine.failed) {
        this.#walBytesToRetry = this.#engine.uncheckpointedWalBytes() + WAL_BYTES_MAX / 4
      }
      throw error
    } finally {
      this.#running = null
    }
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running.catch(() => undefined)
  }

  #runUnasked(): void {
    if (this.#running !== null || this.#store.readOnlyReason !== null) return
    this.run().catch((error: unknown) => {
      this.#backgroundError = asOmenError(error)
      if (this.#engine.failed) this.#store.release()
    })
  }

  #sumOfCollections(member: 'indexedRows' | 'liveBytes'): number {
    return this.#engine
      .collections()
      .reduce((sum, collection) => sum + this.#engine.stats(collection)[member], 0)
  }

  async #write(): Promise<void> {
    const engine = this.#engine
    // Within `exclusive` no frame is open.
    const begun = await this.#store.exclusive(async () => {
      if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
      if (this.#store.ephemeral) return false
      const isStored = engine.uncheckpointedWalObjects() === 0 && engine.uncheckpointedGraphRows() === 0
      if (isStored && !this.#isReclaimWorthwhile) return false
      engine.beginCheckpoint()
      return true
    })
    if (!begun) return
    const written: string[] = []
    try {
      // A turn in between, for requests: storage may answer without one.
      while (await this.#store.exclusive(() => this.#putSome(engine, written))) await macrotask()
    } catch (error) {
      if (!engine.failed) await this.#store.exclusive(() => this.#abort(engine, written))
      throw asOmenError(error, 'STORAGE_FAILED')
    }
    await this.#store.exclusive(() => this.#replaceHead(engine))
    this.#unreclaimable = engine.reclaimableBytes()
  }

  /** A large object or a few small ones, or a commit would come between any two. False when nothing more is to be stored. */
  async #putSome(engine: CoreEngine, written: string[]): Promise<boolean> {
    for (let weight = 0; weight < TURN_BYTES; weight += OBJECT_BYTES) {
      const size = await this.#putNext(engine, written)
      if (size === 0) return false
      weight += size
    }
    return true
  }

  /** The object's size; 0 when there was nothing more to store. */
  async #putNext(engine: CoreEngine, written: string[]): Promise<number> {
    if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
    // Another engine than the database's has all its vectors in memory.
    const object: NamedObject | null =
      engine === this.#engine
        ? await this.#vectors.read(() => engine.nextCheckpointObject())
        : engine.nextCheckpointObject()
    if (object === null) return 0
    const { adapter } = this.#store
    if (object.bytes.length > adapter.capabilities.largestObjectBytes) {
      throw errorFromCode(
        'LIMIT_EXCEEDED',
        `a checkpoint needs an object of ${object.bytes.length} bytes; one object of the ${adapter.name} storage has ` +
          `at most ${adapter.capabilities.largestObjectBytes}`,
      )
    }
    written.push(object.name)
    try {
      await this.#store.putForHead(object)
    } catch (error) {
      const failure = asOmenError(error, 'STORAGE_FAILED')
      if (failure.code === 'LOCKED') {
        this.#store.becomeReadOnly(
          `another writer has taken over the database (${failure.message}); open it again to write`,
        )
      }
      throw failure
    }
    this.#store.names.add(object.name)
    return object.bytes.length
  }

  async #replaceHead(engine: CoreEngine): Promise<void> {
    let next: Uint8Array
    try {
      if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
      next = engine.encodeHead()
    } catch (error) {
      if (!engine.failed) engine.abortCheckpoint()
      throw error
    }
    let replaced: boolean
    try {
      replaced = await this.#store.replaceHead(next)
    } catch (error) {
      replaced = await this.#settleHead(engine, next, asOmenError(error, 'STORAGE_FAILED'))
    }
    if (!replaced) {
      this.#store.becomeReadOnly('another writer has taken over the database; open it again to write')
      engine.abortCheckpoint()
      throw errorFromCode('LOCKED', 'another writer has taken over the database')
    }
    this.#store.head = next
    engine.finishCheckpoint()
    await this.#store.deleteUnreferenced((name) => engine.isReferenced(name))
  }

  /**
   * A head whose replacement was answered with an error may be the old one or the new one. Reading it tells, unless that
   * fails too. What was stored must stay in any case: a replacement that arrives late would name it.
   */
  async #settleHead(engine: CoreEngine, next: Uint8Array, failure: OmenError): Promise<boolean> {
    let stored: Uint8Array | null = null
    try {
      stored = await this.#store.session.readHead()
    } catch {
      // `stored` says that nothing is known.
    }
    if (stored !== null && sameBytes(stored, next)) return true
    engine.abortCheckpoint()
    if (stored === null) {
      this.#store.becomeReadOnly(
        `a checkpoint had an unknown outcome (${failure.code}: ${failure.message}); open the database again to write`,
      )
    } else if (!sameBytes(stored, this.#store.head)) {
      this.#store.becomeReadOnly('another writer has taken over the database; open it again to write')
    }
    throw failure
  }

  /** No head was asked to name these objects, so they can go at once. Resolves to whether they are gone for certain. */
  async #abort(engine: CoreEngine, written: readonly string[]): Promise<boolean> {
    if (engine.failed) return false
    engine.abortCheckpoint()
    try {
      await this.#store.session.delete(written)
      for (const name of written) this.#store.names.delete(name)
      return true
    } catch {
      // They stay known in `names`, or are found by the next open.
      return false
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
