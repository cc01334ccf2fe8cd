/**
 * What tabs share a database with: locks, channels and a clock, each as small as its use here. Browsers have them as
 * `navigator.locks`, `BroadcastChannel` and timers; tests bring simulated ones that lose messages and stop time.
 *
 * Not here: what is said and when (the other files of this folder).
 */

export interface LockOptions {
  readonly mode?: 'exclusive' | 'shared'
  /** Takes the lock from its holder, whose own request rejects; the holder is not stopped by it. */
  readonly steal?: boolean
  /** Leaves the queue. */
  readonly signal?: AbortSignal
}

/** The part of `navigator.locks` that is used. */
export interface Locks {
  /** Waits for the lock, holds it until `callback` settles, and then settles as it did. */
  request(name: string, options: LockOptions, callback: () => Promise<void>): Promise<unknown>
  query(): Promise<{ readonly held?: readonly HeldLock[] }>
}

export interface HeldLock {
  readonly name?: string
  /** The page or worker. */
  readonly clientId?: string
}

/** Messages reach every other open channel of the same name, in order, unless the receiver is frozen or gone. */
export interface Channel {
  post(message: unknown): void
  close(): void
}

export interface Environment {
  readonly locks: Locks
  openChannel(name: string, receive: (message: unknown) => void): Channel
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** Calls again and again until the function returned is called. */
  every(intervalMs: number, callback: () => void): () => void
  after(delayMs: number): Promise<void>
  /** 64 random bits. */
  random(): bigint
}
