/**
 * What the API asks of the engine host, as plain data: the same requests are called directly (engine
 * in place) or posted to a worker. Rows, ids and answers are bytes (docs/file-format.md, "Row batch",
 * "Id list", "Answers"), so that crossing a thread is a transfer and not a copy.
 *
 * Not here: how requests travel (js/worker) and what they do (js/engine/engine-host.ts).
 */
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { ErrorCode } from '../errors/codes.js'
import type { Token } from '../wasm/core-values.js'
import type { VectorType } from '../wasm/vector-types.js'

/** `l2` Euclidean distance, `cosine` 1 - cos, `dot` negative inner product, `l1` sum of absolute differences. */
export type Metric = 'l2' | 'cosine' | 'dot' | 'l1'

/** What graph traversal compares; the exact vectors always decide the final order. */
export type Quantization = 'auto' | 'none' | 'sq8' | 'rabitq1' | 'rabitq2' | 'rabitq4' | 'rabitq7'

/**
 * When a write resolves. `strict`: it survives a crash of the machine, where the storage is durable. `relaxed`: it
 * survives the end of the tab or process, and within about a second the rest. `manual`: the rest only after `flush`, a
 * checkpoint or `close`.
 */
export type Durability = 'strict' | 'relaxed' | 'manual'

/** How a database is opened, beside where. */
export interface HostSettings {
  readonly durability: Durability
  /** How long past states stay readable. */
  readonly retentionMs: number
  /** Begin anew where the browser has removed the database. */
  readonly recreate: boolean
  /** What the engine's memory is to stay below, in bytes; 0: no bounds. */
  readonly memoryBudgetBytes: number
}

/** A collection's options, every default filled in. */
export interface CollectionSchema {
  readonly dimensions: number
  readonly metric: Metric
  readonly quantization: Quantization
  readonly vectorType: VectorType
  readonly M: number
  readonly efConstruction: number
}

export interface CollectionInfo {
  /** Never reused in one database, so a handle to a dropped collection cannot meet another one. */
  readonly collection: number
  readonly name: string
  readonly schema: CollectionSchema
}

export interface SearchInput {
  readonly collection: number
  /** `queryCount * dimensions` floats, row-major. */
  readonly queries: Float32Array
  readonly queryCount: number
  readonly k: number
  /** 0: the engine's default. */
  readonly efSearch: number
  readonly exact: boolean
  readonly include: number
  /** 0: the newest state. */
  readonly view: number
}

/** A state held open until `closeView`, or until `restoreBackup` or `close` ends it. */
export interface ViewInfo {
  readonly view: number
  /** Of the last commit in it. */
  readonly sequence: number
}

/** A past state: after a commit, or at a time (milliseconds since 1970). */
export type PointInTime = { readonly sequence: number } | { readonly timeMs: number }

export interface HostCollectionStats {
  readonly liveRows: number
  readonly deletedRows: number
  readonly indexedRows: number
  readonly vectorBytes: number
  readonly codeBytes: number
  readonly linkBytes: number
  readonly idBytes: number
  readonly metadataBytes: number
  readonly memtableRows: number
  readonly segments: number
  readonly liveBytes: number
  readonly codes: Quantization
  readonly codeRowBytes: number
  readonly codeRecallLoss: number | null
  readonly vectorsInMemory: number
  readonly vectorHits: number
  readonly vectorMisses: number
  readonly vectorEvictions: number
}

export interface HostStats {
  readonly storage: string
  readonly storageFallback?: string
  readonly durable: boolean
  readonly durability: Durability
  readonly simd: 'simd128' | 'relaxed-simd'
  readonly readOnly: boolean
  readonly readOnlyReason?: string
  readonly role?: 'leader' | 'follower'
  readonly sequence: number
  readonly oldestSequence: number
  readonly collections: number
  readonly memtableRows: number
  readonly segments: number
  readonly walBytes: number
  readonly writeAmplification: number
  readonly spaceAmplification: number
  readonly readAmplification: number
  readonly memoryBytes: number
  readonly engineBytes: number
  readonly memoryBudgetBytes?: number
  readonly storageUsedBytes: number
  readonly storageAvailableBytes?: number
  readonly busy: boolean
  readonly backgroundError?: string
}

/** Every request: what goes in, what comes out. */
export interface HostRequests {
  collections: { input: { view: number }; output: CollectionInfo[] }
  /** Creates, or opens and checks what `schema` gives. Null, and in a view: it must exist. */
  openCollection: {
    input: { name: string; schema: Partial<CollectionSchema> | null; view: number }
    output: CollectionInfo
  }
  dropCollection: { input: { name: string }; output: null }
  /** `batch`: a row batch. Answers the rows written. */
  upsert: { input: { collection: number; batch: Uint8Array<ArrayBuffer> }; output: number }
  /** Checks one part of an upsert of several and keeps it until `commitUpload` or `discardUpload`. */
  stagePart: { input: { collection: number; upload: number; batch: Uint8Array<ArrayBuffer> }; output: null }
  /** Commits the parts in order. Progress counts rows. */
  commitUpload: { input: { upload: number }; output: number }
  discardUpload: { input: { upload: number }; output: null }
  /** `ids`: an id list. Answers the rows removed. */
  deleteRows: { input: { collection: number; ids: Uint8Array<ArrayBuffer> }; output: number }
  search: { input: SearchInput; output: Uint8Array<ArrayBuffer> }
  get: {
    input: { collection: number; ids: Uint8Array<ArrayBuffer>; include: number; view: number }
    output: Uint8Array<ArrayBuffer>
  }
  list: {
    input: { collection: number; cursor: bigint; limit: number; include: number; view: number }
    output: Uint8Array<ArrayBuffer>
  }
  /** `id`: an id list of one. */
  cursorAfter: { input: { collection: number; id: Uint8Array<ArrayBuffer>; view: number }; output: bigint }
  count: { input: { collection: number; view: number }; output: number }
  collectionStats: { input: { collection: number }; output: HostCollectionStats }

