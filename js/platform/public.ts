/** What every entry exports beside `open`. */
export { Collection } from '../api/collection.js'
export { Database } from '../api/database.js'
export type * from '../api/types.js'
export { ERROR_CODES, type ErrorCode } from '../errors/codes.js'
export {
  AbortedError,
  ClosedError,
  ConflictError,
  CorruptionError,
  DimensionMismatchError,
  DuplicateIdError,
  EngineFailedError,
  InvalidArgumentError,
  InvalidVectorError,
  LimitExceededError,
  LockedError,
  NotFoundError,
  OmenError,
  OutOfMemoryError,
  QuotaExceededError,
  ReadOnlyError,
  SchemaMismatchError,
  StorageFailedError,
  UnsupportedError,
  UnsupportedVersionError,
} from '../errors/omen-error.js'
export type {
  StorageAdapter,
  StorageCapabilities,
  StorageObject,
  StorageSession,
  StorageUsage,
} from '../../storage/contract.js'
