/** The entry for browsers, on a page or in a worker of its own. */
import { openWith } from '../api/open.js'
import { browserRuntime } from './browser-runtime.js'
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
    ...browserRuntime({ idbfs: () => import('./idbfs.js'), opfs: () => import('./opfs.js') }),
    startWorker: typeof Worker === 'function' ? startWorker : null,
  }),
)
