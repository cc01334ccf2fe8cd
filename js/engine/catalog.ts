/** The collections of a database: which there are, opening and creating them, dropping them. */
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import type { WriteOperation } from './commit-queue.js'
import type { Handles } from './handles.js'
import type { CollectionInfo, CollectionSchema, RequestOptions } from './protocol.js'
import { checkAgrees, collectionInfo, coreOptions } from './schema.js'

export class Catalog {
  readonly #engine: CoreEngine
  readonly #handles: Handles
  /** Commits a write; resolves when it is answered. */
  readonly #write: (operation: WriteOperation, options?: RequestOptions) => Promise<number>
  readonly #creating = new Map<string, Promise<unknown>>()

  constructor(
    engine: CoreEngine,
    handles: Handles,
    write: (operation: WriteOperation, options?: RequestOptions) => Promise<number>,
  ) {
    this.#engine = engine
    this.#handles = handles
    this.#write = write
  }

  list(view: number): CollectionInfo[] {
    const collections = view === 0 ? this.#engine.collections() : this.#engine.collectionsIn(view)
    return collections.map((each) => collectionInfo(this.#engine, this.#handles, each, view))
  }

  /** One that a view shows. `NOT_FOUND`. */
  openIn(view: number, name: string): CollectionInfo {
    const collection = this.#engine.findCollectionIn(view, name)
    if (collection === 0) throw noCollection(name)
    return collectionInfo(this.#engine, this.#handles, collection, view)
  }

  /** Creates it, or checks what `schema` gives. Without one it must exist. */
  async open(name: string, schema: Partial<CollectionSchema> | null): Promise<CollectionInfo> {
    for (;;) {
      const collection = this.#engine.findCollection(name)
      if (collection !== 0) {
        const info = collectionInfo(this.#engine, this.#handles, collection)
        if (schema !== null) checkAgrees(info, schema)
        return info
      }
      if (schema === null) throw noCollection(name)
      await this.#create(name, schema)
    }
  }

  async drop(name: string, options: RequestOptions): Promise<null> {
    const collection = this.#engine.findCollection(name)
    if (collection === 0) throw noCollection(name)
    await this.#write({ kind: 'drop', collection: this.#handles.ofCollection(collection) }, options)
    return null
  }

  /** Of calls for one new name that overlap, one creates; the others look again when it has. */
  async #create(name: string, schema: Partial<CollectionSchema>): Promise<void> {
    const underway = this.#creating.get(name)
    if (underway !== undefined) {
      await underway.catch(() => undefined)
      return
    }
    const creating = this.#write({ kind: 'create', name, options: coreOptions(schema, this.#engine) })
    this.#creating.set(name, creating)
    try {
      await creating
    } finally {
      this.#creating.delete(name)
    }
  }
}

function noCollection(name: string): OmenError {
  return errorFromCode('NOT_FOUND', `there is no collection ${JSON.stringify(name)}`)
}
