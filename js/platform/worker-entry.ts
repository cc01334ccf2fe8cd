/** What the worker entries of all runtimes do once they have their endpoint. */
import type { StorageName } from '../api/types.js'
import { serve, type WorkerEndpoint } from '../worker/worker-host.js'
import { openHost, type Runtime } from './open-host.js'

export function serveDatabase(endpoint: WorkerEndpoint, runtime: Runtime): void {
  serve(endpoint, async ({ database, storage, readOnly, sharing, settings, wasm }) => {
    const source = typeof wasm === 'string' ? new URL(wasm) : wasm
    const place = { database, storage: storage as StorageName, wasm: source, signal: undefined }
    return openHost(runtime, 'worker', { ...place, readOnly, sharing, settings })
  })
}
