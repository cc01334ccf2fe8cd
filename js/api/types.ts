/** The public types of OmenDB. `docs/architecture.md` explains the words. */
import type { StorageAdapter } from '../../storage/contract.js'

/** `l2` Euclidean distance, `cosine` 1 - cos, `dot` negative inner product, `l1` sum of absolute differences. */
export type Metric = 'l2' | 'cosine' | 'dot' | 'l1'

/** What graph traversal compares; the exact vectors always decide the final order. */
export type Quantization = 'none' | 'sq8'

/**
 * A string of 1..1,024 UTF-8 bytes, a safe integer, or a bigint of 64 bits. Ids come back as they
 * were given: `1`, `1n` and `'1'` are three different ids.
 */
export type Id = string | number | bigint

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** Vectors are read as 32-bit floats; a `Float32Array` is the fast form. */
export type VectorLike = Float32Array | readonly number[]

export interface OpenOptions {
  /**
   * Where the database lives. `'auto'` (the default): IndexedDB in a browser, a folder in Node, Deno
   * and Bun, memory elsewhere. An adapter object runs with the engine in place.
   */
  storage?: 'auto' | 'memory' | 'indexeddb' | 'idbfs' | 'fs' | StorageAdapter
  /**
   * Run the engine in a worker. Default: true wherever the runtime has workers and the storage can
   * be opened inside one. `db.stats()` says what happened.
   */
  worker?: boolean
  /** Open the last committed state without taking the writer lock. Writes reject with `READ_ONLY`. */
  readOnly?: boolean
  /** The engine's wasm, where the default location does not fit. In place of a worker it may be a compiled module. */
  wasm?: WebAssembly.Module | URL | BufferSource
  /** Gives up opening; the promise rejects with `ABORTED`. */
  signal?: AbortSignal
}

export interface GraphOptions {
  /** HNSW's M: links per node, 4..64, default 16 (twice that at level 0). */
  M?: number
  /** HNSW's ef_construction: 8..2000, default 200. */
  efConstruction?: number
}

export interface CollectionOptions {
  /** Floats per vector: 1..16,384. */
  dimensions: number
  metric: Metric
  /** Default `'sq8'`. */
  quantization?: Quantization
  index?: GraphOptions
}

export interface Row<M = JsonValue> {
  id: Id
  vector?: Float32Array
  metadata?: M
}

export interface RowInput<M = JsonValue> {
  id: Id
  vector: VectorLike
  metadata?: M
}

/** Thousands of rows without thousands of objects. */
export interface ColumnarInput<M = JsonValue> {
  ids: readonly Id[]
  /** `ids.length * dimensions` floats, row-major. Do not change it before the promise settles. */
  vectors: Float32Array
  /** One per id; `undefined` where a row has none. */
  metadata?: readonly (M | undefined)[]
}

export interface Progress {
  /** Rows done so far. */
  done: number
  /** Rows in all. */
  total: number
}

export interface WriteOptions {
  /** Stops before the next part; what was committed stays. Rejects with `ABORTED`. */
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
}

/** What a read brings along. */
export type Include = 'metadata' | 'vector'

export interface SearchOptions {
  vector: VectorLike
  /** How many hits: 1..1,000,000. More than there are rows gives all rows. */
  k: number
  /** HNSW's ef_search, 1..1,000,000: higher finds more of the true nearest, slower. At least `k` is used. */
  efSearch?: number
  /** Compare with every row instead of walking the graph. */
  exact?: boolean
  /** Default `['metadata']`. */
  include?: readonly Include[]
  signal?: AbortSignal
}

export interface SearchBatchOptions extends Omit<SearchOptions, 'vector'> {
  /** One vector per query, or all of them in one array, row-major. */
  vectors: Float32Array | readonly VectorLike[]
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
  include?: readonly Include[]
  signal?: AbortSignal
}

export interface ListOptions extends ReadOptions {
  /** Start after this id, in order of insertion. */
  after?: Id
  /** At most this many rows. */
  limit?: number
}

export interface CollectionStats {
  name: string
  dimensions: number
  metric: Metric
  quantization: Quantization
  rows: number
  /** Deleted or replaced rows whose memory is not yet reclaimed. */
  deletedRows: number
  /** Rows the graph covers; the rest are compared exactly. */
  indexedRows: number
  /** Memory by purpose, in bytes. */
  memory: { vectors: number; codes: number; links: number; ids: number; metadata: number }
}

export interface DatabaseStats {
  name: string
  storage: string
  /** Where the engine runs. */
  engine: 'worker' | 'in-place'
  /** Why it runs in place although a worker was possible; absent when it does not. */
  workerFallback?: string
  simd: 'simd128' | 'relaxed-simd'
  readOnly: boolean
  /** Sequence number of the last committed write. */
  sequence: number
  collections: number
  /** Size of the engine's wasm memory in bytes. */
  memoryBytes: number
  /** Bytes stored for this database, and what the store could still take where known. */
  storageUsedBytes: number
  storageAvailableBytes?: number
  /** True while indexing, compaction or a checkpoint is under way. */
  busy: boolean
}
