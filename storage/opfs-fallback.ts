import { UnsupportedError } from '../js/errors/omen-error.js'
import type { StorageAdapter } from './contract.js'
import { ExistenceMark } from './existence-mark.js'
import { opfsAvailable } from './opfs-files.js'
import { type OpfsOptions, opfsMarkName, opfsStorage } from './opfs.js'

/**
 * OPFS, or where the browser refuses it `fallback`, which then says why. A database that is known to be in OPFS is
 * `UNSUPPORTED` there: what the fallback would show in its place is another, empty one.
 */
export async function opfsOrFallback(
  fallback: StorageAdapter,
  options: OpfsOptions = {},
): Promise<StorageAdapter> {
  const reason = await opfsAvailable()
  if (reason === true) return opfsStorage(options)
  return {
    name: fallback.name,
    capabilities: fallback.capabilities,
    fallbackReason: `opfs: ${reason}`,
    async open(database, mode, options) {
      const session = await fallback.open(database, mode, options)
      if (!(await new ExistenceMark(await opfsMarkName(database)).isThere())) return session
      await session.close()
      throw new UnsupportedError(
        `database ${JSON.stringify(database)} is in the private file system, which cannot be used now: ${reason}`,
      )
    },
  }
}
