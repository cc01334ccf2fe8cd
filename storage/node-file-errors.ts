import { type OmenError, QuotaExceededError } from '../js/errors/omen-error.js'
import { toStorageError } from './session-guard.js'

/** The `code` of a file system error, or an empty string. */
export function fileErrorCode(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : ''
}

export function isAbsent(error: unknown): boolean {
  return fileErrorCode(error) === 'ENOENT'
}

/** `QUOTA_EXCEEDED` for a full disk or quota, `STORAGE_FAILED` for the rest. */
export function toFileStorageError(error: unknown, what: string): OmenError {
  const code = fileErrorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new QuotaExceededError(`${what}: there is no room left on the file system`, { cause: error })
  }
  return toStorageError(error, what)
}
