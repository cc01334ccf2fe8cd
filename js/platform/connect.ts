/**
 * From `open`'s request to a host: in a worker where that is possible, else in place. What differs between runtimes is
 * in `Doorway`; each entry of this folder has one.
 */
import type { StorageAdapter } from '../../storage/contract.js'
import type { Connect, ConnectRequest, Connected } from '../api/open.js'
import type { StorageName } from '../api/types.js'
import { abortedError, asOmenError, type HostPort, type HostSettings } from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'
import type { WasmSource } from '../wasm/core-module.js'
import { WorkerClient, type WorkerHandle, WorkerNotStarted } from '../worker/worker-client.js'

/** What a runtime offers to whoever opens a database in it. */
export interface Doorway {
  /** What `'auto'` means here. */
  readonly defaultStorage: () => StorageName
  /** Throws when a worker cannot be made; `null` where there are none. */
  readonly startWorker: (() => WorkerHandle) | null
  /** Opens the host in this thread. */
  readonly openHere: (request: HostRequest) => Promise<HostPort>
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

export function connectWith(doorway: Doorway): Connect {
  return async (request) => {
    const { storage, worker } = request
    if (typeof storage !== 'string') {
      if (worker === true) {
        throw errorFromCode(
          'INVALID_ARGUMENT',
          'open: a StorageAdapter cannot be handed to a worker; leave out worker, or name a storage',
        )
      }
      return openInPlace(doorway, request, storage)
    }
    const name = storage === 'auto' ? doorway.defaultStorage() : storage
    const inPlace = (): Promise<Connected> => openInPlace(doorway, request, name)
    if (worker === false) return inPlace()
    if (doorway.startWorker === null) {
      const connected = await inPlace()
      return worker === true ? { ...connected, workerFallback: 'this runtime has no workers' } : connected
    }
    try {
      return await openInWorker(doorway.startWorker, request, name)
    } catch (error) {
      if (!(error instanceof WorkerNotStarted)) throw error
      return { ...(await inPlace()), workerFallback: error.message }
    }
  }
}

async function openInPlace(
  doorway: Doorway,
  request: ConnectRequest,
  storage: StorageName | StorageAdapter,
): Promise<Connected> {
  const opening = doorway.openHere({ ...request, storage, wasm: request.wasm ?? null })
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
