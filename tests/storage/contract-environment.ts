import type { StorageAdapter } from '../../storage/contract.js'

/** One adapter in the runtime it is made for, as the contract suite needs it. */
export interface ContractEnvironment {
  /** An adapter over the same store; a new object each time, as another client would have, where the store allows it. */
  createAdapter(): StorageAdapter
  /** A database name that no other case uses. */
  databaseName(label: string): string
  /** Database names that are hard on the store; each has to be a database of its own. */
  readonly hostileNames: readonly string[]
  /**
   * An adapter whose sessions take the writer lock although another holds it, as after theft or expiry. Absent where
   * there is no lock to steal.
   */
  createRival?(database: string): Promise<StorageAdapter>
  /** Whether the store holds anything for this database, found out without the adapter. */
  exists?(database: string): Promise<boolean>
  /** Damages the store's own bookkeeping of an object of several chunks, without the adapter. */
  damage?(database: string, object: string): Promise<void>
  /** Ends the connections to the store from outside, and leaves what is stored as it is. */
  loseConnection?(database: string): Promise<void>
  /** Removes what is stored of the database, without the adapter. */
  evict?(database: string): Promise<void>
  /** The runtime lets nobody remove, by the means of a page, what a writer has open. */
  readonly keepsWhatIsOpen?: true
}

/** What a case may use to fail. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure'
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message)
}

export function assertEqual(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)]
  assert(a === b, `${what}: expected ${b}, found ${a}`)
}

/** Compares bytes without building text of megabytes. */
export function assertBytes(found: Uint8Array | null, expected: Uint8Array, what: string): void {
  assert(found !== null, `${what}: expected ${expected.byteLength} bytes, found null`)
  assert(found instanceof Uint8Array, `${what}: expected a Uint8Array`)
  assertEqual(found.byteLength, expected.byteLength, `${what}: size`)
  for (let i = 0; i < expected.byteLength; i++) {
    if (found[i] !== expected[i]) assertEqual(found[i], expected[i], `${what}: byte ${i}`)
  }
}

/** Asserts that a promise rejects with an `OmenError` of this code. */
export async function assertCode(promise: Promise<unknown>, code: string, what: string): Promise<void> {
  try {
    await promise
  } catch (error) {
    const found = (error as { code?: unknown } | null)?.code
    assert(found === code, `${what}: expected ${code}, found ${String(found)}: ${String(error)}`)
    return
  }
  throw new AssertionFailure(`${what}: expected ${code}, but it resolved`)
}

/** Bytes that differ by seed and position, so that no part can stand for another. */
export function pattern(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  let state = (seed * 0x9e3779b1 + 1) >>> 0
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
