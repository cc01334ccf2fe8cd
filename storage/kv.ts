import { CorruptionError, type OmenError, QuotaExceededError } from '../js/errors/omen-error.js'
import { type ByteRange, clampRange, equalBytes } from './byte-range.js'
import type { StorageAdapter, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { escapeDatabaseName } from './database-name.js'
import type { KvKey, KvListing, KvNamespace } from './kv-namespace.js'
import {
  checkDatabaseName,
  checkObjectName,
  checkObjects,
  SessionGuard,
  toStorageError,
} from './session-guard.js'

/** KV takes values of 25 MiB; the rest is air for what an isolate of 128 MB does at the same time. */
const CHUNK_BYTES = 20 * 1024 * 1024
const LARGEST_OBJECT_BYTES = 256 * 1024 * 1024
/** KV keys have at most 512 bytes; an object's name and its chunk number take up to 80. */
const LONGEST_KEY_PREFIX = 400
/** KV takes one write per second and key: the head may have to wait for the last one. */
const HEAD_WRITE_ATTEMPTS = 5
const HEAD_WRITE_PAUSE_MS = 1_100

/** Metadata of the key under which an object is found. */
interface ObjectMetadata {
  readonly sizeBytes: number
  /** Of all chunks but the last; absent when the value itself holds the bytes. */
  readonly chunkBytes?: number
}

/** Metadata of the head: two writers that both read an outdated head would make the same bytes of it. */
interface HeadMetadata {
  readonly writer: string
}

/**
 * Databases in a Workers KV namespace: `kvStorage(env.MY_NAMESPACE)`.
 *
 * For databases that one place writes and many read. KV is eventually consistent: elsewhere a change is seen up to a
 * minute or more later, an absent key too is cached, and there is neither compare-and-set nor a lock. So:
 * **the application must see to it that there is one writer** (a queue with one consumer, a scheduled job, a Durable
 * Object). Writers that follow each other count as two as well, unless they run **at one location or well over a minute
 * apart**: the later one may otherwise begin from a head that is outdated where it runs. With two, the later head wins and
 * what the other wrote is lost. Two checks notice a second writer most of the time, and promise nothing: a name that is
 * listed is not put again, and the head must be the one that this very writer put. A reader may meet a head whose objects have not
 * arrived yet; it is told `CORRUPTION` and should open again later.
 *
 *     DATABASE/h             the head
 *     DATABASE/o/NAME        an object, or for larger ones, written last, that it is there
 *     DATABASE/c/NAME/I      its chunks
 */
export function kvStorage(namespace: KvNamespace): StorageAdapter {
  return {
    name: 'kv',
    capabilities: {
      atomicMultiPut: false,
      compareAndSet: false,
      rangedReads: false,
      synchronousReads: false,
      durableOnResolve: true,
      relaxedPutsInOrder: true,
      consistentReads: false,
      largestObjectBytes: LARGEST_OBJECT_BYTES,
    },
    async open(database, mode) {
      checkDatabaseName(database)
      return new KvSession(namespace, new SessionGuard(database, mode), await keyPrefix(database))
    },
  }
}

class KvSession implements StorageSession {
  readonly #namespace: KvNamespace
  readonly #guard: SessionGuard
  readonly #prefix: string
  /** Chunks of the objects this session has put or listed, so that deleting them needs no listing. */
  readonly #chunkCounts = new Map<string, number>()
  readonly #writer = crypto.randomUUID()
  /** Whether the head that counts is one that this session put. */
  #isHeadOwn = false
  /** Names whose `put` failed here: what is found under them is this session's own. */
  readonly #failedPuts = new Set<string>()

  constructor(namespace: KvNamespace, guard: SessionGuard, prefix: string) {
    this.#namespace = namespace
    this.#guard = guard
    this.#prefix = prefix
  }

  async readHead(): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    return this.#call('reading the head', async () => {
      const value = await this.#namespace.get(this.#headKey(), 'arrayBuffer')
      return value === null ? null : new Uint8Array(value)
    })
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    this.#guard.checkWritable()
    if (!(await this.#isHead(expected))) return false
    await this.#call('replacing the head', () => this.#putHead(next))
    this.#isHeadOwn = true
    return true
  }

  async put(objects: readonly StorageObject[], head: Uint8Array): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#call('writing objects', async () => {
      for (const object of objects) {
        if (await this.#isTaken(object.name)) throw this.#guard.nameTaken(object.name)
        this.#failedPuts.add(object.name)
        await this.#putObject(object)
        this.#failedPuts.delete(object.name)
      }
    })
    if (!(await this.#isHead(head))) throw this.#guard.headReplaced()
  }

  /** KV has one kind of write, and it is durable when it resolves. */
  async sync(): Promise<void> {
    this.#guard.checkWritable()
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    checkObjectName(name)
    return this.#call(`reading object ${name}`, async () => {
      const { value, metadata } = await this.#namespace.getWithMetadata<ObjectMetadata>(
        this.#objectKey(name),
        'arrayBuffer',
      )
      if (value === null) return null
      if (metadata === null) throw new CorruptionError(`object ${name}: its key has no metadata`)
      const { start, end } = clampRange(range, metadata.sizeBytes)
      if (metadata.chunkBytes !== undefined) return this.#getChunks(name, metadata, { start, end })
      if (value.byteLength !== metadata.sizeBytes) throw wrongSize(name, 0, metadata.sizeBytes, value)
      return new Uint8Array(value).slice(start, end)
    })
  }

  async list(prefix: string): Promise<string[]> {
    this.#guard.checkReadable()
    return this.#call('listing objects', async () => {
      const names: string[] = []
      const start = this.#objectKey('').length
      for await (const { name: key, metadata } of this.#keys<ObjectMetadata>(this.#objectKey(prefix))) {
        const name = key.slice(start)
        names.push(name)
        if (metadata !== undefined) this.#chunkCounts.set(name, chunkCount(metadata))
      }
      return names
    })
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    await this.#call('deleting objects', async () => {
      for (const name of names) {
        // First the key by which it is found: an object is never there in part.
        await this.#namespace.delete(this.#objectKey(name))
        for (const key of await this.#chunkKeys(name)) await this.#namespace.delete(key)
        this.#chunkCounts.delete(name)
      }
    })
  }

  async usage(): Promise<StorageUsage> {
    const head = await this.readHead()
    return this.#call('measuring the namespace', async () => {
      let usedBytes = head?.byteLength ?? 0
      for await (const { metadata } of this.#keys<ObjectMetadata>(this.#objectKey(''))) {
        usedBytes += metadata?.sizeBytes ?? 0
      }
      return { usedBytes }
    })
  }

  async close(): Promise<void> {
    this.#guard.close()
  }

  async #isHead(expected: Uint8Array | null): Promise<boolean> {
    return this.#call('reading the head', async () => {
      const { value, metadata } = await this.#namespace.getWithMetadata<HeadMetadata>(
        this.#headKey(),
        'arrayBuffer',
      )
      if (!equalBytes(value === null ? null : new Uint8Array(value), expected)) return false
      return !this.#isHeadOwn || metadata?.writer === this.#writer
    })
  }

  /** Listed and not read: KV would remember an absent key, and then not see it when it is put. */
  async #isTaken(name: string): Promise<boolean> {
    if (this.#failedPuts.has(name)) return false
    const key = this.#objectKey(name)
    // Keys come in order, so that the name itself stands before all that begin with it.
    for await (const first of this.#keys(key)) return first.name === key
    return false
  }

  async #putObject({ name, bytes }: StorageObject): Promise<void> {
    const sizeBytes = bytes.byteLength
    if (sizeBytes <= CHUNK_BYTES) {
      await this.#namespace.put(this.#objectKey(name), bytes, {
        metadata: { sizeBytes } satisfies ObjectMetadata,
      })
      this.#chunkCounts.set(name, 0)
      return
    }
    const metadata: ObjectMetadata = { sizeBytes, chunkBytes: CHUNK_BYTES }
    const count = chunkCount(metadata)
    for (let i = 0; i < count; i++) {
      await this.#namespace.put(
        this.#chunkKey(name, i),
        bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
      )
    }
    await this.#namespace.put(this.#objectKey(name), new Uint8Array(0), { metadata })
    this.#chunkCounts.set(name, count)
  }

  async #getChunks(name: string, metadata: ObjectMetadata, { start, end }: ByteRange): Promise<Uint8Array> {
    const { sizeBytes, chunkBytes = sizeBytes } = metadata
    const part = new Uint8Array(end - start)
    const afterLast = end === start ? 0 : Math.ceil(end / chunkBytes)
    // One after the other: an isolate has room for few values of this size at once.
    for (let i = Math.floor(start / chunkBytes); i < afterLast; i++) {
      const from = i * chunkBytes
      const expectedBytes = Math.min(chunkBytes, sizeBytes - from)
      const chunk = await this.#namespace.get(this.#chunkKey(name, i), 'arrayBuffer')
      if (chunk?.byteLength !== expectedBytes) throw wrongSize(name, from, expectedBytes, chunk)
      part.set(
        new Uint8Array(chunk).subarray(Math.max(start - from, 0), end - from),
        Math.max(from - start, 0),
      )
    }
    return part
  }

  async #chunkKeys(name: string): Promise<string[]> {
    const count = this.#chunkCounts.get(name)
    if (count !== undefined) return Array.from({ length: count }, (_, i) => this.#chunkKey(name, i))
    const keys: string[] = []
    for await (const { name: key } of this.#keys(`${this.#prefix}/c/${name}/`)) keys.push(key)
    return keys
  }

  async *#keys<Metadata>(prefix: string): AsyncGenerator<KvKey<Metadata>> {
    let cursor: string | null = null
    do {
      const listing: KvListing<Metadata> = await this.#namespace.list<Metadata>({ prefix, cursor })
      yield* listing.keys
      cursor = listing.list_complete ? null : listing.cursor
    } while (cursor !== null)
  }

  async #putHead(head: Uint8Array): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#namespace.put(this.#headKey(), head, {
          metadata: { writer: this.#writer } satisfies HeadMetadata,
        })
        return
      } catch (error) {
        // A refused write changed nothing, so it may be sent again.
        if (attempt === HEAD_WRITE_ATTEMPTS || !String(error).includes('429')) throw error
        await new Promise((resolve) => setTimeout(resolve, HEAD_WRITE_PAUSE_MS))
      }
    }
  }

  async #call<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toKvError(error, what)
    }
  }

  #headKey(): string {
    return `${this.#prefix}/h`
  }

  #objectKey(name: string): string {
    return `${this.#prefix}/o/${name}`
  }

  #chunkKey(name: string, i: number): string {
    return `${this.#prefix}/c/${name}/${i}`
  }
}

/** A database's name in keys: escaped, or where that is too long, its SHA-256. `~` begins no escaped name. */
async function keyPrefix(database: string): Promise<string> {
  const escaped = escapeDatabaseName(database)
  if (escaped.length <= LONGEST_KEY_PREFIX) return escaped
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(escaped)))
  return `~${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

function chunkCount({ sizeBytes, chunkBytes }: ObjectMetadata): number {
  return chunkBytes === undefined ? 0 : Math.ceil(sizeBytes / chunkBytes)
}

function wrongSize(
  name: string,
  offset: number,
  expectedBytes: number,
  found: ArrayBuffer | null,
): CorruptionError {
  return new CorruptionError(
    `object ${name}, offset ${offset}: expected ${expectedBytes} bytes, found ${found?.byteLength ?? 'nothing'}; ` +
      'either it is damaged, or it has not arrived at this place yet',
  )
}

function toKvError(error: unknown, what: string): OmenError {
  if (error instanceof Error && error.message.includes('limit exceeded')) {
    return new QuotaExceededError(`${what}: the account's KV limit is used up`, { cause: error })
  }
  return toStorageError(error, what)
}
