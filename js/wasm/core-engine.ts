/**
 * CoreEngine: one engine in wasm, with types. It mirrors core/include/omendb/engine.h call by call; that header says
 * what each does and how it fails. Failures are thrown as OmenErrors.
 *
 * Every `Uint8Array` returned is alone in its buffer, so that it can be transferred. Every `Uint8Array` taken is
 * copied before the call returns.
 *
 * When wasm traps (or throws anything at all) the instance's memory can no longer be trusted, although it would go on
 * answering. The engine is then *poisoned*: this call and all later ones throw `ENGINE_FAILED`.
 */
import { codeFromNumber, errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreInstance, EngineBinding } from './core-instance.js'
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

/** Arguments above this are rare (whole objects at opening); their memory is given back after the call. */
const SCRATCH_KEPT_BYTES = 1 << 20

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class CoreEngine {
  readonly simd: SimdLevel
  readonly #instance: CoreInstance
  readonly #binding: EngineBinding
  /** Why the engine is unusable; `null` while it is usable. */
  #failure: { message: string; cause: unknown } | null = null
  #disposed = false
  #scratchPointer = 0
  #scratchCapacity = 0

  /** `OUT_OF_MEMORY`. The engine is empty until `openNew` or `openHead`. */
  static create(module: CoreModule): CoreEngine {
    let binding: EngineBinding | null
    try {
      binding = module.instance.EngineBinding.create()
    } catch (cause) {
      throw errorFromCode('ENGINE_FAILED', `the engine could not be created: ${String(cause)}`, cause)
    }
    if (binding === null) throw errorFromCode('OUT_OF_MEMORY', 'not enough memory for a new engine')
    return new CoreEngine(module, binding)
  }

  private constructor(module: CoreModule, binding: EngineBinding) {
    this.simd = module.simd
    this.#instance = module.instance
    this.#binding = binding
  }

  /** True once wasm has trapped. */
  get failed(): boolean {
    return this.#failure !== null
  }

  /** Frees the engine's memory for other engines of the same instance. Idempotent; later calls throw `CLOSED`. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    // A poisoned instance is not entered again; its memory goes with the instance.
    if (this.#failure !== null) return
    try {
      this.#binding.delete()
    } catch (cause) {
      this.#failure = { message: 'the engine stopped while it was disposed of', cause }
    }
  }

  // ---- Opening -------------------------------------------------------------------------------------

  openNew(): void {
    this.#enter((binding) => binding.openNew())
  }

  openHead(head: Uint8Array): void {
    this.#withBytes(head, (binding) => binding.openHead(head.length))
  }

  takeOver(): void {
    this.#check((binding) => binding.takeOver())
  }

  encodeHead(): Uint8Array<ArrayBuffer> {
    return this.#answer((binding) => binding.encodeHead())
  }

  /** Names of the objects to load now: the manifest; once that is loaded, everything. */
  requiredObjectCount(): number {
    return this.#enter((binding) => binding.requiredObjectCount())
  }

  requiredObjectName(index: number): string {
    return this.#name((binding) => binding.requiredObjectName(u32(index, 'index')))
  }

  loadObject(index: number, bytes: Uint8Array): void {
    this.#withBytes(bytes, (binding) => binding.loadObject(u32(index, 'index'), bytes.length))
  }

  finishLoad(): void {
    this.#check((binding) => binding.finishLoad())
  }

  offerWalName(name: string): void {
    const bytes = encoder.encode(name)
    this.#withBytes(bytes, (binding) => binding.offerWalName(bytes.length))
  }

  planReplay(): void {
    this.#check((binding) => binding.planReplay())
  }

  replayCount(): number {
    return this.#enter((binding) => binding.replayCount())
  }

  replayName(index: number): string {
    return this.#name((binding) => binding.replayName(u32(index, 'index')))
  }

  replayFrame(bytes: Uint8Array): void {
    this.#withBytes(bytes, (binding) => binding.replayFrame(bytes.length))
  }

  isReferenced(name: string): boolean {
    const bytes = encoder.encode(name)
    return this.#enter((binding) => {
      this.#toScratch(bytes)
      return binding.isReferenced(bytes.length)
    })
  }

  sequence(): bigint {
    return this.#enter((binding) => binding.sequence())
  }

  epoch(): number {
    return this.#enter((binding) => binding.epoch())
  }

  // ---- Collections -----------------------------------------------------------------------------------

  /** 0: there is none. */
  findCollection(name: string): CollectionId {
    const bytes = encoder.encode(name)
    return this.#enter((binding) => {
      this.#toScratch(bytes)
      return binding.findCollection(bytes.length)
    })
  }

  collectionCount(): number {
    return this.#enter((binding) => binding.collectionCount())
  }

  /** In order of creation. */
  collectionAt(index: number): CollectionId {
    return this.#enter((binding) => binding.collectionAt(u32(index, 'index')))
  }

  collectionName(collection: CollectionId): string {
    return this.#name((binding) => {
      this.#unwrap(binding.collectionName(u32(collection, 'collection')))
    })
  }

  collectionOptions(collection: CollectionId): Required<CoreCollectionOptions> {
    const record = this.#record((binding) => binding.collectionOptions(u32(collection, 'collection')))
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
    this.#check((binding) => binding.beginFrame())
  }

  /** Adds an upsert of a row batch to the open frame. A failure adds nothing. */
  frameUpsert(collection: CollectionId, batch: Uint8Array): void {
    this.#payload(batch)
    this.#check((binding) => binding.frameUpsert(u32(collection, 'collection')))
  }

  /** Adds a deletion of an id list to the open frame. */
  frameDelete(collection: CollectionId, ids: Uint8Array): void {
    this.#payload(ids)
    this.#check((binding) => binding.frameDelete(u32(collection, 'collection')))
  }

  frameCreate(name: string, options: CoreCollectionOptions): void {
    const { dimensions, metric, quantization, degree, efConstruction, seed } = options
    const bytes = encoder.encode(name)
    this.#withBytes(bytes, (binding) =>
      binding.frameCreate(
        bytes.length,
        u32(dimensions, 'dimensions'),
        METRICS.indexOf(metric),
        QUANTIZATIONS.indexOf(quantization),
        u16(degree, 'M'),
        u16(efConstruction, 'efConstruction'),
        seed ?? this.#instance.EngineBinding.defaultSeed(),
      ),
    )
  }

  frameDrop(collection: CollectionId): void {
    this.#check((binding) => binding.frameDrop(u32(collection, 'collection')))
  }

  /** The WAL object to store. */
  sealFrame(): NamedObject {
    const bytes = this.#answer((binding) => binding.sealFrame())
    return { name: this.#name((binding) => binding.frameName()), bytes }
  }

  /** After the object is durable. */
  applyFrame(): void {
    this.#enter((binding) => binding.applyFrame())
  }

  /** Rows that operation `index` of the applied frame changed. */
  appliedCount(index: number): number {
    return this.#enter((binding) => binding.appliedCount(u32(index, 'index')))
  }

  /** As if the frame had never been begun. */
  discardFrame(): void {
    this.#enter((binding) => binding.discardFrame())
  }

  /** Checks a row batch as `frameUpsert` would, without a frame. */
  checkRowBatch(collection: CollectionId, batch: Uint8Array): void {
    this.#withBytes(batch, (binding) => binding.checkRowBatch(u32(collection, 'collection'), batch.length))
  }

  // ---- Reading -------------------------------------------------------------------------------------------

  /** See `decodeSearchAnswer`. */
  search(request: CoreSearchRequest): Uint8Array<ArrayBuffer> {
    const { queries } = request
    const bytes = new Uint8Array(queries.buffer, queries.byteOffset, queries.byteLength)
    return this.#answer((binding) => {
      this.#toScratch(bytes)
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
    return this.#answer((binding) => {
      this.#toScratch(ids)
      return binding.get(u32(collection, 'collection'), ids.length, include)
    })
  }

  /** See `decodeListAnswer`. */
  list(collection: CollectionId, cursor: bigint, limit: number, include: number): Uint8Array<ArrayBuffer> {
    return this.#answer((binding) =>
      binding.list(u32(collection, 'collection'), cursor, u32(limit, 'limit'), include),
    )
  }

  /** `ids`: an id list of one. */
  cursorAfter(collection: CollectionId, ids: Uint8Array): bigint {
    return this.#number((binding) => {
      this.#toScratch(ids)
      return binding.cursorAfter(u32(collection, 'collection'), ids.length)
    })
  }

  count(collection: CollectionId): number {
    return Number(this.#number((binding) => binding.count(u32(collection, 'collection'))))
  }

  stats(collection: CollectionId): CoreCollectionStats {
    const record = this.#record((binding) => binding.stats(u32(collection, 'collection')))
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
    return Number(this.#number((binding) => binding.work(u32(steps, 'steps'))))
  }

  // ---- Checkpoint --------------------------------------------------------------------------------------------

  beginCheckpoint(): void {
    this.#check((binding) => binding.beginCheckpoint())
  }

  /** The next object to store, `null` when all are out. The last one is the manifest. */
  nextCheckpointObject(): NamedObject | null {
    const more = this.#number((binding) => binding.nextCheckpointObject())
    if (more === 0n) return null
    const bytes = this.#enter((binding) => this.#copy(binding.answerPointer(), binding.answerSize()))
    return { name: this.#name((binding) => binding.checkpointObjectName()), bytes }
  }

  finishCheckpoint(): void {
    this.#enter((binding) => binding.finishCheckpoint())
  }

  abortCheckpoint(): void {
    this.#enter((binding) => binding.abortCheckpoint())
  }

  uncheckpointedWalBytes(): number {
    return Number(this.#enter((binding) => binding.uncheckpointedWalBytes()))
  }

  uncheckpointedWalObjects(): number {
    return this.#enter((binding) => binding.uncheckpointedWalObjects())
  }

  uncheckpointedGraphRows(): number {
    return Number(this.#enter((binding) => binding.uncheckpointedGraphRows()))
  }

  /** Bytes held by all engines of this instance. */
  memoryBytes(): number {
    return this.#enter(() => this.#instance.EngineBinding.memoryBytes())
  }

  /** Size of the instance's linear memory, in bytes. It never shrinks. */
  wasmMemoryBytes(): number {
    return this.#instance.HEAPU8.length
  }

  // ---- Crossing the boundary -----------------------------------------------------------------------------------

  /** Every call into wasm goes through here: whatever it throws that is not one of our errors is a trap. */
  #enter<T>(call: (binding: EngineBinding) => T): T {
    if (this.#failure !== null)
      throw errorFromCode('ENGINE_FAILED', this.#failure.message, this.#failure.cause)
    if (this.#disposed) throw errorFromCode('CLOSED', 'the engine was disposed of')
    try {
      return call(this.#binding)
    } catch (error) {
      if (error instanceof OmenError) throw error
      const message = `the engine stopped (${String(error)}); open the database again to recover what was committed`
      this.#failure = { message, cause: error }
      throw errorFromCode('ENGINE_FAILED', message, error)
    }
  }

  #check(call: (binding: EngineBinding) => number): void {
    this.#enter((binding) => this.#unwrap(call(binding)))
  }

  #withBytes(bytes: Uint8Array, call: (binding: EngineBinding) => number): void {
    this.#enter((binding) => {
      this.#toScratch(bytes)
      const code = call(binding)
      if (this.#scratchCapacity > SCRATCH_KEPT_BYTES) this.#reserveScratch(0)
      this.#unwrap(code)
    })
  }

  #answer(call: (binding: EngineBinding) => number): Uint8Array<ArrayBuffer> {
    return this.#enter((binding) => {
      this.#unwrap(call(binding))
      return this.#copy(binding.answerPointer(), binding.answerSize())
    })
  }

  #number(call: (binding: EngineBinding) => number): bigint {
    return this.#enter((binding) => {
      this.#unwrap(call(binding))
      return binding.answerNumber()
    })
  }

  /** An answer that is an array of u64. */
  #record(call: (binding: EngineBinding) => number): BigUint64Array {
    return new BigUint64Array(this.#answer(call).buffer)
  }

  #name(call: (binding: EngineBinding) => void): string {
    return this.#enter((binding) => {
      call(binding)
      return this.#text(binding.namePointer(), binding.nameSize())
    })
  }

  #unwrap(code: number): void {
    if (code === 0) return
    const message = this.#text(this.#binding.messagePointer(), this.#binding.messageSize())
    throw errorFromCode(codeFromNumber(code), message)
  }

  #payload(bytes: Uint8Array): void {
    this.#enter((binding) => {
      this.#unwrap(binding.framePayload(bytes.length))
      this.#instance.HEAPU8.set(bytes, binding.answerPointer())
    })
  }

  #toScratch(bytes: Uint8Array): void {
    if (bytes.length > this.#scratchCapacity) this.#reserveScratch(bytes.length)
    // HEAPU8 is read anew each time: a view dies when memory grows.
    this.#instance.HEAPU8.set(bytes, this.#scratchPointer)
  }

  #reserveScratch(size: number): void {
    this.#scratchCapacity = 0
    this.#scratchPointer = this.#binding.reserveScratch(size)
    if (size > 0 && this.#scratchPointer === 0) {
      throw errorFromCode('OUT_OF_MEMORY', `could not allocate ${size} bytes for an argument`)
    }
    this.#scratchCapacity = size
  }

  #copy(pointer: number, size: number): Uint8Array<ArrayBuffer> {
    try {
      return this.#instance.HEAPU8.slice(pointer, pointer + size)
    } catch (cause) {
      // The wasm side is whole; it is JavaScript's heap that has no room.
      throw errorFromCode('OUT_OF_MEMORY', `could not allocate ${size} bytes for an answer`, cause)
    }
  }

  #text(pointer: number, size: number): string {
    return decoder.decode(this.#instance.HEAPU8.subarray(pointer, pointer + size))
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
