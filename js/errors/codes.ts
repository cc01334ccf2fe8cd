/**
 * Every error code, with its number at the wasm boundary and its meaning.
 *
 * The same list stands in `core/include/omendb/status.h` and `docs/error-codes.md`; a test keeps the
 * three equal. Append only.
 */
export const ERROR_CODES = {
  INVALID_ARGUMENT: 1,
  DIMENSION_MISMATCH: 2,
  INVALID_VECTOR: 3,
  DUPLICATE_ID: 4,
  LIMIT_EXCEEDED: 5,
  OUT_OF_MEMORY: 6,
  CORRUPTION: 7,
  UNSUPPORTED_VERSION: 8,
  NOT_FOUND: 9,
  SCHEMA_MISMATCH: 10,
  LOCKED: 11,
  READ_ONLY: 12,
  CLOSED: 13,
  ABORTED: 14,
  STORAGE_FAILED: 15,
  QUOTA_EXCEEDED: 16,
  CONFLICT: 17,
  ENGINE_FAILED: 18,
  UNSUPPORTED: 19,
  EVICTED: 20,
  NOT_RETAINED: 21,
} as const

export type ErrorCode = keyof typeof ERROR_CODES
