/**
 * Persistent storage: the browser's word that it will not delete this origin's data to free space. It counts for all
 * storage of the origin at once, and is asked for by a page, not a worker.
 */
interface StoragePersistence {
  persist?(): Promise<boolean>
  persisted?(): Promise<boolean>
}

/**
 * Asks for persistence; true when it was granted, now or before. Firefox asks the user; Chromium and Safari decide by
 * how the site is used. False where nobody can be asked: outside browsers, in workers, in insecure contexts.
 */
export async function persist(): Promise<boolean> {
  return ask((storage) => storage.persist?.())
}

/** Whether persistence was granted. */
export async function persisted(): Promise<boolean> {
  return ask((storage) => storage.persisted?.())
}

async function ask(
  question: (storage: StoragePersistence) => Promise<boolean> | undefined,
): Promise<boolean> {
  const storage = (globalThis as { navigator?: { storage?: StoragePersistence } }).navigator?.storage
  try {
    return storage === undefined ? false : ((await question(storage)) ?? false)
  } catch {
    // Opaque origins and some private modes refuse to answer, which is a no.
    return false
  }
}