  openView: { input: null; output: ViewInfo }
  openViewAt: { input: { at: PointInTime }; output: ViewInfo }
  /** Of a transaction: gives its writes up. One that is not open is fine. */
  closeView: { input: { view: number }; output: null }
  beginTransaction: { input: null; output: ViewInfo }
  transactionUpsert: {
    input: { view: number; collection: number; batch: Uint8Array<ArrayBuffer> }
    output: number
  }
  transactionDelete: {
    input: { view: number; collection: number; ids: Uint8Array<ArrayBuffer> }
    output: number
  }
  /** One commit of all its writes. Whatever comes of it, the transaction has ended. */
  commitTransaction: { input: { view: number }; output: number }
  /** One commit that makes the newest state equal to a past one. */
  restoreTo: { input: { at: PointInTime }; output: number }
  /** Rows that the write with this token changed; `null` when it is not known to be committed. */
  findToken: { input: { token: Token }; output: number | null }

  /** The state of now, as a backup stream (docs/file-format.md) to be asked for chunk by chunk. */
  openBackup: { input: null; output: { backup: number } }
  /** An empty one after the last. */
  nextBackupChunk: { input: { backup: number }; output: Uint8Array<ArrayBuffer> }
  closeBackup: { input: { backup: number }; output: null }
  beginRestore: { input: null; output: { restore: number } }
  restoreChunk: { input: { restore: number; chunk: Uint8Array<ArrayBuffer> }; output: null }
  /** The content of the stream takes the place of the database's; until here nothing was changed. */
  finishRestore: { input: { restore: number }; output: null }
  discardRestore: { input: { restore: number }; output: null }

  databaseStats: { input: null; output: HostStats }
  flush: { input: null; output: null }
  /** Progress counts steps of background work. */
  idle: { input: null; output: null }
  close: { input: null; output: null }
  /** Closes without a last checkpoint, for another writer that waits; what was committed stays in the WAL. */
  relinquish: { input: null; output: null }
}

export type RequestKind = keyof HostRequests
export type RequestInput<K extends RequestKind> = HostRequests[K]['input']
export type RequestOutput<K extends RequestKind> = HostRequests[K]['output']

export interface RequestOptions {
  /** Buffers that the request hands over. */
  readonly transfer?: readonly ArrayBuffer[] | undefined
  /** Reads reject at once; writes stop before the next part and then say how far they came. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  /** Of a write: names it, so that `findToken` can tell whether it was committed. */
  readonly token?: Token | undefined
}

/** A host, near or far. Rejects with `OmenError`s only. */
export interface HostPort {
  /** Where the engine runs. */
  readonly engine: 'worker' | 'in-place'
  /** Bytes that one part of an upsert should have at most: what one storage object and one task can take. */
  readonly partBytesMax: number
  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options?: RequestOptions,
  ): Promise<RequestOutput<K>>
}

/** An error as plain data: classes do not survive `postMessage`. */
export interface ErrorRecord {
  readonly code: ErrorCode
  readonly message: string
  readonly committedRows?: number
  /** The cause's own text: causes themselves may not be cloneable. */
  readonly cause?: string
}

export function toErrorRecord(error: unknown): ErrorRecord {
  const omen = asOmenError(error)
  return {
    code: omen.code,
    message: omen.message,
    ...(omen.committedRows === undefined ? {} : { committedRows: omen.committedRows }),
    ...(omen.cause === undefined ? {} : { cause: describeCause(omen.cause) }),
  }
}

function describeCause(cause: unknown): string {
  if (cause instanceof Error) return `${cause.name}: ${cause.message}`
  return typeof cause === 'string' ? cause : JSON.stringify(cause)
}

export function fromErrorRecord(record: ErrorRecord): OmenError {
  const error = errorFromCode(
    record.code,
    record.message,
    record.cause === undefined ? undefined : new Error(record.cause),
  )
  if (record.committedRows !== undefined) error.committedRows = record.committedRows
  return error
}

/**
 * Anything thrown, as an `OmenError`. What is none is our own mistake or a storage adapter's; `code`
 * says which.
 */
export function asOmenError(error: unknown, code: ErrorCode = 'ENGINE_FAILED'): OmenError {
  if (error instanceof OmenError) return error
  return errorFromCode(code, error instanceof Error ? error.message : String(error), error)
}

/** The same error for one writer of several: writers that shared a frame share the error that ended it. */
export function withCommittedRows(error: unknown, committedRows: number): OmenError {
  const { code, message, cause } = asOmenError(error)
  const own = errorFromCode(code, message, cause)
  own.committedRows = committedRows
  return own
}

/** What `work` comes to, unless the signal fires before. The work itself goes on. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(signal, what))
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The error of a signal that fired. */
export function abortedError(signal: AbortSignal, what: string): OmenError {
  return errorFromCode('ABORTED', `${what} was aborted`, signal.reason)
}
