import type { StorageUsage } from './contract.js'

/** With what this origin may still store, where the browser says so; its estimate. */
export async function withAvailable(usedBytes: number): Promise<StorageUsage> {
  const storage = (globalThis as { navigator?: { storage?: Partial<StorageManager> } }).navigator?.storage
  try {
    const estimate = await storage?.estimate?.()
    if (estimate?.quota === undefined || estimate.usage === undefined) return { usedBytes }
    return { usedBytes, availableBytes: Math.max(0, estimate.quota - estimate.usage) }
  } catch {
    // Some private modes refuse to say.
    return { usedBytes }
  }
}
