/** A host in this thread, with what the runtime has for it; apart from `connect.ts`, because pages seldom need one. */
import type { StorageAdapter } from '../../storage/contract.js'
import type { StorageName } from '../api/types.js'
import { EngineHost } from '../engine/engine-host.js'
import type { HostPort } from '../engine/protocol.js'
import type { Environment } from '../sharing/environment.js'
import { SharedHost } from '../sharing/shared-host.js'
import type { CoreModule, WasmSource } from '../wasm/core-module.js'
import type { HostRequest } from './connect.js'

export interface Runtime {
  /** `UNSUPPORTED` for a storage that this runtime does not have. */
  readonly storage: (name: StorageName, isShared: boolean) => StorageAdapter | Promise<StorageAdapter>
  /** `null`: the runtime's own build of the engine. */
  readonly loadCore: (wasm: WasmSource | null) => Promise<CoreModule>
  readonly clockStandsStill: boolean
  /** What tabs share databases of this storage with; `null` where this storage is not shared, or cannot be. */
  readonly sharing?: (storage: StorageName) => Environment | null
}

/** Opens the host in this thread, for `Doorway.openHere` and for the worker entries. */
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
