/**
 * Handles: the numbers by which callers know collections, snapshots and transactions, and what they are in the engine.
 *
 * A restored backup numbers its collections in its own way, and an engine's numbers mean nothing in another one. So a
 * number given to a caller stays with what it was given for: a collection's goes on as the collection of that name and
 * kind, and what was a view of the database before ends.
 *
 * Not here: what the engine does with them.
 */
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import type { PointInTime, ViewInfo } from './protocol.js'

/** The engine's own numbers are below this, so each restored database has a range of handles for itself. */
const RANGE = 2 ** 32

export class Handles {
  readonly #engine: CoreEngine
  #firstOfRange = 0
  /** Handles of earlier ranges; 0 where nothing took the collection's place. */
  readonly #moved = new Map<number, number>()
  readonly #views = new Map<number, number>()
  #nextView = 1

  constructor(engine: CoreEngine) {
    this.#engine = engine
  }

  /** The handle of a collection of the engine. */
  ofCollection(collection: number): number {
    return this.#firstOfRange + collection
  }

  /** 0, which the engine answers with `NOT_FOUND`, for a collection that the restored database does not have. */
  collection(handle: number): number {
    return handle >= this.#firstOfRange ? handle - this.#firstOfRange : (this.#moved.get(handle) ?? 0)
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
    const heirs = new Map<number, number>()
    for (const collection of this.#engine.collections()) {
      heirs.set(collection, heirOf(this.#engine, collection, next))
    }
    for (const [handle, collection] of this.#moved) this.#moved.set(handle, heirs.get(collection) ?? 0)
    for (const [collection, heir] of heirs) this.#moved.set(this.ofCollection(collection), heir)
    this.#firstOfRange += RANGE
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
  return before.dimensions === after.dimensions && before.metric === after.metric ? heir : 0
}
