/** Node, Deno and Bun: wasm read from beside this file, databases in folders, worker threads. */
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { memoryStorage } from '../../storage/memory.js'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { loadCoreModule } from '../wasm/core-module.js'
import type { FromWorker } from '../worker/messages.js'
import type { WorkerHandle } from '../worker/worker-client.js'
import type { Runtime } from './connect.js'
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
  defaultStorage: () => 'fs',
  storage: (name) => {
    if (name === 'fs') return nodeFsStorage()
    if (name === 'memory') return memoryStorage()
    throw unsupportedStorage(name, 'Node, Deno and Bun')
  },
  loadCore: (wasm) => loadCoreModule(wasm ?? builds(), { readUrl }),
  startWorker: () => startThread(new URL('./node-worker.js', import.meta.url)),
  clockStandsStill: false,
}

function startThread(script: URL): WorkerHandle {
  // The options of this process (a loader, --inspect) are not meant for the engine.
  const thread = new Worker(script, { name: 'omendb', execArgv: [] })
  // Process-wide listeners must not be held up by it: a process that has nothing else to do may end.
  thread.unref()
  let ended = false
  return {
    post: (message, transfer) => thread.postMessage(message, transfer),
    listen(onMessage, onFailure) {
      thread.on('message', (message: FromWorker) => onMessage(message))
      thread.on('messageerror', (error) => onFailure(error.message))
      thread.on('error', (error) => onFailure(error instanceof Error ? error.message : String(error)))
      thread.on('exit', (code) => {
        ended = true
        onFailure(`it ended with exit code ${code}`)
      })
    },
    keepAlive(needed) {
      if (ended) return
      if (needed) thread.ref()
      else thread.unref()
    },
    async terminate() {
      await thread.terminate()
    },
  }
}
