/**
 * From `open`'s request to a host: in a worker where that is possible, else in place. What differs between runtimes is
 * in `Runtime`; each entry of this folder has one.
 */
import type { StorageAdapter } from '../../storage/contract.js'
import { SharedHost } from '../sharing/shared-host.js'
import type { Environment } from '../sharing/environment.js'
import type { Connect, ConnectRequest, Connected } from '../api/open.js'
import type { StorageName } from '../api/types.js'
import { EngineHost } from '../engine/engine-host.js'
import { abortedError, asOmenError, type HostPort, type HostSettings } from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreModule, WasmSource } from '../wasm/core-module.js'
import { WorkerClient, type WorkerHandle, WorkerNotStarted } from '../worker/worker-client.js'

export interface Runtime {
  /** What `'auto'` means here. */
  readonly defaultStorage: () => StorageName
  /** `UNSUPPORTED` for a storage that this runtime does not have. */
  readonly storage: (name: StorageName, isShared: boolean) => StorageAdapter | Promise<StorageAdapter>
  /** `null`: the runtime's own build of the engine. */
  readonly loadCore: (wasm: WasmSource | null) => Promise<CoreModule>
  /** Throws when a worker cannot be made; `null` where there are none. */
  readonly startWorker: (() => WorkerHandle) | null
  readonly clockStandsStill: boolean
  /** What tabs share databases of this storage with; `null` where this storage is not shared, or cannot be. */
  readonly sharing?: (storage: StorageName) => Environment | null
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
    const inPlace = (): Promise<Connected> => openInPlace(runtime, request, name)
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

export interface HostRequest {
  readonly database: string
  readonly storage: StorageName | StorageAdapter
  readonly readOnly: boolean
  readonly sharing: boolean
  readonly settings: HostSettings
  readonly wasm: WasmSource | null
  readonly signal: AbortSignal | undefined
}

/** Opens the host in this thread, for `openInPlace` and for the worker entries. */
export async function openHost(
  runtime: Runtime,
  engine: 'worker' | 'in-place',
  request: HostRequest,
): Promise<HostPort> {
  const { storage, database, readOnly, settings, signal } = request
  const isNamed = typeof storage === 'string'
  const environment = isNamed && request.sharing && !readOnly ? (runtime.sharing?.(storage) ?? null) : null
  const adapter = isNamed ? await runtime.storage(storage, environment !== null) : storage
  const { clockStandsStill } = runtime
  // An adapter that was made here for this one host.
  const ephemeral = storage === 'memory'
  const open = (core: CoreModule): Promise<EngineHost> =>
    EngineHost.open({
      database,
      readOnly,
      settings,
      signal,
      adapter,
      ephemeral,
      core,
      engine,
      clockStandsStill,
    })
  const core = await runtime.loadCore(request.wasm)
  if (environment === null) return open(core)
  // Loaded before it is needed, so that a tab can take over whatever became of the network.
  let ready: CoreModule | null = core
  const openEngine = async (): Promise<HostPort> => {
    const next = ready ?? (await runtime.loadCore(request.wasm))
    ready = null
    return open(next)
  }
  return SharedHost.open({ environment, database, storage: adapter.name, engine, openEngine })
}

async function openInPlace(
  runtime: Runtime,
  request: ConnectRequest,
  storage: StorageName | StorageAdapter,
): Promise<Connected> {
  const opening = openHost(runtime, 'in-place', { ...request, storage, wasm: request.wasm ?? null })
  try {
    return { port: await abortable(opening, request.signal), release: async () => undefined }
  } catch (error) {
    throw asOmenError(error)
  }
}

/** Rejects as soon as the signal fires; a host that opens all the same is closed again. */
async function abortable(opening: Promise<HostPort>, signal: AbortSignal | undefined): Promise<HostPort> {
  if (signal === undefined) return opening
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortedError(signal, 'open'))
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([opening, aborted])
  } catch (error) {
    opening.then((host) => host.request('close', null)).catch(() => undefined)
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function openInWorker(
  startWorker: () => WorkerHandle,
  { database, readOnly, sharing, settings, wasm, signal }: ConnectRequest,
  storage: StorageName,
): Promise<Connected> {
  let worker: WorkerHandle
  try {
    worker = startWorker()
  } catch (error) {
    throw new WorkerNotStarted(error instanceof Error ? error.message : String(error))
  }
  const source = wasm instanceof URL ? wasm.href : (wasm ?? null)
  const port = await WorkerClient.open(
    worker,
    { database, storage, readOnly, sharing, settings, wasm: source },
    signal,
  )
  return { port, release: () => port.end() }
}
