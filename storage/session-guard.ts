import {
  ClosedError,
  InvalidArgumentError,
  LimitExceededError,
  LockedError,
  OmenError,
  ReadOnlyError,
  StorageFailedError,
} from '../js/errors/omen-error.js'
import type { StorageObject } from './contract.js'

const OBJECT_NAME = /^[0-9a-z-]{1,64}$/
const DATABASE_NAME_MAX_CHARACTERS = 255

/**
 * Rejects a database name that is no string of 1..`mostCharacters` UTF-16 code units: `INVALID_ARGUMENT`, or
 * `LIMIT_EXCEEDED` when it is longer.
 */
export function checkDatabaseName(database: string, mostCharacters = DATABASE_NAME_MAX_CHARACTERS): void {
  const problem = `a database name is a string of 1..${mostCharacters} characters, got ${describe(database)}`
  if (typeof database !== 'string' || database === '') throw new InvalidArgumentError(problem)
  if (database.length > mostCharacters) throw new LimitExceededError(problem)
}

/** Rejects names outside `[0-9a-z-]{1,64}`, a name that stands twice, and objects above the adapter's limit. */
export function checkObjects(objects: readonly StorageObject[], largestObjectBytes: number): void {
  const seen = new Set<string>()
  for (const { name, bytes } of objects) {
    checkObjectName(name)
    if (seen.has(name)) throw new InvalidArgumentError(`object ${name} stands twice in one put`)
    seen.add(name)
    if (bytes.byteLength > largestObjectBytes) {
      throw new LimitExceededError(
        `object ${name} has ${bytes.byteLength} bytes, this storage takes at most ${largestObjectBytes}`,
      )
    }
  }
}

export function checkObjectName(name: string): void {
  if (!OBJECT_NAME.test(name)) {
    throw new InvalidArgumentError(`an object name is 1..64 characters of [0-9a-z-], got ${describe(name)}`)
  }
}

/** What every session checks before it does anything: that it is open and, for a write, that it may write. */
export class SessionGuard {
  readonly database: string
  readonly mode: 'read' | 'write'
  #closed = false

  constructor(database: string, mode: 'read' | 'write') {
    this.database = database
    this.mode = mode
  }

  /** Throws `CLOSED` after `close()`. */
  checkReadable(): void {
    if (this.#closed) throw new ClosedError(`the storage session of ${this.quotedName} is closed`)
  }

  /** Throws `CLOSED` after `close()`, and `READ_ONLY` in a session opened to read. */
  checkWritable(): void {
    this.checkReadable()
    if (this.mode === 'read') throw new ReadOnlyError(`database ${this.quotedName} was opened to read`)
  }

  /** True the first time; a session closes once. */
  close(): boolean {
    const first = !this.#closed
    this.#closed = true
    return first
  }

  get quotedName(): string {
    return JSON.stringify(this.database)
  }

  /** For a write that found another head than the one it was given. */
  headReplaced(): LockedError {
    return new LockedError(`another writer took over database ${this.quotedName}`)
  }

  /** For a name that was put before. */
  nameTaken(name: string): LockedError {
    return new LockedError(
      `object ${name} of database ${this.quotedName} is there already: another writer put it`,
    )
  }

  /** For an open in write mode while another session holds the writer lock. */
  lockHeld(): LockedError {
    return new LockedError(`database ${this.quotedName} is open for writing elsewhere`)
  }
}

/** An `OmenError` as it is; anything else becomes `STORAGE_FAILED` with it as the cause. */
export function toStorageError(error: unknown, what: string): OmenError {
  if (error instanceof OmenError) return error
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new StorageFailedError(`${what}: ${reason}`, { cause: error })
}

function describe(value: unknown): string {
  if (typeof value !== 'string') return typeof value
  return value.length > 80 ? `${value.length} characters` : JSON.stringify(value)
}
