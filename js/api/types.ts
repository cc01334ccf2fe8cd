/** The public types of OmenDB. `docs/architecture.md` explains the words. */
import type { StorageAdapter } from '../../storage/contract.js'
import type { Durability, Metric, Quantization } from '../engine/protocol.js'
import type { Float16ArrayLike, StoredArray, VectorType } from '../wasm/vector-types.js'

export type { Durability, Float16ArrayLike, Metric, Quantization, VectorType }

/**
 * A string of 1..1,024 UTF-8 bytes, a safe integer, or a bigint of 64 bits. Ids come back as they
 * were given: `1`, `1n` and `'1'` are three different ids.
 */
export type Id = string | number | bigint

/** Any JSON value, of at most 256 objects and arrays inside each other. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** Where a database can live, by name. */
export type StorageName = 'memory' | 'indexeddb' | 'idbfs' | 'opfs' | 'fs'

/**
 * The numbers of a vector; or, where the collection's `vectorType` is another than `'float32'`, an array of that type:
 * `'float16'` a `Float16Array`, or a `Uint16Array` of the bits of halves; `'int8'` an `Int8Array`; `'binary'` a `Uint8Array`
 * of packed bits, `ceil(dimensions / 8)` bytes, lowest bit first, those that are not used 0.
 */
export type VectorLike = readonly number[] | VectorArray

/** As {@link VectorLike}, in an array that can hold many. */
export type VectorArray = StoredArray

export interface OpenOptions {
  /**
   * Where the database lives. `'auto'` (the default): IndexedDB in a browser, a folder in Node, Deno
   * and Bun, memory elsewhere. An adapter object runs with the engine in place. `'opfs'` needs the engine in a worker;
   * where the browser refuses it there, IndexedDB stands in and `db.stats()` says so.
   */
  storage?: 'auto' | StorageName | StorageAdapter | undefined
  /**
   * Run the engine in a worker. Default: true wherever the runtime has workers and the storage can
   * be opened inside one. `db.stats()` says what happened.
   */
  worker?: boolean | undefined
  /**
   * When a write resolves. `'strict'` (the default): it survives a crash of the machine, where the storage can promise
   * that. `'relaxed'`: it survives the end of the tab or process, and is made to survive the rest within about a second.
   * `'manual'`: the rest only with `flush`, `close` or a checkpoint. docs/durability.md says it for each storage.
   */
  durability?: Durability | undefined
  /**
   * How long past states stay readable with `at` and `restore({ to })`, in milliseconds; `Infinity`: for ever. Default 0:
   * old versions go as soon as no snapshot needs them. They take memory and storage like rows do.
   */
  retentionMs?: number | undefined
  /** Begin anew where the browser has removed the database, instead of rejecting with `EVICTED`. */
  recreate?: boolean | undefined
  /**
   * What the engine's memory (`stats().memoryBytes`) is to stay below, in bytes, at least 16 MiB; default: no bounds. On the
   * way there, vectors leave memory and are read from storage when they are compared (where the storage can be read in
   * ranges: a folder, OPFS, IndexedDB; not in memory and key-value stores); then codes of `'auto'` get fewer bits; then writes
   * reject with `LIMIT_EXCEEDED`. `collection.stats()` says how often vectors were found in memory.
   */
  memoryBudgetBytes?: number | undefined
  /** Open the last committed state without taking the writer lock. Writes reject with `READ_ONLY`. */
  readOnly?: boolean | undefined
  /**
   * In browsers: share the database with the other tabs of this origin that have it open. One tab's engine answers all
   * of them; when that tab ends, another takes over. Default true. With `false` one tab has the database for itself:
   * opening it twice rejects with `LOCKED`. Databases in memory, and those opened with `readOnly`, are never shared.
   */
  sharing?: boolean | undefined
  /** The engine's wasm, where the default location does not fit. In place of a worker it may be a compiled module. */
  wasm?: WebAssembly.Module | URL | BufferSource | undefined
  /** Gives up opening; the promise rejects with `ABORTED`. */
  signal?: AbortSignal | undefined
}

