/** Loads the storage in the origin private file system, which only databases with `storage: 'opfs'` need. */
import type { StorageAdapter, StorageSession } from '../../storage/contract.js'
import { indexedDbStorage } from '../../storage/indexeddb.js'
import type { OpfsOptions } from '../../storage/opfs.js'
import { ERROR_CODES, type ErrorCode } from '../errors/codes.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'

export type ImportOpfs = () => Promise<{
  opfsOrFallback(fallback: StorageAdapter, options: OpfsOptions): Promise<StorageAdapter>
  opfsStorage(options: OpfsOptions): StorageAdapter
}>

/**
 * In a worker IndexedDB stands in where the browser refuses the private file system, and `stats()` says so. On a page
 * it is the engine's place that is in the way, which is for the caller to change: `UNSUPPORTED`.
 */
export async function loadOpfsStorage(
  importScript: ImportOpfs,
  options: OpfsOptions,
): Promise<StorageAdapter> {
  let script: Awaited<ReturnType<ImportOpfs>>
  try {
    script = await importScript()
  } catch (cause) {
    throw errorFromCode(
      'STORAGE_FAILED',
      'could not load the script of OPFS, which stands beside this one',
      cause,
    )
  }
  const isPage = typeof document !== 'undefined'
  return adoptAdapter(
    isPage ? script.opfsStorage(options) : await script.opfsOrFallback(indexedDbStorage(options), options),
  )
}

/** A script of its own has error classes of its own; its errors become ours, so that `instanceof` tells them. */
function adoptAdapter(adapter: StorageAdapter): StorageAdapter {
  return {
    ...adapter,
    open: async (...given) => adoptSession(await adopt(adapter.open(...given))),
  }
}

function adoptSession(session: StorageSession): StorageSession {
  return {
    readHead: () => adopt(session.readHead()),
    compareAndSetHead: (...given) => adopt(session.compareAndSetHead(...given)),
    put: (...given) => adopt(session.put(...given)),
    sync: () => adopt(session.sync()),
    get: (...given) => adopt(session.get(...given)),
    list: (...given) => adopt(session.list(...given)),
    delete: (...given) => adopt(session.delete(...given)),
    usage: () => adopt(session.usage()),
    close: () => adopt(session.close()),
  }
}

async function adopt<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw isOmenErrorOfScript(error) ? errorFromCode(error.code, error.message, error.cause) : error
  }
}

function isOmenErrorOfScript(error: unknown): error is Error & { code: ErrorCode } {
  if (error instanceof OmenError || !(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && code in ERROR_CODES
}
