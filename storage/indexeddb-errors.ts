import { type OmenError, QuotaExceededError, UnsupportedVersionError } from '../js/errors/omen-error.js'
import { toStorageError } from './session-guard.js'

/** The `name` of a DOMException, or an empty string. */
export function domErrorName(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error && typeof error.name === 'string'
    ? error.name
    : ''
}

/** `QUOTA_EXCEEDED`, `UNSUPPORTED_VERSION` or `STORAGE_FAILED` for what IndexedDB reports. */
export function toIndexedDbError(error: unknown, what: string): OmenError {
  switch (domErrorName(error)) {
    case 'QuotaExceededError':
      return new QuotaExceededError(`${what}: this origin's storage quota is used up`, { cause: error })
    case 'VersionError':
      return new UnsupportedVersionError(`${what}: a newer version of OmenDB changed this store`, {
        cause: error,
      })
    default:
      return toStorageError(error, what)
  }
}