export interface GraphOptions {
  /** HNSW's M: links per node, 4..64, default 16 (twice that at level 0). */
  M?: number | undefined
  /** HNSW's ef_construction: 8..2000, default 200. */
  efConstruction?: number | undefined
}

export interface CollectionOptions {
  /** Numbers per vector: 1..16,384. */
  dimensions: number
  metric: Metric
  /**
   * How vectors are kept, in memory and in storage, default `'float32'`: `'float16'` takes half of that, with about 3 digits,
   * up to 65,504; `'int8'` a quarter, whole numbers from -128 to 127; `'binary'` a bit for each 0 or 1. A number that the type
   * does not have is `INVALID_VECTOR`, but for `'float16'`, which takes the nearest. Vectors come back as `Float32Array`,
   * and queries are not narrowed, whatever it is.
   */
  vectorType?: VectorType | undefined
  /**
   * What graph traversal compares; the vectors themselves always decide the final order. `'auto'` (the default) chooses
   * by dimensions and metric: `'rabitq4'` from 48 dimensions on, `'sq8'` below and under `'l1'`. `'sq8'`: 8 bits for each
   * dimension; `'rabitq1'`, `'2'`, `'4'`, `'7'`: that many bits after a random rotation, not for `'l1'`; `'none'`: the vectors.
   */
  quantization?: Quantization | undefined
  index?: GraphOptions | undefined
}

export interface Row<M = JsonValue> {
  id: Id
  vector?: Float32Array
  metadata?: M
}

export interface RowInput<M = JsonValue> {
  id: Id
  vector: VectorLike
  metadata?: M | undefined
}

/** Thousands of rows without thousands of objects. */
export interface ColumnarInput<M = JsonValue> {
  ids: readonly Id[]
  /** All vectors, one after the other. Do not change it before the promise settles. */
  vectors: VectorArray
  /** One per id; `undefined` where a row has none. */
  metadata?: readonly (M | undefined)[] | undefined
}

export interface Progress {
  /** Rows done so far. */
  done: number
  /** Rows in all. */
  total: number
}

export interface IdleOptions {
  /** Stops the waiting, not the work. */
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
}

export interface TransactionOptions {
  /** How often the function runs anew after a `CONFLICT`. Default 0. */
  retries?: number | undefined
}

export interface RestoreTarget {
  /** A sequence number, or a time. */
  to: number | Date
}

export interface RestoreOptions {
  /** Stops reading the stream; nothing is changed then. */
  signal?: AbortSignal | undefined
}

export interface WriteOptions {
  /**
   * Stops before the next part; what was committed stays, and `committedRows` of the error counts it.
   * Rejects with `ABORTED`. A write of one part whose commit has begun is not stopped, and resolves.
   */
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
}

/** What a read brings along. */
export type Include = 'metadata' | 'vector'

export interface SearchOptions {
  vector: VectorLike
  /** How many hits: 1..1,000,000. More than there are rows gives all rows. */
  k: number
  /** HNSW's ef_search, 1..1,000,000: higher finds more of the true nearest, slower. At least `k` is used. */
  efSearch?: number | undefined
  /** Compare with every row instead of walking the graph. */
  exact?: boolean | undefined
  /** Default `['metadata']`. */
  include?: readonly Include[] | undefined
  signal?: AbortSignal | undefined
}

export interface SearchBatchOptions extends Omit<SearchOptions, 'vector'> {
  /** One vector per query, or all of them in one array, row-major. */
  vectors: VectorArray | readonly VectorLike[]
}

export interface Hit<M = JsonValue> {
  id: Id
  /** Smaller is closer, for every metric. */
  distance: number
  /** Larger is better: `1 - distance` for cosine, `-distance` for dot, `1 / (1 + distance)` for l2 and l1. */
  score: number
  metadata?: M
  vector?: Float32Array
}

