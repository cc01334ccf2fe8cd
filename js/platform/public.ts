/** What every entry exports beside `open`. */
export { Collection } from '../api/collection.js'
export { CollectionView } from '../api/collection-view.js'
export { Database } from '../api/database.js'
export { Snapshot } from '../api/snapshot.js'
export { Transaction, TransactionCollection } from '../api/transaction.js'
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
  EvictedError,
  InvalidArgumentError,
  InvalidVectorError,
  LimitExceededError,
  LockedError,
  NotFoundError,
  NotRetainedError,
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
  OpenSessionOptions,
  PutOptions,
  StorageAdapter,
  StorageCapabilities,
  StorageObject,
  StorageSession,
  StorageUsage,
} from '../../storage/contract.js'
