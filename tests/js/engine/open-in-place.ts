/** `open` from source, with the engine in this thread and a storage adapter of the test's choice. */
import { openWith } from '../../../js/api/open.js'
import type { Database } from '../../../js/api/database.js'
import type { CollectionOptions, OpenOptions } from '../../../js/api/types.js'
import { OmenError } from '../../../js/errors/omen-error.js'
import { connectWith } from '../../../js/platform/connect.js'
import { openHost, type Runtime } from '../../../js/platform/open-host.js'
import type { CoreModule } from '../../../js/wasm/core-module.js'
import type { StorageAdapter } from '../../../storage/contract.js'
import { memoryStorage } from '../../../storage/memory.js'
import { loadCore } from '../wasm/open-core.js'

export const OPTIONS: CollectionOptions = { dimensions: 4, metric: 'l2' }

export interface OpenedInPlace {
  readonly db: Database
  /** For tests that break the engine's memory. */
  readonly core: CoreModule
}

export async function openInPlace(
  storage: StorageAdapter,
  options: OpenOptions & { clockStandsStill?: boolean } = {},
): Promise<OpenedInPlace> {
  const { clockStandsStill = false, ...rest } = options
  let core: CoreModule | null = null
  const runtime: Runtime = {
    storage: () => memoryStorage(),
    loadCore: async () => (core = await loadCore()),
    clockStandsStill,
  }
  const open = openWith(
    connectWith({
      defaultStorage: () => 'memory',
      startWorker: null,
      openHere: (request) => openHost(runtime, 'in-place', request),
    }),
  )
  const db = await open('simulated', { storage, ...rest })
  return { db, core: core as unknown as CoreModule }
}

/** The code that a promise rejects with; what is no OmenError goes on. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  return (await rejectionError(promise))?.code ?? 'no error'
}

export async function rejectionError(promise: Promise<unknown>): Promise<OmenError | null> {
  try {
    await promise
  } catch (error) {
    if (error instanceof OmenError) return error
    throw error
  }
  return null
}

/** A vector that tells rows apart. */
export function vectorOf(seed: number): number[] {
  return [seed, seed / 2, -seed, 1]
}
