/**
 * The entry for Cloudflare Workers (workerd) and runtimes like it: wasm is a module of the deployment, there are no
 * workers and no timers between requests. Storage is memory unless an adapter is given.
 */
import { memoryStorage } from '../../storage/memory.js'
import { openWith } from '../api/open.js'
import { loadCoreModule } from '../wasm/core-module.js'
import { connectWith } from './connect.js'
import relaxed from './core-relaxed.wasm'
import simd from './core-simd.wasm'
import { openHost, type Runtime } from './open-host.js'
import { unsupportedStorage } from './unsupported.js'

export * from './public.js'

const workerdRuntime: Runtime = {
  storage: (name) => {
    if (name === 'memory') return memoryStorage()
    throw unsupportedStorage(name, 'this runtime; give an adapter, such as kvStorage of omendb/storage/kv')
  },
  loadCore: (wasm) => loadCoreModule(wasm ?? { simd, relaxed }),
  clockStandsStill: true,
}

/** Opens a database. With `storage: 'memory'`, the default here, it lives as long as its handle. */
export const open = openWith(
  connectWith({
    defaultStorage: () => 'memory',
    startWorker: null,
    openHere: (request) => openHost(workerdRuntime, 'in-place', request),
  }),
)
