import { PACK_HEADER_BYTES, recordBytes } from './pack-format.js'

/** An object as a pack holds it. */
interface HeldObject {
  readonly contentStart: number
  readonly sizeBytes: number
  readonly checksum: number
}

/** What a writer knows of one pack. */
export class Pack {
  readonly number: number
  packId = 0n
  sizeBytes = PACK_HEADER_BYTES
  /** Up to where everything is durable. */
  syncedBytes = PACK_HEADER_BYTES
  /** Whether it ends with a seal. */
  isSealed = false
  /** Bytes of the records of objects that were not deleted, or copied elsewhere; and of those that were. */
  liveBytes = 0
  deadBytes = 0
  /** Of the objects that it ever held. */
  largestObjectBytes = 0
  readonly #live = new Map<string, HeldObject>()
  readonly #dead = new Set<string>()
  readonly #deletions = new Set<string>()

  constructor(number: number) {
    this.number = number
  }

  get label(): string {
    return `pack ${this.number}`
  }

  get liveObjects(): ReadonlyMap<string, HeldObject> {
    return this.#live
  }

  /** Names that records of this pack say are deleted. */
  get deletions(): ReadonlySet<string> {
    return this.#deletions
  }

  /** Whether there is a record of this object in the file, deleted or not. */
  holds(name: string): boolean {
    return this.#live.has(name) || this.#dead.has(name)
  }

  /** Empty, under this id. */
  begin(packId: bigint): void {
    this.packId = packId
    this.sizeBytes = PACK_HEADER_BYTES
    this.syncedBytes = PACK_HEADER_BYTES
    this.isSealed = false
    this.liveBytes = 0
    this.deadBytes = 0
    this.largestObjectBytes = 0
    this.#live.clear()
    this.#dead.clear()
    this.#deletions.clear()
  }

  addObject(name: string, object: HeldObject): void {
    this.#live.set(name, object)
    this.#dead.delete(name)
    this.liveBytes += recordBytes(object.sizeBytes)
    this.largestObjectBytes = Math.max(this.largestObjectBytes, object.sizeBytes)
  }

  /** The object was deleted, or another pack holds it now. */
  noteDeleted(name: string): void {
    const object = this.#live.get(name)
    if (object === undefined) return
    this.#live.delete(name)
    this.#dead.add(name)
    this.liveBytes -= recordBytes(object.sizeBytes)
    this.deadBytes += recordBytes(object.sizeBytes)
  }

  addDeletions(names: Iterable<string>): void {
    for (const name of names) this.#deletions.add(name)
  }
}
