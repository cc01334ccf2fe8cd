/**
 * Checkpoints: state as objects, so that the WAL can go (docs/architecture.md, "Checkpoint").
 *
 * Objects are stored one at a time and frames may be committed between them. A checkpoint that fails leaves the
 * database as usable as before; what it stored is deleted as soon as that is certain to be safe.
 */
import { asOmenError } from './protocol.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import type { CoreEngine, NamedObject } from '../wasm/core-engine.js'
import { macrotask } from './macrotask.js'
import type { Store } from './store.js'

const WAL_BYTES_MAX = 64 << 20
const WAL_OBJECTS_MAX = 1000
/** Newly indexed rows that are worth writing the graph for: this many and this share of all. */
const GRAPH_ROWS_MIN = 1000
const GRAPH_SHARE_MIN = 0.1

export class Checkpointer {
  readonly #engine: CoreEngine
  readonly #store: Store
  #running: Promise<void> | null = null
  /** After a failure nothing is tried unasked until the WAL has grown to this. */
  #walBytesToRetry = 0
  #backgroundError: OmenError | null = null

  constructor(engine: CoreEngine, store: Store) {
    this.#engine = engine
    this.#store = store
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

  /** When the graph has caught up. */
  afterIndexing(): void {
    if (this.#store.ephemeral) return
    const rows = this.#engine.uncheckpointedGraphRows()
    if (rows < GRAPH_ROWS_MIN || this.#engine.uncheckpointedWalBytes() < this.#walBytesToRetry) return
    if (rows >= GRAPH_SHARE_MIN * this.#indexedRows()) this.#runUnasked()
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

  /** A checkpoint of everything applied when this was called. Rejects with what went wrong. */
  async run(): Promise<void> {
    // One under way may have begun before the caller's last write.
    while (this.#running !== null) await this.#running.catch(() => undefined)
    const running = this.#write()
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

  #indexedRows(): number {
    let rows = 0
    for (let i = 0; i < this.#engine.collectionCount(); i += 1) {
      rows += this.#engine.stats(this.#engine.collectionAt(i)).indexedRows
    }
    return rows
  }

  async #write(): Promise<void> {
    const engine = this.#engine
    // Within `exclusive` no frame is open.
    const begun = await this.#store.exclusive(async () => {
      if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
      if (this.#store.ephemeral) return false
      if (engine.uncheckpointedWalObjects() === 0 && engine.uncheckpointedGraphRows() === 0) return false
      engine.beginCheckpoint()
      return true
    })
    if (!begun) return
    const written: string[] = []
    try {
      // A turn between objects, for requests: storage may answer without one.
      while (await this.#store.exclusive(() => this.#putNext(written))) await macrotask()
    } catch (error) {
      await this.#abort(written)
      throw asOmenError(error, 'STORAGE_FAILED')
    }
    await this.#store.exclusive(() => this.#replaceHead())
  }

  /** False when there was nothing more to store. */
  async #putNext(written: string[]): Promise<boolean> {
    if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
    const object: NamedObject | null = this.#engine.nextCheckpointObject()
    if (object === null) return false
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
      await this.#store.put(object)
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
    return true
  }

  async #replaceHead(): Promise<void> {
    const { session } = this.#store
    let next: Uint8Array
    try {
      if (this.#store.readOnlyReason !== null) throw this.#store.readOnlyError()
      next = this.#engine.encodeHead()
    } catch (error) {
      if (!this.#engine.failed) this.#engine.abortCheckpoint()
      throw error
    }
    let replaced: boolean
    try {
      replaced = await session.compareAndSetHead(this.#store.head, next)
    } catch (error) {
      replaced = await this.#settleHead(next, asOmenError(error, 'STORAGE_FAILED'))
    }
    if (!replaced) {
      this.#store.becomeReadOnly('another writer has taken over the database; open it again to write')
      this.#engine.abortCheckpoint()
      throw errorFromCode('LOCKED', 'another writer has taken over the database')
    }
    this.#store.head = next
    this.#engine.finishCheckpoint()
    await this.#store.deleteUnreferenced((name) => this.#engine.isReferenced(name))
  }

  /**
   * A head whose replacement was answered with an error may be the old one or the new one. Reading it tells, unless that
   * fails too. What was stored must stay in any case: a replacement that arrives late would name it.
   */
  async #settleHead(next: Uint8Array, failure: OmenError): Promise<boolean> {
    let stored: Uint8Array | null = null
    try {
      stored = await this.#store.session.readHead()
    } catch {
      // `stored` says that nothing is known.
    }
    if (stored !== null && sameBytes(stored, next)) return true
    this.#engine.abortCheckpoint()
    if (stored === null) {
      this.#store.becomeReadOnly(
        `a checkpoint had an unknown outcome (${failure.code}: ${failure.message}); open the database again to write`,
      )
    } else if (!sameBytes(stored, this.#store.head)) {
      this.#store.becomeReadOnly('another writer has taken over the database; open it again to write')
    }
    throw failure
  }

  /** No head was asked to name these objects, so they can go at once. */
  async #abort(written: readonly string[]): Promise<void> {
    if (this.#engine.failed) return
    await this.#store.exclusive(async () => {
      this.#engine.abortCheckpoint()
      try {
        await this.#store.session.delete(written)
        for (const name of written) this.#store.names.delete(name)
      } catch {
        // They stay known in `names`, or are found by the next open.
      }
    })
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
