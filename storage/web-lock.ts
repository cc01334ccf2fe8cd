import { UnsupportedError } from '../js/errors/omen-error.js'

/** A held writer lock. */
export interface WriterLock {
  /** Gives the lock up; resolves when another client could take it. Idempotent. */
  release(): Promise<void>
}

/**
 * The part of `navigator.locks` that is used. Web Locks are shared by all pages and workers of an origin, and end
 * with the page or worker that holds them, however it ends.
 */
export interface LockProvider {
  request(
    name: string,
    options: { mode: 'exclusive'; ifAvailable: true },
    callback: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>
}

/**
 * Takes an exclusive Web Lock at once, or answers `null` when it is held. What it is not: a fence. A page that was
 * frozen, or whose lock was stolen, goes on believing that it holds it; the check of the head in every `put` is what
 * stops it.
 *
 * Web Locks exist in secure contexts only (https, or localhost). Elsewhere this rejects with `UNSUPPORTED`, rather
 * than open a database that nothing protects against a second tab.
 */
export async function acquireWebLock(
  name: string,
  locks: LockProvider | undefined = hostLocks(),
): Promise<WriterLock | null> {
  if (locks === undefined) {
    throw new UnsupportedError(
      'writing needs Web Locks (navigator.locks), which browsers offer to pages from https or localhost only',
    )
  }
  return new Promise<WriterLock | null>((resolve, reject) => {
    const request = locks.request(name, { mode: 'exclusive', ifAvailable: true }, (lock) => {
      if (lock === null) {
        resolve(null)
        return undefined
      }
      return new Promise<void>((done) => {
        resolve({
          async release() {
            done()
            // A lock that was stolen rejects here; it is gone, which is what was asked for.
            await request.catch(() => undefined)
          },
        })
      })
    })
    request.catch(reject)
  })
}

function hostLocks(): LockProvider | undefined {
  return (globalThis as { navigator?: { locks?: LockProvider } }).navigator?.locks
}
