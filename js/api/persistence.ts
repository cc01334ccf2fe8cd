/**
 * Asks the browser not to delete this origin's data when it needs space; true when that was granted, now or before. It
 * counts for all storage of the origin, and is asked for by a page, not a worker: so it is asked here. Firefox asks the
 * user; Chromium and Safari decide by how the site is used. False where nobody can be asked: outside browsers, in
 * workers, in insecure contexts.
 */
export async function askForPersistence(): Promise<boolean> {
  const { navigator } = globalThis as { navigator?: { storage?: Partial<StorageManager> } }
  try {
    return (await navigator?.storage?.persist?.()) ?? false
  } catch {
    // Opaque origins and some private modes refuse to answer, which is a no.
    return false
  }
}
