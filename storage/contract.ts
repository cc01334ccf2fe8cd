/**
 * The storage contract: what a place must offer to hold a database.
 *
 * A database is a set of immutable **objects**, each written once under a name that is never used again (but after
 * `put` rejected with `QUOTA_EXCEEDED` and `delete` of the name resolved), and one small **head** that is replaced by
 * compare-and-set. Nothing else: no rename, no append, no partial write. `tests/storage/contract-suite.ts` is this page
 * as tests; every adapter runs it in the runtime it is made for.
 *
 * Errors. A session rejects with `OmenError`s only: `QUOTA_EXCEEDED` when there is no room,
 * `LOCKED` when another writer holds or took the database, `CORRUPTION` when the store's own
 * bookkeeping is damaged, `EVICTED` when what was stored has been removed from outside,
 * `STORAGE_FAILED` (with the cause) for anything else. After `QUOTA_EXCEEDED` what was stored before
 * is as it was, and the session writes again as soon as there is room. A connection that was lost is
 * made anew for the next call; a write that was under way on it is rejected and never sent again. No
 * session answers "absent" for what it could not read.
 */
export interface StorageCapabilities {
  /** `put` of several objects makes all of them visible and durable, or none. Without it the engine puts one at a time. */
  readonly atomicMultiPut: boolean
  /**
   * `compareAndSetHead` and the head check of `put` hold against every other client of the store.
   * Without it they hold only while no second writer exists; the application must see to that.
   */
  readonly compareAndSet: boolean
  /** `get` with a range reads only that range. Without it the whole object is read and cut. */
  readonly rangedReads: boolean
  /** Sessions have `readNow`. */
  readonly synchronousReads: boolean
  /** When `put` (not relaxed) or `compareAndSetHead` resolves, the bytes survive a crash of process, browser and machine. */
  readonly durableOnResolve: boolean
  /**
   * Of the relaxed puts of one session a crash takes the last ones only: none is missing while a later one is there.
   * Without it a crash of the machine may take any of those since the last `sync`.
   */
  readonly relaxedPutsInOrder: boolean
  /** A read or `list` that starts after a write resolved sees it, from every client. */
  readonly consistentReads: boolean
  /** The largest object the adapter takes, in bytes, after any chunking of its own. */
  readonly largestObjectBytes: number
}

export interface StorageObject {
  /** 1..64 characters of `[0-9a-z-]`, chosen by the engine. */
  readonly name: string
  readonly bytes: Uint8Array
}

export interface PutOptions {
  /**
   * May resolve before the bytes survive a crash of the machine. They survive the end of the tab, worker or process,
   * and after a crash each object is there whole or not at all. `sync` makes them durable. Adapters that gain nothing
   * by it write durably all the same.
   */
  readonly relaxed?: boolean
}

export interface OpenSessionOptions {
  /**
   * Opens a database that would be `EVICTED` as a new one. What is stored is never deleted by it: a database that is
   * there opens as it is.
   */
  readonly recreate?: boolean
}

/** Bytes `[start, end)` of an object. */
export interface ObjectRange {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Bytes of an object from `start` on, as many as there is room for in `into`. */
export interface RangeRead {
  readonly name: string
  readonly start: number
  readonly into: Uint8Array
}

export interface StorageUsage {
  /** Bytes of the objects and the head of this database, as far as the adapter knows. */
  readonly usedBytes: number
  /** Bytes the store could still take, when the runtime says so. */
  readonly availableBytes?: number
}

/** One open database in the store. Calls may overlap; the engine has at most one write under way. */
export interface StorageSession {
  /** The head as last set, or `null` when none was ever set. */
  readHead(): Promise<Uint8Array | null>
  /**
   * Replaces the head by `next` if it equals `expected` byte for byte (`null`: there is none).
   * Resolves true when `next` is durable, false when the stored head differs.
   */
  compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean>
  /**
   * Stores objects under new names. Resolves when all are durable **and** the head was still `head`
   * at an instant after they became visible; rejects with `LOCKED` when it was not (the objects may
   * then be there or not) or when a name is taken. After a rejection none or some objects may be there, none
   * of them torn.
   */
  put(objects: readonly StorageObject[], head: Uint8Array, options?: PutOptions): Promise<void>
  /**
   * Resolves when every `put` of this session that resolved before is durable. To be called before a head that names
   * objects of relaxed puts is set: `compareAndSetHead` promises durability for the head alone.
   */
  sync(): Promise<void>
  /** The object, or the bytes `[start, end)` of it (cut at its end), or `null` when the name was never put or was deleted. */
  get(name: string, range?: { start: number; end: number }): Promise<Uint8Array | null>
  /** As many calls of `get`, in one go, where that is cheaper. */
  getRanges?(ranges: readonly ObjectRange[]): Promise<(Uint8Array | null)[]>
  /**
   * Reads before it returns. False when not all of it can be had in this turn, or an object is not there: then `into`s hold
   * anything, and `get` tells. `CORRUPTION` when an object ends too early.
   */
  readNow?(reads: readonly RangeRead[]): boolean
  /** Names that begin with `prefix`, in no order. */
  list(prefix: string): Promise<string[]>
  /** Removes objects; names that are not there are fine. */
  delete(names: readonly string[]): Promise<void>
  usage(): Promise<StorageUsage>
  /** Releases the writer lock and all resources. Idempotent. */
  close(): Promise<void>
}

export interface StorageAdapter {
  /** For messages and `stats()`: 'memory', 'fs', 'indexeddb', 'idbfs', 'opfs', 'kv', ... */
  readonly name: string
  readonly capabilities: StorageCapabilities
  /** Why this adapter stands in for the one that was asked for; `stats()` shows it. */
  readonly fallbackReason?: string
  /**
   * Opens (or prepares to create) the database called `database`: 1..255 characters, any Unicode. The folder
   * adapter, where it is a path, takes up to 4,096. An empty name is `INVALID_ARGUMENT`, a longer one `LIMIT_EXCEEDED`.
   * `write` takes the writer lock for the life of the session and rejects with `LOCKED` at once when
   * it is held; `read` takes none and never creates anything. Where the adapter can tell that the database was there and
   * has been removed from outside, both reject with `EVICTED` unless `recreate` is given.
   */
  open(database: string, mode: 'read' | 'write', options?: OpenSessionOptions): Promise<StorageSession>
}
