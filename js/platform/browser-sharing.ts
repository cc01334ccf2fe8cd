/** Browsers' own means for tabs to share a database: Web Locks and BroadcastChannel, on pages and in workers. */
import type { LockProvider } from '../../storage/web-lock.js'
import type { Environment } from '../sharing/environment.js'

/** `null` where a browser lacks them: Web Locks are for secure contexts only. */
export function browserEnvironment(): Environment | null {
  const locks = webLocks()
  if (locks === undefined || typeof BroadcastChannel !== 'function') return null
  return {
    locks,
    openChannel(name, receive) {
      const channel = new BroadcastChannel(name)
      channel.onmessage = (event: MessageEvent<unknown>) => receive(event.data)
      return {
        post: (message) => channel.postMessage(message),
        close: () => channel.close(),
      }
    },
    now: () => performance.now(),
    every(intervalMs, callback) {
      const timer = setInterval(callback, intervalMs)
      return () => clearInterval(timer)
    },
    after: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
    random: () => crypto.getRandomValues(new BigUint64Array(1))[0] as bigint,
  }
}

/**
 * The writer lock of tabs that share a database: they hold it together, so that only a writer that shares with nobody is
 * kept out, or keeps them out. Which of them writes the election says, and the epoch in the storage's head sees to it: a
 * leader that is frozen holds its lock and cannot be asked for it.
 */
export function sharedWriterLocks(): LockProvider {
  return {
    request: async (name, _options, callback) =>
      webLocks()?.request(name, { mode: 'shared', ifAvailable: true }, callback),
  }
}

function webLocks(): LockManager | undefined {
  return (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks
}
