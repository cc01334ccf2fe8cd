/** Bytes this origin may still store, as the browser estimates it; undefined where it does not say. */
export async function availableQuotaBytes(): Promise<number | undefined> {
  const storage = (globalThis as { navigator?: { storage?: Partial<StorageManager> } }).navigator?.storage
  try {
    const estimate = await storage?.estimate?.()
    if (estimate?.quota === undefined || estimate.usage === undefined) return undefined
    return Math.max(0, estimate.quota - estimate.usage)
  } catch {
    // Some private modes refuse to say.
    return undefined
  }
}
