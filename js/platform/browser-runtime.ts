/** Browsers: wasm and worker fetched from beside this file, databases in IndexedDB. */
import { indexedDbStorage } from '../../storage/indexeddb.js'
import { memoryStorage } from '../../storage/memory.js'
import { loadCoreModule } from '../wasm/core-module.js'
import type { Runtime } from './open-host.js'
import { browserEnvironment, sharedWriterLocks } from './browser-sharing.js'
import { type ImportIdbfs, loadIdbfsStorage } from './idbfs-script.js'
import { type ImportOpfs, loadOpfsStorage } from './opfs-script.js'
import { unsupportedStorage } from './unsupported.js'

const builds = () => ({
  simd: new URL('./core-simd.wasm', import.meta.url),
  relaxed: new URL('./core-relaxed.wasm', import.meta.url),
})

/** What is fetched when a database asks for it. */
interface LazyScripts {
  readonly idbfs: ImportIdbfs
  readonly opfs: ImportOpfs
}

export function browserRuntime(scripts: LazyScripts): Runtime {
  return {
    storage: (name, isShared) => {
      const options = isShared ? { locks: sharedWriterLocks() } : {}
      if (name === 'indexeddb') return indexedDbStorage(options)
      if (name === 'idbfs') return loadIdbfsStorage(scripts.idbfs, options)
      if (name === 'opfs') return loadOpfsStorage(scripts.opfs, { ...options, isShared })
      if (name === 'memory') return memoryStorage()
      throw unsupportedStorage(name, 'browsers')
    },
    loadCore: (wasm) => loadCoreModule(wasm ?? builds()),
    clockStandsStill: false,
    // Memory is each tab's own.
    sharing: (storage) => (storage === 'memory' ? null : browserEnvironment()),
  }
}
