/** Loads Emscripten's file system, 57 KB of script that only databases with `storage: 'idbfs'` need. */
import type { StorageAdapter } from '../../storage/contract.js'
import { type IdbfsOptions, idbfsStorage } from '../../storage/idbfs.js'
import type { CreateIdbfsModule } from '../../storage/idbfs-module.js'
import { errorFromCode } from '../errors/omen-error.js'

export type ImportIdbfs = () => Promise<{ default: CreateIdbfsModule }>

export async function loadIdbfsStorage(
  importScript: ImportIdbfs,
  options: Omit<IdbfsOptions, 'createModule'>,
): Promise<StorageAdapter> {
  let script: { default: CreateIdbfsModule }
  try {
    script = await importScript()
  } catch (cause) {
    throw errorFromCode(
      'STORAGE_FAILED',
      'could not load the script of IDBFS, which stands beside this one',
      cause,
    )
  }
  return idbfsStorage({ ...options, createModule: script.default })
}
