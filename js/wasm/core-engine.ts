/**
 * CoreEngine: one engine in wasm, with types. It mirrors core/include/omendb/engine.h call by call; that header says
 * what each does and how it fails. Failures are thrown as OmenErrors.
 *
 * Every `Uint8Array` returned is alone in its buffer, so that it can be transferred. Every `Uint8Array` taken is
 * copied before the call returns.
 *
 * When wasm traps, this call and all later ones throw `ENGINE_FAILED` (see core-boundary.ts).
 */
import { CoreBoundary } from './core-boundary.js'
import type { CoreModule, SimdLevel } from './core-module.js'
import {
  type CollectionId,
  type CoreCollectionOptions,
  type CoreCollectionStats,
  type CoreSearchRequest,
  METRICS,
  type NamedObject,
  QUANTIZATIONS,
  type Token,
  u16,
  u32,
  u64,
  unknownValue,
  type ViewId,
} from './core-values.js'
import { CoreVectors } from './core-vectors.js'
import { VECTOR_TYPES } from './vector-types.js'

export type { CollectionId, CoreCollectionOptions, NamedObject } from './core-values.js'

const encoder = new TextEncoder()

/** A figure that was not measured yet. */
const NOT_MEASURED = 0xffff_ffff

export class CoreEngine {
  readonly simd: SimdLevel
  /** Vectors in storage, and the memory budget. */
  readonly vectors = new CoreVectors(() => this.#boundary)
  #boundary: CoreBoundary
  #isReader = true

  /** `OUT_OF_MEMORY`. The engine is empty until `openNew` or `openHead`. */
  static create(module: CoreModule): CoreEngine {
    return new CoreEngine(module.simd, CoreBoundary.create(module.instance))
  }

  private constructor(simd: SimdLevel, boundary: CoreBoundary) {
    this.simd = simd
    this.#boundary = boundary
  }

  /** Until `takeOver`. */
  get isReader(): boolean {
    return this.#isReader
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
    this.#isReader = false
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

  /** An empty engine in the same memory: what traps in one has broken both. */
  another(): CoreEngine {
    return new CoreEngine(this.simd, this.#boundary.another())
  }

  takePlaceOf(other: CoreEngine): void {
    this.#boundary.takePlaceOf(other.#boundary)
    this.#isReader = false
  }

  /** From now on this is `other`, of which nothing is left. Whoever holds this one need not be told. */
  become(other: CoreEngine): void {
    this.#boundary.dispose()
    this.#boundary = other.#boundary
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

  /** All of them, in order of creation. */
  collections(): CollectionId[] {
    return Array.from({ length: this.collectionCount() }, (_, i) =>
      this.#boundary.enter((binding) => binding.collectionAt(i)),
    )
  }

  collectionName(collection: CollectionId, view: ViewId = 0): string {
    return this.#boundary.name((binding) => {
      this.#boundary.unwrap(binding.collectionName(u32(collection, 'collection'), view))
    })
  }

  collectionOptions(collection: CollectionId, view: ViewId = 0): Required<CoreCollectionOptions> {
    const record = this.#boundary.record((binding) =>
      binding.collectionOptions(u32(collection, 'collection'), view),
    )
    return {
      dimensions: Number(record[0]),
      metric: METRICS[Number(record[1])] ?? unknownValue('metric', record[1]),
      quantization: QUANTIZATIONS[Number(record[2])] ?? unknownValue('quantization', record[2]),
      degree: Number(record[3]),
      efConstruction: Number(record[4]),
      seed: record[5] ?? 0n,
      vectorType: VECTOR_TYPES[Number(record[6])] ?? unknownValue('vector type', record[6]),
    }
  }

  // ---- Writing -----------------------------------------------------------------------------------------

  /** `timeMs`: milliseconds since 1970, kept with the commit. */
  beginFrame(timeMs = 0): void {
    this.#boundary.check((binding) => binding.beginFrame(u64(timeMs)))
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
        VECTOR_TYPES.indexOf(options.vectorType ?? 'float32'),
      ),
    )
  }

  frameDrop(collection: CollectionId): void {
    this.#boundary.check((binding) => binding.frameDrop(u32(collection, 'collection')))
  }

  /** All that a transaction wrote. `CONFLICT`. */
  frameTransaction(transaction: ViewId): void {
    this.#boundary.check((binding) => binding.frameTransaction(transaction))
  }

  /** What makes the newest state equal to the view's. */
  frameRestore(view: ViewId): void {
    this.#boundary.check((binding) => binding.frameRestore(view))
  }

  /** The operation added last answers this request. */
  frameToken({ client, request }: Token): void {
    this.#boundary.check((binding) => binding.frameToken(client, request))
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

  /** Rows that the write with this token changed; `NOT_FOUND` when it is not known to be committed. */
  findToken({ client, request }: Token): number {
    return Number(this.#boundary.number((binding) => binding.findToken(client, request)))
  }

  /** Checks a row batch as `frameUpsert` would, without a frame. */
  checkRowBatch(collection: CollectionId, batch: Uint8Array): void {
    this.#boundary.withBytes(batch, (binding) =>
      binding.checkRowBatch(u32(collection, 'collection'), batch.length),
    )
  }

  // ---- Views, history --------------------------------------------------------------------------------------

  openView(): ViewId {
    return Number(this.#boundary.number((binding) => binding.openView()))
  }

  /** The state after the commit `sequence`. `NOT_RETAINED`. */
  openViewAt(sequence: bigint): ViewId {
    return Number(this.#boundary.number((binding) => binding.openViewAt(sequence)))
  }

  beginTransaction(): ViewId {
    return Number(this.#boundary.number((binding) => binding.beginTransaction()))
  }

  viewSequence(view: ViewId): bigint {
    return this.#boundary.number((binding) => binding.viewSequence(view))
  }

  closeView(view: ViewId): void {
    this.#boundary.enter((binding) => binding.closeView(view))
  }

  /** As `findCollection`, in a view. */
  findCollectionIn(view: ViewId, name: string): CollectionId {
    const bytes = encoder.encode(name)
    return this.#boundary.enter((binding) => {
      this.#boundary.toScratch(bytes)
      return binding.findCollectionIn(view, bytes.length)
    })
  }

  /** All collections of a view, in order of creation. */
  collectionsIn(view: ViewId): CollectionId[] {
    return [...new Uint32Array(this.#boundary.answer((binding) => binding.collectionsIn(view)).buffer)]
  }

  transactionUpsert(transaction: ViewId, collection: CollectionId, batch: Uint8Array): void {
    this.#boundary.withBytes(batch, (binding) =>
      binding.transactionUpsert(transaction, collection, batch.length),
    )
  }

  /** Rows of the transaction's state that the ids had. */
  transactionDelete(transaction: ViewId, collection: CollectionId, ids: Uint8Array): number {
    return Number(
      this.#boundary.number((binding) => {
        this.#boundary.toScratch(ids)
        return binding.transactionDelete(transaction, collection, ids.length)
      }),
    )
  }

  forgetBefore(timeMs: number): void {
    this.#boundary.enter((binding) => binding.forgetBefore(u64(timeMs)))
  }

  oldestSequence(): bigint {
    return this.#boundary.enter((binding) => binding.oldestSequence())
  }

  /** The last commit at or before a time. `NOT_RETAINED`. */
  sequenceAt(timeMs: number): bigint {
    return this.#boundary.number((binding) => binding.sequenceAt(u64(timeMs)))
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
        request.view ?? 0,
      )
    })
  }

  /** See `decodeGetAnswer`. */
  get(collection: CollectionId, ids: Uint8Array, include: number, view: ViewId = 0): Uint8Array<ArrayBuffer> {
    return this.#boundary.answer((binding) => {
      this.#boundary.toScratch(ids)
      return binding.get(u32(collection, 'collection'), ids.length, include, view)
    })
  }

  /** See `decodeListAnswer`. */
  list(
    collection: CollectionId,
    cursor: bigint,
    limit: number,
    include: number,
    view: ViewId = 0,
  ): Uint8Array<ArrayBuffer> {
    return this.#boundary.answer((binding) =>
      binding.list(u32(collection, 'collection'), cursor, u32(limit, 'limit'), include, view),
    )
  }

  /** `ids`: an id list of one. */
  cursorAfter(collection: CollectionId, ids: Uint8Array, view: ViewId = 0): bigint {
    return this.#boundary.number((binding) => {
      this.#boundary.toScratch(ids)
      return binding.cursorAfter(u32(collection, 'collection'), ids.length, view)
    })
  }

  count(collection: CollectionId, view: ViewId = 0): number {
    return Number(this.#boundary.number((binding) => binding.count(u32(collection, 'collection'), view)))
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
      memtableRows: Number(record[8]),
      segments: Number(record[9]),
      liveBytes: Number(record[10]),
      codes: QUANTIZATIONS[Number(record[11])] ?? unknownValue('quantization', record[11]),
      codeRowBytes: Number(record[12]),
      codeRecallLoss: Number(record[13]) === NOT_MEASURED ? null : Number(record[13]) / 1e6,
      vectorHits: Number(record[14]),
      vectorMisses: Number(record[15]),
      vectorEvictions: Number(record[16]),
      vectorsInMemory: Number(record[17]),
    }
  }

  // ---- Background work -------------------------------------------------------------------------------------

  /** Does about `steps` steps; returns how many remain, about. */
  work(steps: number): number {
    return Number(this.#boundary.number((binding) => binding.work(u32(steps, 'steps'))))
  }

  // ---- Checkpoint --------------------------------------------------------------------------------------------

  /** `whole`: every object anew, so that what comes out is complete by itself. */
  beginCheckpoint(whole = false): void {
    this.#boundary.check((binding) => binding.beginCheckpoint(whole))
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

  /** Bytes that a checkpoint would free in storage. */
  reclaimableBytes(): number {
    return Number(this.#boundary.enter((binding) => binding.reclaimableBytes()))
  }

  /** Names of all that the stored checkpoint consists of, the manifest first. */
  storedObjectNames(): string[] {
    const count = this.#boundary.enter((binding) => binding.storedObjectCount())
    return Array.from({ length: count }, (_, i) =>
      this.#boundary.name((binding) => binding.storedObjectName(i)),
    )
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