export interface ReadOptions {
  /** Default `['metadata', 'vector']`. */
  include?: readonly Include[] | undefined
  signal?: AbortSignal | undefined
}

export interface CountOptions {
  signal?: AbortSignal | undefined
}

export interface DeleteOptions {
  /** As for {@link WriteOptions.signal}. */
  signal?: AbortSignal | undefined
}

export interface ListOptions extends ReadOptions {
  /** Start after the row of this id, in order of insertion; `NOT_FOUND` when there is none. */
  after?: Id | undefined
  /** At most this many rows. */
  limit?: number | undefined
}

export interface CollectionStats {
  name: string
  dimensions: number
  metric: Metric
  vectorType: VectorType
  /** As it was asked for. */
  quantization: Quantization
  /**
   * What is in use: never `'auto'`, and `'none'` before the first rows are indexed. `recallLoss`: the share of true neighbors
   * that codes with exact rerank miss, measured on a sample of the rows in the background; `null` before that.
   */
  codes: { kind: Quantization; bytesPerVector: number; recallLoss: number | null }
  index: { M: number; efConstruction: number }
  rows: number
  /** Deleted or replaced rows whose memory is not yet reclaimed. */
  deletedRows: number
  /** Rows the graph covers; the rest are compared exactly. */
  indexedRows: number
  /** Rows that no stored segment holds yet: the next checkpoint writes them. */
  memtableRows: number
  /** Stored, immutable runs of rows. */
  segments: number
  /** Memory by purpose, in bytes. */
  memory: { vectors: number; codes: number; links: number; ids: number; metadata: number }
  /**
   * Vectors that are in memory now; the rest are in storage only. While there are such: how many of those that searches
   * compared and `get` asked for were in memory (`hits`), were read (`misses`), and how many left memory again.
   */
  vectors: { inMemory: number; hits: number; misses: number; evictions: number }
}

export interface DatabaseStats {
  name: string
  storage: string
  /** Why it is not the storage that was asked for; absent when it is. */
  storageFallback?: string
  /** Where the engine runs. */
  engine: 'worker' | 'in-place'
  /** Why it runs in place although a worker was possible; absent when it does not. */
  workerFallback?: string
  simd: 'simd128' | 'relaxed-simd'
  /** Whether a resolved write survives a crash. */
  durable: boolean
  /** The option of `open`. */
  durability: Durability
  readOnly: boolean
  /** Of a database that tabs share: whether this tab's engine answers (`'leader'`), or another's. */
  role?: 'leader' | 'follower'
  /** Why a handle that could write no longer can. */
  readOnlyReason?: string
  /** Sequence number of the last committed write. */
  sequence: number
  /** The oldest one that `at` still opens. */
  oldestSequence: number
  collections: number
  /** Rows that no stored segment holds yet. */
  memtableRows: number
  /** Stored, immutable runs of rows. */
  segments: number
  /** Bytes of write-ahead log that no checkpoint has made superfluous. */
  walBytes: number
  /** Bytes put into storage since `open`, for each byte of rows and ids that was committed; 0 before the first. */
  writeAmplification: number
  /** Bytes stored for each byte of live rows; 0 where there are none. */
  spaceAmplification: number
  /** Bytes that `open` read for each byte of live rows; 0 where there are none. */
  readAmplification: number
  /** Size of the engine's wasm memory in bytes. It never shrinks. */
  memoryBytes: number
  /** Of these, what the engine holds now. */
  engineBytes: number
  /** The option of `open`; absent without one. */
  memoryBudgetBytes?: number
  /** Bytes stored for this database, and what the store could still take where known. */
  storageUsedBytes: number
  storageAvailableBytes?: number
  /** True while indexing, compaction or a checkpoint is under way. */
  busy: boolean
  /** The last thing that went wrong behind the scenes: indexing or a checkpoint that will be tried again. */
  backgroundError?: string
}
