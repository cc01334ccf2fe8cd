/**
 * CoreEngine: one engine in wasm, with types. It mirrors core/include/omendb/engine.h call by call; that header says
 * what each does and how it fails. Failures are thrown as OmenErrors.
 *
 * Every `Uint8Array` returned is alone in its buffer, so that it can be transferred. Every `Uint8Array` taken is
 * copied before the call returns.
 *
 * When wasm traps, this call and all later ones throw `ENGINE_FAILED` (see core-boundary.ts).
 */
import { errorFromCode } from '../errors/omen-error.js'
import { CoreBoundary } from './core-boundary.js'
import type { CoreModule, SimdLevel } from './core-module.js'

/** A collection's id in the engine. Never reused in one database; 0 is none. */
export type CollectionId = number

const METRICS = ['l2', 'cosine', 'dot', 'l1'] as const
const QUANTIZATIONS = ['none', 'sq8'] as const

/** `CollectionOptions` of core/include/omendb/types.h, all decided. */
export interface CoreCollectionOptions {
  readonly dimensions: number
  readonly metric: (typeof METRICS)[number]
  readonly quantization: (typeof QUANTIZATIONS)[number]
  /** HNSW's M. */
  readonly degree: number
  readonly efConstruction: number
  /** Default: the core's. */
  readonly seed?: bigint
}

/** Flags of what an answer brings along. */
export const INCLUDE_METADATA = 1
export const INCLUDE_VECTORS = 2

export interface CoreSearchRequest {
  readonly collection: CollectionId
  /** `queryCount * dimensions` floats, row-major. The collection's dimensions are the caller's to check. */
  readonly queries: Float32Array
  readonly queryCount: number
  readonly k: number
  /** 0: the core's default. */
  readonly efSearch: number
  readonly exact: boolean
  readonly include: number
}

export interface CoreCollectionStats {
  readonly liveRows: number
  readonly deletedRows: number
  readonly indexedRows: number
  readonly vectorBytes: number
  readonly codeBytes: number
  readonly linkBytes: number
  readonly idBytes: number
  readonly metadataBytes: number
}

export interface NamedObject {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const encoder = new TextEncoder()

export class CoreEngine {
  readonly simd: SimdLevel
  readonly #boundary: CoreBoundary

  /** `OUT_OF_MEMORY`. The engine is empty until `openNew` or `openHead`. */
  static create(module: CoreModule): CoreEngine {
    return new CoreEngine(module.simd, CoreBoundary.create(module.instance))
  }

  private constructor(simd: SimdLevel, boundary: CoreBoundary) {
    this.simd = simd
    this.#boundary = boundary
  }

  /** True once wasm has trapped. */
  get failed(): boolean {
    return this.#boundary.failed
  }

  /** Frees the engine's memory for other engines of the same instance. Idempotent; later calls throw `CLOSED`. */
  dispose(): void {
    this.#boundary.dispose()
  }

  // ---- Opening -------------------------------------------------------------------------------------

  openNew(): void {
    this.#boundary.enter((binding) => binding.openNew())
  }

  openHead(head: Uint8Array): void {
    this.#boundary.withBytes(head, (binding) => binding.openHead(head.length))
  }

  takeOver(): void {
    this.#boundary.check((binding) => binding.takeOver())
  }

  encodeHead(): Uint8Array<ArrayBuffer> {
    return this.#boundary.answer((binding) => binding.encodeHead())
  }

  /** Names of the objects to load now: the manifest; once that is loaded, everything. */
  requiredObjectCount(): number {
    return this.#boundary.enter((binding) => binding.requiredObjectCount())
  }

  requiredObjectName(index: number): string {
    return this.#boundary.name((binding) => binding.requiredObjectName(u32(index, 'index')))
  }

  loadObject(index: number, bytes: Uint8Array): void {
    this.#boundary.withBytes(bytes, (binding) => binding.loadObject(u32(index, 'index'), bytes.length))
  }

  finishLoad(): void {
    this.#boundary.check((binding) => binding.finishLoad())
  }

  offerWalName(name: string): void {
    const bytes = encoder.encode(name)
    this.#boundary.withBytes(bytes, (binding) => binding.offerWalName(bytes.length))
  }

  planReplay(): void {
    this.#boundary.check((binding) => binding.planReplay())
  }

  replayCount(): number {
    return this.#boundary.enter((binding) => binding.replayCount())
  }

  replayName(index: number): string {
    return this.#boundary.name((binding) => binding.replayName(u32(index, 'index')))
  }

