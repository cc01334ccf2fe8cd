/** How much memory an engine may take, and what it leaves in storage from the start. */
import type { StorageAdapter } from '../../storage/contract.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import type { HostSettings } from './protocol.js'

export interface MemoryOptions {
  readonly adapter: StorageAdapter
  readonly ephemeral: boolean
  readonly readOnly: boolean
  readonly settings: HostSettings
}

/** Smaller collections are loaded whole: what is damaged is found by opening, and it takes no time. */
const LEFT_BYTES_MIN = 32 << 20
/** Of a memory budget: what the engine may hold. The rest is the allocator's, and that of calls under way. */
const ENGINE_SHARE = 5 / 8
/** What a wasm instance takes without an engine: its stack, its own data, what JavaScript hands over. */
const INSTANCE_BYTES = 4 << 20
/** Of a memory budget: one frame of writes, which is there three times until its rows can leave. */
const FRAME_SHARE = 1 / 16

function canReadRanges({ adapter, ephemeral }: MemoryOptions): boolean {
  return adapter.capabilities.rangedReads && !ephemeral
}

export function setBudget(engine: CoreEngine, options: MemoryOptions): void {
  const { memoryBudgetBytes } = options.settings
  engine.vectors.setBudget(
    Math.max(0, memoryBudgetBytes * ENGINE_SHARE - INSTANCE_BYTES),
    canReadRanges(options),
  )
}

/** How large a frame of writes may get, where it is usually `frameBytes`. */
export function frameBytesWithin(frameBytes: number, { settings }: MemoryOptions): number {
  const { memoryBudgetBytes } = settings
  return memoryBudgetBytes === 0 ? frameBytes : Math.min(frameBytes, memoryBudgetBytes * FRAME_SHARE)
}

/** The engine, which will leave vectors in storage where that pays. */
export function prepareMemory(engine: CoreEngine, options: MemoryOptions): CoreEngine {
  setBudget(engine, options)
  if (!canReadRanges(options)) return engine
  // Without a budget they come into memory later, which must not take longer than now; and what a reader has not
  // read yet the next writer may delete.
  const isQuick = options.adapter.capabilities.synchronousReads && !options.readOnly
  if (options.settings.memoryBudgetBytes > 0) engine.vectors.leave(0)
  else if (isQuick) engine.vectors.leave(LEFT_BYTES_MIN)
  return engine
}
