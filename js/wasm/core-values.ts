/** What goes into the engine and comes out of it, as JavaScript sees it, and the checks on its way. */
import { errorFromCode } from '../errors/omen-error.js'
import type { VectorType } from './vector-types.js'

/** A collection's id in the engine. Never reused in one database; 0 is none. */
export type CollectionId = number

/** A state of the database held open for reading, or a transaction; 0: the newest state. */
export type ViewId = number

/** Names one write of one client; both numbers are of 64 bits, without a sign. */
export interface Token {
  readonly client: bigint
  readonly request: bigint
}

export const METRICS = ['l2', 'cosine', 'dot', 'l1'] as const
/** By number (core/include/omendb/types.h). */
export const QUANTIZATIONS = ['none', 'sq8', 'auto', 'rabitq1', 'rabitq2', 'rabitq4', 'rabitq7'] as const

/** `CollectionOptions` of core/include/omendb/types.h, all decided. */
export interface CoreCollectionOptions {
  readonly dimensions: number
  readonly metric: (typeof METRICS)[number]
  readonly quantization: (typeof QUANTIZATIONS)[number]
  /** Default: float32. */
  readonly vectorType?: VectorType
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
  /** `queryCount * dimensions` floats, row-major, whatever the rows are. The collection's dimensions are the caller's to check. */
  readonly queries: Float32Array
  readonly queryCount: number
  readonly k: number
  /** 0: the core's default. */
  readonly efSearch: number
  readonly exact: boolean
  readonly include: number
  /** Default 0. */
  readonly view?: ViewId
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
  readonly memtableRows: number
  readonly segments: number
  readonly liveBytes: number
  /** Of codes in use; `'none'` while there are none. */
  readonly codes: (typeof QUANTIZATIONS)[number]
  readonly codeRowBytes: number
  /** 0..1; `null` before it was measured. */
  readonly codeRecallLoss: number | null
  /** Of vectors that were compared or asked for by id: found in memory, and brought from storage. */
  readonly vectorHits: number
  readonly vectorMisses: number
  /** How often one left memory. */
  readonly vectorEvictions: number
  readonly vectorsInMemory: number
}

export interface NamedObject {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

export function u32(value: number, what: string): number {
  return inRange(value, 0xffff_ffff, what)
}

export function u16(value: number, what: string): number {
  return inRange(value, 0xffff, what)
}

/** Milliseconds since 1970, as an integer. A clock before that counts as then. */
export function u64(timeMs: number): bigint {
  return BigInt(Math.max(0, Math.floor(timeMs)))
}

/** Embind would wrap a number out of range in silence. */
function inRange(value: number, max: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  throw errorFromCode('INVALID_ARGUMENT', `${what}: expected an integer of 0..${max}, found ${String(value)}`)
}

export function unknownValue(what: string, value: bigint | undefined): never {
  throw errorFromCode('ENGINE_FAILED', `the engine answered with the unknown ${what} ${String(value)}`)
}
