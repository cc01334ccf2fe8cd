/** The entry for browsers, on a page or in a worker of its own. */
import { openWith } from '../api/open.js'
import { startWorker } from './browser-thread.js'
import { connectWith } from './connect.js'

export * from './public.js'

/**
 * Opens a database of this origin, creating it when it is not there.
 *
 * Several tabs may have it open. `LOCKED`: one that does not share it (`sharing: false`) has it open for writing. `CORRUPTION`: stored bytes are damaged; nothing is repaired
 * or replaced in silence.
 */
export const open = openWith(
  connectWith({
    // Without IndexedDB nothing can be kept; `stats()` shows 'memory', and that it is not durable.
    defaultStorage: () => (typeof indexedDB === 'undefined' ? 'memory' : 'indexeddb'),
    startWorker: typeof Worker === 'function' ? startWorker : null,
    // With a worker, as nearly everywhere, a page never needs the engine's host, which is most of the script.
    openHere: async (request) => (await import('./browser-in-place.js')).openHere(request),
  }),
)
