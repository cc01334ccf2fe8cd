/** What a database says of itself: sizes, and what a byte that was given costs in bytes written, stored and read. */
import type { OmenError } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import { asOmenError, type HostStats } from './protocol.js'
import type { Store } from './store.js'

interface HostState {
  /** Bytes that opening read. */
  readonly openingBytes: number
  /** Bytes of rows and ids committed since. */
  readonly acceptedBytes: number
  readonly memoryBudgetBytes: number
  readonly busy: boolean
  readonly error: OmenError | null
}

/** `STORAGE_FAILED` when the storage cannot say what it holds. */
export async function hostStats(engine: CoreEngine, store: Store, state: HostState): Promise<HostStats> {
  const usage = await store.usage().catch((error: unknown) => {
    throw asOmenError(error, 'STORAGE_FAILED')
  })
  const { adapter, durability, readOnlyReason } = store
  const { error } = state
  const sums = { liveBytes: 0, memtableRows: 0, segments: 0 }
  for (const collection of engine.collections()) {
    const stats = engine.stats(collection)
    sums.liveBytes += stats.liveBytes
    sums.memtableRows += stats.memtableRows
    sums.segments += stats.segments
  }
  return {
    storage: adapter.name,
    ...(adapter.fallbackReason === undefined ? {} : { storageFallback: adapter.fallbackReason }),
    durable: adapter.capabilities.durableOnResolve && durability === 'strict',
    durability,
    simd: engine.simd,
    readOnly: readOnlyReason !== null,
    ...(readOnlyReason === null ? {} : { readOnlyReason }),
    sequence: Number(engine.sequence()),
    oldestSequence: Number(engine.oldestSequence()),
    collections: engine.collectionCount(),
    memtableRows: sums.memtableRows,
    segments: sums.segments,
    walBytes: store.ephemeral ? 0 : engine.uncheckpointedWalBytes(),
    writeAmplification: ratio(store.putBytes, state.acceptedBytes),
    spaceAmplification: ratio(usage.usedBytes, sums.liveBytes),
    readAmplification: ratio(state.openingBytes, sums.liveBytes),
    memoryBytes: engine.wasmMemoryBytes(),
    engineBytes: engine.memoryBytes(),
    ...(state.memoryBudgetBytes === 0 ? {} : { memoryBudgetBytes: state.memoryBudgetBytes }),
    storageUsedBytes: usage.usedBytes,
    ...(usage.availableBytes === undefined ? {} : { storageAvailableBytes: usage.availableBytes }),
    busy: state.busy,
    ...(error === null ? {} : { backgroundError: `${error.code}: ${error.message}` }),
  }
}

/** 0 while there is nothing to compare with. */
function ratio(bytes: number, baseBytes: number): number {
  return baseBytes === 0 ? 0 : bytes / baseBytes
}
