import { type ByteRange, clampRange, equalBytes } from './byte-range.js'
import { CorruptionError } from '../js/errors/omen-error.js'
import type { RangeRead, StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { checkDatabaseName, checkObjectName, checkObjects, SessionGuard } from './session-guard.js'

interface MemoryDatabase {
  head: Uint8Array | null
  readonly objects: Map<string, Uint8Array>
  writer: StorageSession | null
}

const LARGEST_OBJECT_BYTES = 2 ** 31 - 1

/**
 * Databases in this JavaScript heap, for tests and for runtimes without a store. They live as long as the adapter
 * object: two sessions of one adapter see the same data, two adapters share nothing.
 */
export function memoryStorage(): StorageAdapter {
  const databases = new Map<string, MemoryDatabase>()
  return {
    name: 'memory',
    capabilities: {
      atomicMultiPut: true,
      compareAndSet: true,
      rangedReads: true,
      synchronousReads: true,
      durableOnResolve: false,
      relaxedPutsInOrder: true,
      consistentReads: true,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode) {
      checkDatabaseName(database)
      const guard = new SessionGuard(database, mode)
      if (mode === 'read') return new MemorySession(guard, () => databases.get(database))
      const stored = databases.get(database) ?? { head: null, objects: new Map(), writer: null }
      if (stored.writer !== null) throw guard.lockHeld()
      databases.set(database, stored)
      stored.writer = new MemorySession(guard, () => stored)
      return stored.writer
    },
  }
}

class MemorySession implements StorageSession {
  readonly #guard: SessionGuard
  /** A reader may be opened before its database is there, so it looks each time. */
  readonly #find: () => MemoryDatabase | undefined

  constructor(guard: SessionGuard, find: () => MemoryDatabase | undefined) {
    this.#guard = guard
    this.#find = find
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#readable()?.head?.slice() ?? null
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    const stored = this.#writable()
    if (!equalBytes(stored.head, expected)) return false
    stored.head = next.slice()
    return true
  }

  async put(objects: readonly StorageObject[], head: Uint8Array): Promise<void> {
    const stored = this.#writable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    if (!equalBytes(stored.head, head)) throw this.#guard.headReplaced()
    for (const { name } of objects) {
      if (stored.objects.has(name)) throw this.#guard.nameTaken(name)
    }
    for (const { name, bytes } of objects) stored.objects.set(name, bytes.slice())
  }

  /** Nothing here survives the process, so there is nothing to make durable. */
  async sync(): Promise<void> {
    this.#writable()
  }

  readNow(reads: readonly RangeRead[]): boolean {
    const objects = this.#readable()?.objects
    return reads.every(({ name, start, into }) => {
      const part = objects?.get(name)?.subarray(start, start + into.byteLength)
      if (part === undefined) return false
      if (part.byteLength < into.byteLength) {
        throw new CorruptionError(
          `object ${name}, byte ${start}: expected ${into.byteLength} bytes, found ${part.byteLength}`,
        )
      }
      into.set(part)
      return true
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    const stored = this.#readable()
    checkObjectName(name)
    const bytes = stored?.objects.get(name)
    if (bytes === undefined) return null
    const { start, end } = clampRange(range, bytes.byteLength)
    return bytes.slice(start, end)
  }

  async list(prefix: string): Promise<string[]> {
    return [...(this.#readable()?.objects.keys() ?? [])].filter((name) => name.startsWith(prefix))
  }

  async delete(names: readonly string[]): Promise<void> {
    const stored = this.#writable()
    names.forEach(checkObjectName)
    for (const name of names) stored.objects.delete(name)
  }

  async usage(): Promise<StorageUsage> {
    const stored = this.#readable()
    let usedBytes = stored?.head?.byteLength ?? 0
    for (const bytes of stored?.objects.values() ?? []) usedBytes += bytes.byteLength
    return { usedBytes }
  }

  async close(): Promise<void> {
    const stored = this.#find()
    if (this.#guard.close() && stored?.writer === this) stored.writer = null
  }

  #readable(): MemoryDatabase | undefined {
    this.#guard.checkReadable()
    return this.#find()
  }

  #writable(): MemoryDatabase {
    this.#guard.checkWritable()
    const stored = this.#find()
    if (stored === undefined) throw this.#guard.headReplaced()
    return stored
  }
}
