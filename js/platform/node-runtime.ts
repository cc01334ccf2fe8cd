/** Node, Deno and Bun: wasm read from beside this file, databases in folders, worker threads. */
import { readFile } from 'node:fs/promises'
import { memoryStorage } from '../../storage/memory.js'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { loadCoreModule } from '../wasm/core-module.js'
import type { Runtime } from './open-host.js'
import { unsupportedStorage } from './unsupported.js'

const builds = () => ({
  simd: new URL('./core-simd.wasm', import.meta.url),
  relaxed: new URL('./core-relaxed.wasm', import.meta.url),
})

async function readUrl(url: URL): Promise<BufferSource> {
  if (url.protocol === 'file:') return readFile(url)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
  return response.arrayBuffer()
}

export const nodeRuntime: Runtime = {
  storage: (name) => {
    if (name === 'fs') return nodeFsStorage()
    if (name === 'memory') return memoryStorage()
    throw unsupportedStorage(name, 'Node, Deno and Bun')
  },
  loadCore: (wasm) => loadCoreModule(wasm ?? builds(), { readUrl }),
  clockStandsStill: false,
}
