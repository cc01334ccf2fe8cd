/**
 * Backups being streamed out, and backups being read in, each asked for chunk by chunk.
 *
 * Out: the objects of a checkpoint, kept from being deleted until the stream ends. A database that has no checkpoints
 * of its own (memory storage, a handle that only reads) gives out the objects of one that is never stored.
 * In: the whole stream is loaded into a second engine before anything of the database is changed.
 */
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreEngine, NamedObject } from '../wasm/core-engine.js'
import { BackupReader, BackupWriter } from './backup-stream.js'
import type { Checkpointer } from './checkpointer.js'
import type { Store } from './store.js'

interface Backup {
  readonly writer: BackupWriter
  head: Uint8Array | null
  /** What is still to come; a name: to be read from storage. */
  readonly objects: (NamedObject | string)[]
  readonly unpin: () => void
}

interface Restore {
  readonly engine: CoreEngine
  readonly loader: BackupLoader
}

export class Backups {
  readonly #engine: CoreEngine
  readonly #store: Store
  readonly #checkpointer: Checkpointer
  readonly #backups = new Map<number, Backup>()
  readonly #restores = new Map<number, Restore>()
  #next = 1

  constructor(engine: CoreEngine, store: Store, checkpointer: Checkpointer) {
    this.#engine = engine
    this.#store = store
    this.#checkpointer = checkpointer
  }

  async open(): Promise<number> {
    const { head, objects, unpin } = await this.#state()
    const backup = this.#next
    this.#next += 1
    this.#backups.set(backup, { writer: new BackupWriter(), head, objects, unpin })
    return backup
  }

  async #state(): Promise<Omit<Backup, 'writer'>> {
    const store = this.#store
    if (store.ephemeral || store.readOnlyReason !== null) {
      const { head, objects } = await this.#checkpointer.unstored()
      return { head, objects, unpin: () => undefined }
    }
    await this.#checkpointer.run()
    return store.exclusive(async () => {
      const objects = this.#engine.storedObjectNames()
      return { head: store.head, objects, unpin: store.pin(objects) }
    })
  }

  /** Empty after the last. */
  async nextChunk(id: number): Promise<Uint8Array<ArrayBuffer>> {
    const backup = this.#backups.get(id)
    if (backup === undefined) return new Uint8Array()
    const { writer, head, objects } = backup
    if (head !== null) {
      backup.head = null
      return writer.head(head)
    }
    const next = objects.shift()
    if (next === undefined) {
      await this.close(id)
      return writer.end()
    }
    if (typeof next !== 'string') return writer.object(next)
    const bytes = await this.#store.session.get(next)
    if (bytes === null) {
      throw errorFromCode('CORRUPTION', `object ${next}: expected it to be stored, found nothing`)
    }
    return writer.object({ name: next, bytes: new Uint8Array(bytes) })
  }

  async close(id: number): Promise<void> {
    const backup = this.#backups.get(id)
    if (backup === undefined) return
    this.#backups.delete(id)
    backup.unpin()
    if (this.#store.readOnlyReason !== null || this.#engine.failed) return
    // What became obsolete while it was pinned.
    await this.#store.exclusive(() =>
      this.#store.deleteUnreferenced((name) => this.#engine.isReferenced(name)),
    )
  }

  beginRestore(): number {
    const restore = this.#next
    this.#next += 1
    const engine = this.#engine.another()
    this.#restores.set(restore, { engine, loader: new BackupLoader(engine) })
    return restore
  }

  /** `CORRUPTION`, `UNSUPPORTED_VERSION`, `OUT_OF_MEMORY`. */
  add(restore: number, chunk: Uint8Array): void {
    this.#restoreOf(restore).loader.add(chunk)
  }

  /** The content of the stream takes the database's place. `replaced`: just before this engine becomes another. */
  async finishRestore(restore: number, replaced: (next: CoreEngine) => void): Promise<void> {
    const { engine, loader } = this.#restoreOf(restore)
    loader.finish()
    await this.#checkpointer.replaceContent(engine, replaced)
    // From here on the database itself is this engine.
    this.#restores.delete(restore)
  }

  discardRestore(restore: number): void {
    const discarded = this.#restores.get(restore)
    this.#restores.delete(restore)
    discarded?.engine.dispose()
  }

  /** When the database closes. */
  discardAll(): void {
    for (const { unpin } of this.#backups.values()) unpin()
    this.#backups.clear()
    for (const restore of [...this.#restores.keys()]) this.discardRestore(restore)
  }

  #restoreOf(restore: number): Restore {
    const found = this.#restores.get(restore)
    if (found === undefined) throw errorFromCode('INVALID_ARGUMENT', `there is no restore ${restore}`)
    return found
  }
}

/** Loads an engine from a backup stream. */
class BackupLoader {
  readonly #engine: CoreEngine
  readonly #reader: BackupReader
  /** Objects that came before it was their turn. */
  readonly #early = new Map<string, Uint8Array>()
  #loaded = 0

  constructor(engine: CoreEngine) {
    this.#engine = engine
    this.#reader = new BackupReader({
      head: (bytes) => engine.openHead(bytes),
      object: ({ name, bytes }) => this.#take(name, bytes),
    })
  }

  add(chunk: Uint8Array): void {
    this.#reader.push(chunk)
  }

  finish(): void {
    this.#reader.finish()
    const engine = this.#engine
    if (this.#loaded < engine.requiredObjectCount()) {
      throw errorFromCode(
        'CORRUPTION',
        `the backup lacks the object ${engine.requiredObjectName(this.#loaded)}, which it names`,
      )
    }
    const [odd] = this.#early.keys()
    if (odd !== undefined) {
      throw errorFromCode('CORRUPTION', `the backup has the object ${odd}, which nothing names`)
    }
    engine.finishLoad()
    engine.planReplay()
  }

  /** What an object names is known once it is loaded: the manifest comes before everything else. */
  #take(name: string, bytes: Uint8Array): void {
    const engine = this.#engine
    const expected =
      this.#loaded < engine.requiredObjectCount() ? engine.requiredObjectName(this.#loaded) : null
    if (name !== expected) {
      this.#early.set(name, bytes.slice())
      return
    }
    engine.loadObject(this.#loaded, bytes)
    this.#loaded += 1
    while (this.#loaded < engine.requiredObjectCount()) {
      const next = engine.requiredObjectName(this.#loaded)
      const early = this.#early.get(next)
      if (early === undefined) return
      this.#early.delete(next)
      engine.loadObject(this.#loaded, early)
      this.#loaded += 1
    }
  }
}
