/** Browsers: wasm and worker fetched from beside this file, databases in IndexedDB. */
import { indexedDbStorage } from '../../storage/indexeddb.js'
import { memoryStorage } from '../../storage/memory.js'
import { loadCoreModule } from '../wasm/core-module.js'
import type { FromWorker } from '../worker/messages.js'
import type { WorkerHandle } from '../worker/worker-client.js'
import type { Runtime } from './connect.js'
import { loadIdbfsStorage } from './idbfs-script.js'
import { unsupportedStorage } from './unsupported.js'

const builds = () => ({
  simd: new URL('./core-simd.wasm', import.meta.url),
  relaxed: new URL('./core-relaxed.wasm', import.meta.url),
})

export const browserRuntime: Runtime = {
  // Without IndexedDB nothing can be kept; `stats()` shows 'memory', and that it is not durable.
  defaultStorage: () => (typeof indexedDB === 'undefined' ? 'memory' : 'indexeddb'),
  storage: (name) => {
    if (name === 'indexeddb') return indexedDbStorage()
    if (name === 'idbfs') return loadIdbfsStorage()
    if (name === 'memory') return memoryStorage()
    throw unsupportedStorage(name, 'browsers')
  },
  loadCore: (wasm) => loadCoreModule(wasm ?? builds()),
  startWorker: typeof Worker === 'function' ? startWorker : null,
  clockStandsStill: false,
}

function startWorker(): WorkerHandle {
  // In one expression, so that bundlers recognize it.
  const worker = new Worker(new URL('./browser-worker.js', import.meta.url), {
    type: 'module',
    name: 'omendb',
  })
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    listen(onMessage, onFailure) {
      worker.onmessage = (event: MessageEvent<FromWorker>) => onMessage(event.data)
      worker.onmessageerror = () => onFailure('a message could not be read')
      worker.onerror = (event) => {
        event.preventDefault()
        onFailure(event.message || 'its script could not be loaded')
      }
    },
    keepAlive: () => undefined,
    async terminate() {
      worker.terminate()
    },
  }
}