  replayFrame(bytes: Uint8Array): void {
    this.#boundary.withBytes(bytes, (binding) => binding.replayFrame(bytes.length))
  }

  isReferenced(name: string): boolean {
    const bytes = encoder.encode(name)
    return this.#boundary.enter((binding) => {
      this.#boundary.toScratch(bytes)
      return binding.isReferenced(bytes.length)
    })
  }

  sequence(): bigint {
    return this.#boundary.enter((binding) => binding.sequence())
  }

  epoch(): number {
    return this.#boundary.enter((binding) => binding.epoch())
  }

  // ---- Collections -----------------------------------------------------------------------------------

  /** 0: there is none. */
  findCollection(name: string): CollectionId {
    const bytes = encoder.encode(name)
    return this.#boundary.enter((binding) => {
      this.#boundary.toScratch(bytes)
      return binding.findCollection(bytes.length)
    })
  }

  collectionCount(): number {
    return this.#boundary.enter((binding) => binding.collectionCount())
  }

  /** In order of creation. */
  collectionAt(index: number): CollectionId {
    return this.#boundary.enter((binding) => binding.collectionAt(u32(index, 'index')))
  }

  collectionName(collection: CollectionId): string {
    return this.#boundary.name((binding) => {
      this.#boundary.unwrap(binding.collectionName(u32(collection, 'collection')))
    })
  }

  collectionOptions(collection: CollectionId): Required<CoreCollectionOptions> {
    const record = this.#boundary.record((binding) =>
      binding.collectionOptions(u32(collection, 'collection')),
    )
    return {
      dimensions: Number(record[0]),
      metric: METRICS[Number(record[1])] ?? unknownValue('metric', record[1]),
      quantization: QUANTIZATIONS[Number(record[2])] ?? unknownValue('quantization', record[2]),
      degree: Number(record[3]),
      efConstruction: Number(record[4]),
      seed: record[5] ?? 0n,
    }
  }

  // ---- Writing -----------------------------------------------------------------------------------------

  beginFrame(): void {
    this.#boundary.check((binding) => binding.beginFrame())
  }

  /** Adds an upsert of a row batch to the open frame. A failure adds nothing. */
  frameUpsert(collection: CollectionId, batch: Uint8Array): void {
    this.#boundary.payload(batch)
    this.#boundary.check((binding) => binding.frameUpsert(u32(collection, 'collection')))
  }

  /** Adds a deletion of an id list to the open frame. */
  frameDelete(collection: CollectionId, ids: Uint8Array): void {
    this.#boundary.payload(ids)
    this.#boundary.check((binding) => binding.frameDelete(u32(collection, 'collection')))
  }

  frameCreate(name: string, options: CoreCollectionOptions): void {
    const { dimensions, metric, quantization, degree, efConstruction, seed } = options
    const bytes = encoder.encode(name)
    this.#boundary.withBytes(bytes, (binding) =>
      binding.frameCreate(
        bytes.length,
        u32(dimensions, 'dimensions'),
        METRICS.indexOf(metric),
        QUANTIZATIONS.indexOf(quantization),
        u16(degree, 'M'),
        u16(efConstruction, 'efConstruction'),
        seed ?? this.#boundary.statics.defaultSeed(),
      ),
    )
  }

  frameDrop(collection: CollectionId): void {
    this.#boundary.check((binding) => binding.frameDrop(u32(collection, 'collection')))
  }

  /** The WAL object to store. */
  sealFrame(): NamedObject {
    const bytes = this.#boundary.answer((binding) => binding.sealFrame())
    return { name: this.#boundary.name((binding) => binding.frameName()), bytes }
  }

  /** After the object is durable. */
  applyFrame(): void {
    this.#boundary.enter((binding) => binding.applyFrame())
  }

  /** Rows that operation `index` of the applied frame changed. */
  appliedCount(index: number): number {
    return this.#boundary.enter((binding) => binding.appliedCount(u32(index, 'index')))
  }

  /** As if the frame had never been begun. */
  discardFrame(): void {
    this.#boundary.enter((binding) => binding.discardFrame())
  }

  /** Checks a row batch as `frameUpsert` would, without a frame. */
  checkRowBatch(collection: CollectionId, batch: Uint8Array): void {
    this.#boundary.withBytes(batch, (binding) =>
      binding.checkRowBatch(u32(collection, 'collection'), batch.length),
    )
  }

  // ---- Reading -------------------------------------------------------------------------------------------

  /** See `decodeSearchAnswer`. */
  search(request: CoreSearchRequest): Uint8Array<ArrayBuffer> {
    const { queries } = request
    const bytes = new Uint8Array(queries.buffer, queries.byteOffset, queries.byteLength)
    return this.#boundary.answer((binding) => {
      this.#boundary.toScratch(bytes)
      return binding.search(
        u32(request.collection, 'collection'),
        u32(request.queryCount, 'queryCount'),
        u32(request.k, 'k'),
        u32(request.efSearch, 'efSearch'),
        request.exact,
        request.include,
      )
    })
  }

  /** See `decodeGetAnswer`. */
  get(collection: CollectionId, ids: Uint8Array, include: number): Uint8Array<ArrayBuffer> {
    return this.#boundary.answer((binding) => {
      this.#boundary.toScratch(ids)
      return binding.get(u32(collection, 'collection'), ids.length, include)
    })
  }

  /** See `decodeListAnswer`. */
  list(collection: CollectionId, cursor: bigint, limit: number, include: number): Uint8Array<ArrayBuffer> {
    return this.#boundary.answer((binding) =>
      binding.list(u32(collection, 'collection'), cursor, u32(limit, 'limit'), include),
    )
  }

  /** `ids`: an id list of one. */
  cursorAfter(collection: CollectionId, ids: Uint8Array): bigint {
    return this.#boundary.number((binding) => {
      this.#boundary.toScratch(ids)
      return binding.cursorAfter(u32(collection, 'collection'), ids.length)
    })
  }

  count(collection: CollectionId): number {
    return Number(this.#boundary.number((binding) => binding.count(u32(collection, 'collection'))))
  }

  stats(collection: CollectionId): CoreCollectionStats {
    const record = this.#boundary.record((binding) => binding.stats(u32(collection, 'collection')))
    return {
      liveRows: Number(record[0]),
      deletedRows: Number(record[1]),
      indexedRows: Number(record[2]),
      vectorBytes: Number(record[3]),
      codeBytes: Number(record[4]),
      linkBytes: Number(record[5]),
      idBytes: Number(record[6]),
      metadataBytes: Number(record[7]),
    }
  }

  // ---- Background work -------------------------------------------------------------------------------------

  /** Does about `steps` steps; returns how many remain, about. */
  work(steps: number): number {
    return Number(this.#boundary.number((binding) => binding.work(u32(steps, 'steps'))))
  }

  // ---- Checkpoint --------------------------------------------------------------------------------------------

  beginCheckpoint(): void {
    this.#boundary.check((binding) => binding.beginCheckpoint())
  }

  /** The next object to store, `null` when all are out. The last one is the manifest. */
  nextCheckpointObject(): NamedObject | null {
    const more = this.#boundary.number((binding) => binding.nextCheckpointObject())
    if (more === 0n) return null
    const bytes = this.#boundary.enter((binding) =>
      this.#boundary.copy(binding.answerPointer(), binding.answerSize()),
    )
    return { name: this.#boundary.name((binding) => binding.checkpointObjectName()), bytes }
  }

  finishCheckpoint(): void {
    this.#boundary.enter((binding) => binding.finishCheckpoint())
  }

  abortCheckpoint(): void {
    this.#boundary.enter((binding) => binding.abortCheckpoint())
  }

  uncheckpointedWalBytes(): number {
    return Number(this.#boundary.enter((binding) => binding.uncheckpointedWalBytes()))
  }

  uncheckpointedWalObjects(): number {
    return this.#boundary.enter((binding) => binding.uncheckpointedWalObjects())
  }

  uncheckpointedGraphRows(): number {
    return Number(this.#boundary.enter((binding) => binding.uncheckpointedGraphRows()))
  }

  /** Bytes held by all engines of this instance. */
  memoryBytes(): number {
    return this.#boundary.enter(() => this.#boundary.statics.memoryBytes())
  }

  /** Size of the instance's linear memory, in bytes. It never shrinks. */
  wasmMemoryBytes(): number {
    return this.#boundary.wasmMemoryBytes
  }
}

function u32(value: number, what: string): number {
  return inRange(value, 0xffff_ffff, what)
}

function u16(value: number, what: string): number {
  return inRange(value, 0xffff, what)
}

/** Embind would wrap a number out of range in silence. */
function inRange(value: number, max: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  throw errorFromCode('INVALID_ARGUMENT', `${what}: expected an integer of 0..${max}, found ${String(value)}`)
}

function unknownValue(what: string, value: bigint | undefined): never {
  throw errorFromCode('ENGINE_FAILED', `the engine answered with the unknown ${what} ${String(value)}`)
}
