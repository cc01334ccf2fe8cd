/**
 * Handles: the numbers by which callers know collections, snapshots and transactions, and what they are in the engine.
 *
 * An engine's numbers mean nothing in another one: a restored backup numbers its collections in its own way. So a
 * collection's handle is made from its number and what it is: name, kind, and the seed that it got when it was created. It
 * is the same in every engine that has the collection, this host's or another tab's, and no other collection has it.
 * After a restore it goes on, while this host lives, as the collection of that name and kind. What was a view of the
 * database before ends.
 *
 * Not here: what the engine does with them.
 */
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import type { CollectionId } from '../wasm/core-values.js'
import { hash64 } from './hash.js'
import type { PointInTime, ViewInfo } from './protocol.js'

/** Doubles hold so many bits of whole numbers. */
const HANDLE_BITS = 53

export class Handles {
  readonly #engine: CoreEngine
  /** What handles are in the engine. */
  #collections = new Map<number, CollectionId>()
  readonly #views = new Map<number, number>()
  #nextView = 1

  constructor(engine: CoreEngine) {
    this.#engine = engine
  }

  /** The handle of a collection of the engine. */
  ofCollection(collection: CollectionId, view = 0): number {
    const name = this.#engine.collectionName(collection, view)
    const { seed, dimensions, metric, vectorType } = this.#engine.collectionOptions(collection, view)
    const what = `${collection} ${seed} ${dimensions} ${metric} ${vectorType} ${name}`
    const handle = Number(BigInt.asUintN(HANDLE_BITS, hash64(what)))
    this.#collections.set(handle, collection)
    return handle
  }

  /** 0, which the engine answers with `NOT_FOUND`, for a collection that this database does not have. */
  collection(handle: number): CollectionId {
    return this.#collections.get(handle) ?? this.#find(handle)
  }

  /** A handle that another engine of this database gave out. */
  #find(handle: number): CollectionId {
    return this.#engine.collections().find((each) => this.ofCollection(each) === handle) ?? 0
  }

  /** `CLOSED` when it has ended. 0 stays 0. */
  view(handle: number): number {
    if (handle === 0) return 0
    const view = this.#views.get(handle)
    if (view === undefined) throw errorFromCode('CLOSED', 'the snapshot or transaction has ended')
    return view
  }

  openView(): ViewInfo {
    return this.#keep(this.#engine.openView())
  }

  openViewAt(at: PointInTime): ViewInfo {
    const sequence = 'sequence' in at ? BigInt(at.sequence) : this.#engine.sequenceAt(at.timeMs)
    return this.#keep(this.#engine.openViewAt(sequence))
  }

  beginTransaction(): ViewInfo {
    return this.#keep(this.#engine.beginTransaction())
  }

  closeView(handle: number): void {
    const view = this.#views.get(handle)
    if (view === undefined) return
    this.#views.delete(handle)
    if (!this.#engine.failed) this.#engine.closeView(view)
  }

  /** Before `next` takes the engine's place: which collections go on, and that no view does. */
  moveTo(next: CoreEngine): void {
    const heirs = new Map<CollectionId, CollectionId>()
    for (const collection of this.#engine.collections()) {
      heirs.set(collection, heirOf(this.#engine, collection, next))
    }
    const moved = new Map<number, CollectionId>()
    for (const [handle, collection] of this.#collections) {
      const heir = heirs.get(collection) ?? 0
      if (heir !== 0) moved.set(handle, heir)
    }
    this.#collections = moved
    this.#views.clear()
  }

  #keep(view: number): ViewInfo {
    const handle = this.#nextView
    this.#nextView += 1
    this.#views.set(handle, view)
    return { view: handle, sequence: Number(this.#engine.viewSequence(view)) }
  }
}

/** The collection of the same name in `next`, if vectors and distances mean the same there. */
function heirOf(engine: CoreEngine, collection: number, next: CoreEngine): number {
  const heir = next.findCollection(engine.collectionName(collection))
  if (heir === 0) return 0
  const [before, after] = [engine.collectionOptions(collection), next.collectionOptions(heir)]
  const isSame = (['dimensions', 'metric', 'vectorType'] as const).every(
    (each) => before[each] === after[each],
  )
  return isSame ? heir : 0
}
