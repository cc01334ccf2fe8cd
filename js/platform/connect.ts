/**
 * From `open`'s request to a host: in a worker where that is possible, else in place. What differs between runtimes is
 * in `Runtime`; each entry of this folder has one.
 */
import type { StorageAdapter } from '../../storage/contract.js'
import type { Connect, ConnectRequest, Connected } from '../api/open.js'
import type { StorageName } from '../api/types.js'
import { EngineHost } from '../engine/engine-host.js'
import { asOmenError } from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreModule, WasmSource } from '../wasm/core-module.js'
import { WorkerClient, type WorkerHandle, WorkerNotStarted } from '../worker/worker-client.js'

export interface Runtime {
  /** What `'auto'` means here. */
  readonly defaultStorage: () => StorageName
  /** `UNSUPPORTED` for a storage that this runtime does not have. */
  readonly storage: (name: StorageName) => StorageAdapter | Promise<StorageAdapter>
  /** `null`: the runtime's own build of the engine. */
  readonly loadCore: (wasm: WasmSource | null) => Promise<CoreModule>
  /** Throws when a worker cannot be made; `null` where there are none. */
  readonly startWorker: (() => WorkerHandle) | null
  readonly clockStandsStill: boolean
}

export function connectWith(runtime: Runtime): Connect {
  return async (request) => {
    const { storage, worker } = request
    if (typeof storage !== 'string') {
      if (worker === true) {
        throw errorFromCode(
          'INVALID_ARGUMENT',
          'open: a StorageAdapter cannot be handed to a worker; leave out worker, or name a storage',
        )
      }
      return openInPlace(runtime, request, storage)
    }
    const name = storage === 'auto' ? runtime.defaultStorage() : storage
    const inPlace = async (): Promise<Connected> => openInPlace(runtime, request, await runtime.storage(name))
    if (worker === false) return inPlace()
    if (runtime.startWorker === null) {
      const connected = await inPlace()
      return worker === true ? { ...connected, workerFallback: 'this runtime has no workers' } : connected
    }
    try {
      return await openInWorker(runtime.startWorker, request, name)
    } catch (error) {
      if (!(error instanceof WorkerNotStarted)) throw error
      return { ...(await inPlace()), workerFallback: error.message }
    }
  }
}

/** Opens the host in this thread, for `openInPlace` and for the worker entries. */
export async function openHost(
  runtime: Runtime,
  engine: 'worker' | 'in-place',
  adapter: StorageAdapter,
  request: Pick<ConnectRequest, 'database' | 'readOnly' | 'signal'> & { readonly wasm: WasmSource | null },
): Promise<EngineHost> {
  const core = await runtime.loadCore(request.wasm)
  const { database, readOnly, signal } = request
  const { clockStandsStill } = runtime
  return EngineHost.open({ database, readOnly, signal, adapter, core, engine, clockStandsStill })
}

async function openInPlace(
  runtime: Runtime,
  request: ConnectRequest,
  adapter: StorageAdapter,
): Promise<Connected> {
  try {
    const port = await openHost(runtime, 'in-place', adapter, { ...request, wasm: request.wasm ?? null })
    return { port, release: async () => undefined }
  } catch (error) {
    throw asOmenError(error)
  }
}

async function openInWorker(
  startWorker: () => WorkerHandle,
  { database, readOnly, wasm, signal }: ConnectRequest,
  storage: StorageName,
): Promise<Connected> {
  let worker: WorkerHandle
  try {
    worker = startWorker()
  } catch (error) {
    throw new WorkerNotStarted(error instanceof Error ? error.message : String(error))
  }
  const source = wasm instanceof URL ? wasm.href : (wasm ?? null)
  const port = await WorkerClient.open(worker, { database, storage, readOnly, wasm: source }, signal)
  return { port, release: () => worker.terminate() }
}
