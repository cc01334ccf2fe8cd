/** The script of the worker in browsers. */
import type { ToWorker } from '../worker/messages.js'
import { browserRuntime } from './browser-runtime.js'
import { serveDatabase } from './worker-entry.js'

/** The part of a dedicated worker's scope that is used; the DOM library describes a page's. */
interface WorkerScope {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null
}

const scope = globalThis as unknown as WorkerScope
serveDatabase(
  {
    post: (message, transfer) => scope.postMessage(message, transfer),
    listen: (onMessage) => {
      scope.onmessage = (event) => onMessage(event.data)
    },
  },
  // Bundlers put what they can follow into a worker's one file. This they take for a file beside it.
  browserRuntime({
    idbfs: () =>
      import(/* webpackIgnore: true */ /* @vite-ignore */ new URL('./idbfs.js', import.meta.url).href),
    opfs: () =>
      import(/* webpackIgnore: true */ /* @vite-ignore */ new URL('./opfs-storage.js', import.meta.url).href),
  }),
)
