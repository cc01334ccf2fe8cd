import { errorFromCode, type OmenError } from '../js/errors/omen-error.js'

/** One cache per origin holds the marks of all databases. */
const CACHE_NAME = 'omendb-marks'
/** Never fetched: a cache's keys are addresses, and this top-level domain is reserved for those that do not exist. */
const ADDRESS = 'https://omendb.invalid/'

/**
 * A note in Cache Storage that a database exists, apart from where it is stored, so that one which vanished is told
 * from one that never was.
 *
 * Browsers delete a damaged IndexedDB database, or one kind of storage, alone; the note stays. When a whole origin is
 * evicted the note goes with it: nothing in a browser can tell that. The note is best effort: where Cache Storage is
 * missing or refuses there is none, and nothing fails because of it.
 */
export class ExistenceMark {
  readonly #address: string
  #leaving: Promise<void> | null = null

  /** @param store - what no other database, of no other kind of storage, is called. */
  constructor(store: string) {
    this.#address = ADDRESS + encodeURIComponent(store)
  }

  async isThere(): Promise<boolean> {
    return withCache(false, async (cache) => (await cache.match(this.#address)) !== undefined)
  }

  /** Leaves the note, once per session and without waiting: no write depends on it. */
  leave(): void {
    this.#leaving ??= withCache(undefined, async (cache) => {
      // Looked for first: most sessions find it, and reading costs less.
      if ((await cache.match(this.#address)) === undefined) {
        await cache.put(this.#address, new Response(new Date().toISOString()))
      }
    })
  }

  /** Resolves when a note being left is there, or could not be left. */
  async settled(): Promise<void> {
    await this.#leaving
  }
}

/** For a database that has vanished; `quotedName` as messages show it. */
export function evictedError(quotedName: string): OmenError {
  return errorFromCode(
    'EVICTED',
    `database ${quotedName} was here, and what it stored has been removed: by the browser to free space or because it ` +
      'was damaged, or by hand. Nothing was made in its place. To begin anew open it with recreate: true; ' +
      'to be spared ask for persistent storage',
  )
}

async function withCache<T>(otherwise: T, work: (cache: Cache) => Promise<T>): Promise<T> {
  try {
    const { caches } = globalThis as { caches?: CacheStorage }
    return caches === undefined ? otherwise : await work(await caches.open(CACHE_NAME))
  } catch {
    // Private modes and opaque origins refuse; a full quota takes no note.
    return otherwise
  }
}
