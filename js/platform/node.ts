/** The entry for Node, Deno and Bun. */
import { openWith } from '../api/open.js'
import { connectWith } from './connect.js'
import { nodeRuntime } from './node-runtime.js'
import { startWorker } from './node-thread.js'
import { openHost } from './open-host.js'

export * from './public.js'

/**
 * Opens a database, creating it when it is not there. `name` is the path of its folder (with `storage: 'memory'`,
 * only a name).
 *
 * `LOCKED`: another process or handle has it open for writing. `CORRUPTION`: stored bytes are damaged; nothing is
 * repaired or replaced in silence.
 */
export const open = openWith(
  connectWith({
    defaultStorage: () => 'fs',
    startWorker,
    openHere: (request) => openHost(nodeRuntime, 'in-place', request),
  }),
)
