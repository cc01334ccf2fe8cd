import { ERROR_CODES, type ErrorCode } from './codes.js'

/**
 * The base of every error OmenDB throws or rejects with. Branch on {@link OmenError.code} (or on the
 * subclass); messages are for people and may change.
 */
export abstract class OmenError extends Error {
  /** One of the codes in `docs/error-codes.md`. */
  abstract readonly code: ErrorCode
  /**
   * Of a write that went in several parts and stopped between them: how many of its rows, from the
   * first on, are committed. The others are not, unless the code is one that leaves the outcome of
   * the part under way unknown (`STORAGE_FAILED`, `LOCKED`, `ENGINE_FAILED`).
   */
  declare committedRows?: number

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** An argument has the wrong type, shape or range. Nothing was changed. */
export class InvalidArgumentError extends OmenError {
  readonly code = 'INVALID_ARGUMENT'
}
/** A vector's length is not the collection's `dimensions`. Nothing was changed. */
export class DimensionMismatchError extends OmenError {
  readonly code = 'DIMENSION_MISMATCH'
}
/** A vector holds NaN or infinity, has a norm out of range, or is zero under cosine. Nothing was changed. */
export class InvalidVectorError extends OmenError {
  readonly code = 'INVALID_VECTOR'
}
/** One id stands twice in one batch. Nothing was changed. */
export class DuplicateIdError extends OmenError {
  readonly code = 'DUPLICATE_ID'
}
/** A limit stated in the documentation would be passed. Nothing was changed. */
export class LimitExceededError extends OmenError {
  readonly code = 'LIMIT_EXCEEDED'
}
/** The engine's memory could not grow. State is as before the call. */
export class OutOfMemoryError extends OmenError {
  readonly code = 'OUT_OF_MEMORY'
}
/** Stored bytes are not what was written. The database was not opened, and nothing stored was touched. */
export class CorruptionError extends OmenError {
  readonly code = 'CORRUPTION'
}
/** Stored bytes were written by a newer version of OmenDB. */
export class UnsupportedVersionError extends OmenError {
  readonly code = 'UNSUPPORTED_VERSION'
}
/** The named collection or row does not exist. */
export class NotFoundError extends OmenError {
  readonly code = 'NOT_FOUND'
}
/** The collection exists with other options. */
export class SchemaMismatchError extends OmenError {
  readonly code = 'SCHEMA_MISMATCH'
}
/** Another writer has the database open, or has taken it over. */
export class LockedError extends OmenError {
  readonly code = 'LOCKED'
}
/** A write through a handle opened with `readOnly`, or made read-only by a failed write. */
export class ReadOnlyError extends OmenError {
  readonly code = 'READ_ONLY'
}
/** The database was closed. */
export class ClosedError extends OmenError {
  readonly code = 'CLOSED'
}
/** The caller's `AbortSignal` fired; `cause` is its reason. */
export class AbortedError extends OmenError {
  readonly code = 'ABORTED'
}
/** The storage refused or broke. A write that ended so may or may not be found after reopening. */
export class StorageFailedError extends OmenError {
  readonly code = 'STORAGE_FAILED'
}
/** The storage has no room left. Nothing was changed. */
export class QuotaExceededError extends OmenError {
  readonly code = 'QUOTA_EXCEEDED'
}
/** Another commit got there first. */
export class ConflictError extends OmenError {
  readonly code = 'CONFLICT'
}
/** The engine trapped and is unusable; open the database again to recover what was committed. */
export class EngineFailedError extends OmenError {
  readonly code = 'ENGINE_FAILED'
}
/** This runtime lacks what the call needs. */
export class UnsupportedError extends OmenError {
  readonly code = 'UNSUPPORTED'
}
/** The database was there, and the browser has removed it. Nothing was made in its place. */
export class EvictedError extends OmenError {
  readonly code = 'EVICTED'
}
/** A past state of the database that is no longer kept. */
export class NotRetainedError extends OmenError {
  readonly code = 'NOT_RETAINED'
}

type OmenErrorClass = new (message: string, options?: { cause?: unknown }) => OmenError

const CLASSES: Record<ErrorCode, OmenErrorClass> = {
  INVALID_ARGUMENT: InvalidArgumentError,
  DIMENSION_MISMATCH: DimensionMismatchError,
  INVALID_VECTOR: InvalidVectorError,
  DUPLICATE_ID: DuplicateIdError,
  LIMIT_EXCEEDED: LimitExceededError,
  OUT_OF_MEMORY: OutOfMemoryError,
  CORRUPTION: CorruptionError,
  UNSUPPORTED_VERSION: UnsupportedVersionError,
  NOT_FOUND: NotFoundError,
  SCHEMA_MISMATCH: SchemaMismatchError,
  LOCKED: LockedError,
  READ_ONLY: ReadOnlyError,
  CLOSED: ClosedError,
  ABORTED: AbortedError,
  STORAGE_FAILED: StorageFailedError,
  QUOTA_EXCEEDED: QuotaExceededError,
  CONFLICT: ConflictError,
  ENGINE_FAILED: EngineFailedError,
  UNSUPPORTED: UnsupportedError,
  EVICTED: EvictedError,
  NOT_RETAINED: NotRetainedError,
}

const NAMES_BY_NUMBER = new Map<number, ErrorCode>(
  (Object.keys(ERROR_CODES) as ErrorCode[]).map((name) => [ERROR_CODES[name], name]),
)

/** The error of a code, for errors that come from the core or from another thread. */
export function errorFromCode(code: ErrorCode, message: string, cause?: unknown): OmenError {
  return new CLASSES[code](message, cause === undefined ? undefined : { cause })
}

/** The code of a number from the wasm boundary; an unknown number is our own mistake. */
export function codeFromNumber(number: number): ErrorCode {
  return NAMES_BY_NUMBER.get(number) ?? 'ENGINE_FAILED'
}
