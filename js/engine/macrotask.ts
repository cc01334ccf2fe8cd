/**
 * Gives the event loop a turn, so that messages, input and other requests come through.
 *
 * Not `setTimeout`: browsers clamp it to 4 ms after five nestings, which would leave an indexer idle most
 * of the time. `setImmediate` where it exists (Node, Deno, Bun), else a message to oneself.
 */
type Turn = (callback: () => void) => void

let turn: Turn | null = null

/** Resolves in a later turn of the event loop. */
export function macrotask(): Promise<void> {
  turn ??= chooseTurn()
  return new Promise(turn)
}

/** Resolves after this long, or later: a page in the background has coarse timers. */
export function delay(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

function chooseTurn(): Turn {
  const immediate = (globalThis as { setImmediate?: Turn }).setImmediate
  if (typeof immediate === 'function') return (callback) => immediate(callback)
  // Objects that do I/O belong to one request there, so a channel made in one cannot serve the next.
  const isWorkerd = globalThis.navigator?.userAgent === 'Cloudflare-Workers'
  if (typeof MessageChannel !== 'function' || isWorkerd) return (callback) => void setTimeout(callback, 0)

  const channel = new MessageChannel()
  const waiting: (() => void)[] = []
  channel.port1.onmessage = () => waiting.shift()?.()
  return (callback) => {
    waiting.push(callback)
    channel.port2.postMessage(null)
  }
}
