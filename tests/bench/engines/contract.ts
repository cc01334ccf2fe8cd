/**
 * What the benchmark asks of an engine. Each engine has one small file beside this one; native engines answer the same
 * commands as programs of their own (tests/bench/native/peer_protocol.h).
 *
 * Not here: clocks and counting (../drive.ts does both, the same for all).
 */
export type Metric = 'l2' | 'cosine' | 'dot'

/** What is indexed. */
export interface Shape {
  readonly rows: number
  readonly dimensions: number
  readonly metric: Metric
}

/** The same for every engine that has these. */
export interface Graph {
  readonly M: number
  readonly efConstruction: number
  readonly seed: number
}

export const GRAPH: Graph = { M: 16, efConstruction: 200, seed: 100 }

/** Keeps bytes where an application of this place would: files that are synced, or IndexedDB. */
export interface Store {
  put(name: string, bytes: Uint8Array): Promise<void>
  get(name: string): Promise<Uint8Array>
  /** A folder of its own, or in a page a name, for an engine that stores by itself. */
  readonly place: string
  /** Bytes of all that was stored, by whichever way. */
  sizeBytes(): Promise<number>
}

/** The Node process or the page that an engine runs in. */
export interface Host {
  readonly kind: 'node' | 'page'
  /** A module by its path: `dist/...` of this project, `peers/...` of what the benchmark installed. */
  module(path: string): Promise<unknown>
  bytes(path: string): Promise<Uint8Array<ArrayBuffer>>
  url(path: string): URL
  readonly store: Store
}

/** Row numbers, nearest first. */
export type Hits = readonly number[]

export interface Index {
  /** Rows `first` to `first + count` of `vectors`, which holds all rows one after the other. */
  add(vectors: Float32Array, first: number, count: number): void | Promise<void>
  /** Whatever is left to do until searches run at full speed. */
  finish?(): void | Promise<void>
  setEf?(ef: number): void | Promise<void>
  search(query: Float32Array, k: number): Hits | Promise<Hits>
  /** Memory by the engine's own account, or the size of its wasm memory. */
  memoryBytes?(): number | Promise<number>
  /** Makes it outlive the process. */
  save?(): void | Promise<void>
  /** Which build of several is running. */
  variant?(): string | Promise<string>
  close(): void | Promise<void>
}

/** An engine whose code is loaded. */
export interface Loaded {
  create(shape: Shape, graph: Graph): Index | Promise<Index>
  /** What `save` kept, after `close`, and with nothing else in hand. */
  reload?(shape: Shape, graph: Graph): Promise<Index>
}

export type PlaceName = 'node' | 'chromium' | 'firefox'

interface RowsMax {
  readonly rows: number
  readonly why: string
}

export interface Engine {
  readonly id: string
  readonly title: string
  /** The npm package it comes from; `omendb` is this one. */
  readonly package: string
  /** Where it runs; a text says why it does not. */
  readonly places: Readonly<Record<PlaceName, true | string>>
  /** `true`, or why that metric cannot be had. */
  readonly metrics: Readonly<Record<Metric, true | string>>
  /** Whether `ef` can be chosen for a search; a text says what stands instead. */
  readonly tunable: true | string
  /** Rows of one call of `add`, for engines that take any number: a caller that has other things to do adds few at a time. */
  readonly rowsPerAdd: number
  /** More rows than that are not tried, for the reason given. */
  readonly rowsMax?: RowsMax
  /** The same where it is another for some metric. */
  readonly rowsMaxFor?: Readonly<Partial<Record<Metric, RowsMax>>>
  /** What a reader of its figures should know. */
  readonly notes?: readonly string[]
  /** Why there is no `save`, or no `reload`. */
  readonly cannotSave?: string
  /** Arguments for Node. */
  readonly nodeArguments?: readonly string[]
  load(host: Host): Promise<Loaded>
}

export function rowOf(vectors: Float32Array, dimensions: number, row: number): Float32Array {
  return vectors.subarray(row * dimensions, (row + 1) * dimensions)
}

/** A copy scaled to unit length: for engines that have no cosine of their own. */
export function unitLength(vector: Float32Array): Float32Array {
  let sum = 0
  for (const value of vector) sum += value * value
  return sum === 0 ? vector.slice() : vector.map((value) => value / Math.sqrt(sum))
}

export const EVERYWHERE = { node: true, chromium: true, firefox: 'measured in Chromium' } as const
